//! How stacks are laid out on each architecture, where no table tells.
//!
//! One file per architecture, with the same items in the same order.

mod aarch64;
mod arm;
mod i386;
mod loongarch64;
mod m68k;
mod mips;
mod ppc;
mod ppc64;
mod riscv32;
mod riscv64;
mod s390;
mod s390x;
mod unknown;
mod x32;
mod x86_64;

use crate::base::arch::{Arch, Machine};
use crate::base::data_model::ByteOrder;

/// Bytes of code before a return address that tell whether a call is there.
pub(super) const BEFORE: usize = 8;

/// Conventions of one architecture.
pub(super) struct Conventions {
    /// Whether the code whose last bytes these are ends with a call.
    pub(super) ends_with_call: fn([u8; BEFORE], ByteOrder) -> bool,
    /// What a frame pointer leads to.
    pub(super) frame_record: Option<FrameRecord>,
    /// What the kernel puts onto the stack for a signal handler.
    pub(super) signal_frames: &'static [SignalFrame],
}

/// Where the words of a caller are, relative to the frame pointer, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameRecord {
    /// The word that leads on: the caller's frame pointer.
    pub(super) saved: i64,
    /// The return address.
    pub(super) back: Back,
    /// The caller's stack pointer. `None`: the record does not tell.
    pub(super) caller_sp: Option<i64>,
}

/// Where a return address is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Back {
    /// In the same record, at this distance from the frame pointer.
    Here(i64),
    /// In the record that the saved word leads to, at this distance.
    Next(i64),
}

/// A frame that the kernel made: found by the code to which its handler
/// returns.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignalFrame {
    /// Instructions of the trampoline, and which bits of them count.
    pub(super) code: &'static [(u32, u32)],
    /// Bytes of each instruction.
    pub(super) width: usize,
    /// Where the `siginfo_t` is from the stack pointer on, if the frame has
    /// one: its first word is the signal's number.
    pub(super) info: Option<u64>,
    /// The interrupted registers: DWARF's number of the first of a run, how
    /// many, and the place of the first from the stack pointer on. Each has
    /// the size of a register.
    pub(super) saved: &'static [(u16, u16, u64)],
}

/// The conventions of an architecture.
pub(super) fn conventions(arch: Arch) -> &'static Conventions {
    match arch.machine {
        Machine::X86_64 => &x86_64::CONVENTIONS,
        Machine::X32 => &x32::CONVENTIONS,
        Machine::I386 => &i386::CONVENTIONS,
        Machine::Aarch64 => &aarch64::CONVENTIONS,
        Machine::Arm => &arm::CONVENTIONS,
        Machine::Riscv64 => &riscv64::CONVENTIONS,
        Machine::Riscv32 => &riscv32::CONVENTIONS,
        Machine::Ppc64 => &ppc64::CONVENTIONS,
        Machine::Ppc => &ppc::CONVENTIONS,
        Machine::S390x => &s390x::CONVENTIONS,
        Machine::S390 => &s390::CONVENTIONS,
        Machine::Mips | Machine::Mips64 | Machine::MipsN32 => &mips::CONVENTIONS,
        Machine::Loongarch64 => &loongarch64::CONVENTIONS,
        Machine::M68k => &m68k::CONVENTIONS,
        Machine::Sparc64 | Machine::Unknown { .. } => &unknown::CONVENTIONS,
    }
}

/// The last four bytes of code as one instruction.
fn last_word(code: [u8; BEFORE], order: ByteOrder) -> u32 {
    let [.., a, b, c, d] = code;
    u32::try_from(order.number(&[a, b, c, d])).unwrap_or(0)
}

/// The four bytes before those.
fn word_before(code: [u8; BEFORE], order: ByteOrder) -> u32 {
    let [a, b, c, d, ..] = code;
    u32::try_from(order.number(&[a, b, c, d])).unwrap_or(0)
}

/// The last two bytes of code as one instruction.
fn last_half(code: [u8; BEFORE], order: ByteOrder) -> u16 {
    let [.., a, b] = code;
    u16::try_from(order.number(&[a, b])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether code that ends with these bytes, lowest address first, ends with
    /// a call.
    fn is_call(machine: u16, is_64: bool, order: ByteOrder, last: &[u8]) -> bool {
        let mut code = [0; BEFORE];
        code[BEFORE - last.len()..].copy_from_slice(last);
        let arch = Arch::from_elf(machine, is_64, order, 0);
        (conventions(arch).ends_with_call)(code, order)
    }

    #[test]
    fn calls_and_others() {
        use ByteOrder::{Big, Little};
        // Encodings from the assemblers of these architectures (`as`, `objdump -d`).
        let cases: &[(&str, u16, bool, ByteOrder, &[u8], bool)] = &[
            ("aarch64 bl", 183, true, Little, &[0x05, 0, 0, 0x94], true),
            ("aarch64 blr x0", 183, true, Little, &[0x00, 0x00, 0x3f, 0xd6], true),
            ("aarch64 blraaz x0", 183, true, Little, &[0x1f, 0x08, 0x3f, 0xd6], true),
            ("aarch64 b", 183, true, Little, &[0x05, 0, 0, 0x14], false),
            ("aarch64 br x16", 183, true, Little, &[0x00, 0x02, 0x1f, 0xd6], false),
            ("arm bl", 40, false, Little, &[0x05, 0, 0, 0xeb], true),
            ("arm blx r3", 40, false, Little, &[0x33, 0xff, 0x2f, 0xe1], true),
            ("arm b", 40, false, Little, &[0x05, 0, 0, 0xea], false),
            ("thumb bl", 40, false, Little, &[0x00, 0xf0, 0x05, 0xf8], true),
            ("thumb blx r3", 40, false, Little, &[0, 0, 0x98, 0x47], true),
            ("thumb bx lr", 40, false, Little, &[0, 0, 0x70, 0x47], false),
            ("riscv jal ra", 243, true, Little, &[0xef, 0x00, 0x40, 0x00], true),
            ("riscv jalr ra, a5", 243, true, Little, &[0xe7, 0x80, 0x07, 0x00], true),
            ("riscv c.jalr a5", 243, true, Little, &[0, 0, 0x82, 0x97], true),
            ("riscv j", 243, true, Little, &[0x6f, 0x00, 0x40, 0x00], false),
            ("ppc64 bl", 21, true, Big, &[0x48, 0, 0, 0x05], true),
            ("ppc64 bctrl", 21, true, Little, &[0x21, 0x04, 0x80, 0x4e], true),
            ("ppc64 bl and its nop", 21, true, Big, &[0x48, 0, 0, 5, 0x60, 0, 0, 0], false),
            ("ppc64 b", 21, true, Big, &[0x48, 0, 0, 0x04], false),
            ("s390x brasl r14", 22, true, Big, &[0xc0, 0xe5, 0, 0, 0, 5], true),
            ("s390x basr r14, r1", 22, true, Big, &[0x0d, 0xe1], true),
            ("s390x br r14", 22, true, Big, &[0x07, 0xfe], false),
            ("i386 call", 3, false, Little, &[0xe8, 1, 2, 3, 4], true),
            ("i386 call *%eax", 3, false, Little, &[0xff, 0xd0], true),
            ("mips jal", 8, false, Big, &[0x0c, 0, 0, 5, 0, 0, 0, 0], true),
            ("mips jalr t9", 8, false, Big, &[0x03, 0x20, 0xf8, 0x09, 0, 0, 0, 0], true),
            ("mips j", 8, false, Big, &[0x08, 0, 0, 5, 0, 0, 0, 0], false),
            ("loongarch bl", 258, true, Little, &[0x00, 0x08, 0x00, 0x54], true),
            ("loongarch jirl ra, t0", 258, true, Little, &[0x81, 0x01, 0x00, 0x4c], true),
            ("loongarch jr ra", 258, true, Little, &[0x20, 0x00, 0x00, 0x4c], false),
            ("m68k jsr (a0)", 4, false, Big, &[0x4e, 0x90], true),
            ("m68k rts", 4, false, Big, &[0x4e, 0x75], false),
        ];
        for (name, machine, is_64, order, bytes, want) in cases {
            assert_eq!(is_call(*machine, *is_64, *order, bytes), *want, "{name}");
        }
    }

    #[test]
    fn calls_of_amd64() {
        // Encodings from the assembler (`as`, `objdump -d`).
        let cases = [
            ("call rel32", [0x90, 0x90, 0xe8, 1, 2, 3, 4], true),
            ("call *%rax", [0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0], true),
            ("call *(%rax)", [0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0x10], true),
            ("call *8(%rax)", [0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 0x08], true),
            ("call *8(%rsp)", [0x90, 0x90, 0x90, 0xff, 0x54, 0x24, 0x08], true),
            ("call *0x100(%rax)", [0x90, 0xff, 0x90, 0, 1, 0, 0], true),
            ("call *0x100(%rip)", [0x90, 0xff, 0x15, 0, 1, 0, 0], true),
            ("call *0x100(%rax,%rbx,8)", [0xff, 0x94, 0xd8, 0, 1, 0, 0], true),
            ("jmp *%rax", [0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0], false),
            ("nops", [0x90; 7], false),
            ("mov %rsp,%rbp", [0x90, 0x90, 0x90, 0x55, 0x48, 0x89, 0xe5], false),
        ];
        for (name, bytes, want) in cases {
            assert_eq!(is_call(62, true, ByteOrder::Little, &bytes), want, "{name}");
        }
    }
}
