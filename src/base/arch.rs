//! Architectures: how registers are named, numbered and kept.
//!
//! One table per architecture under `arch/`, with the same items in the same
//! order; everything else asks [`Arch`].

mod aarch64;
mod arm;
mod i386;
mod loongarch64;
mod m68k;
mod mips;
mod mips64;
mod ppc;
mod ppc64;
mod riscv32;
mod riscv64;
mod s390;
mod s390x;
mod sparc64;
mod unknown;
mod x32;
mod x86_64;

use std::fmt;

/// A register by the number that DWARF gives it.
pub use gimli::Register;

use crate::base::data_model::{ByteOrder, DataModel};

/// The architecture of a process: its instructions, its byte order and the
/// size of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arch {
    /// Which instructions and registers.
    pub machine: Machine,
    /// Which byte of a number comes first.
    pub order: ByteOrder,
}

/// Instructions and registers, apart from the byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    /// AMD64, as in the System V psABI.
    X86_64,
    /// AMD64 with addresses of 32 bits.
    X32,
    /// The 32-bit x86.
    I386,
    /// The 64-bit Arm.
    Aarch64,
    /// The 32-bit Arm, with Thumb.
    Arm,
    /// RISC-V of 64 bits.
    Riscv64,
    /// RISC-V of 32 bits.
    Riscv32,
    /// The 64-bit PowerPC, in either byte order.
    Ppc64,
    /// The 32-bit PowerPC.
    Ppc,
    /// The 64-bit z/Architecture.
    S390x,
    /// The 31-bit one.
    S390,
    /// MIPS of 32 bits, in either byte order.
    Mips,
    /// MIPS of 64 bits, in either byte order.
    Mips64,
    /// MIPS registers of 64 bits with addresses of 32.
    MipsN32,
    /// LoongArch of 64 bits.
    Loongarch64,
    /// SPARC V9.
    Sparc64,
    /// Motorola 68000.
    M68k,
    /// One that nothing is known of but its number and the size of its words.
    Unknown {
        /// `e_machine` of its ELF files.
        e_machine: u16,
        /// Whether its files are of `ELFCLASS64`.
        is_64: bool,
    },
}

/// What the rest of the program needs to know of one architecture.
struct Table {
    /// Its usual name.
    name: &'static str,
    /// `e_machine` of its ELF files.
    e_machine: u16,
    /// Names of the words of `pr_reg` in `NT_PRSTATUS`, then of those that
    /// other notes hold.
    general: &'static [&'static str],
    /// How many of them are in `pr_reg`.
    in_prstatus: usize,
    /// Bytes of each.
    register_size: u8,
    /// DWARF's numbers of the registers that the unwinder follows, and their
    /// words.
    unwound: &'static [(u16, usize)],
    /// DWARF's numbers of those that a function gives back unchanged.
    callee_saved: &'static [u16],
    /// DWARF's numbers of those in which the first integer arguments are passed.
    arguments: &'static [u16],
    /// DWARF's number of the one in which a function returns a pointer.
    result: Option<u16>,
    /// DWARF's number of the program counter, or one that its tables leave
    /// free.
    program_counter: u16,
    /// DWARF's number of the stack pointer.
    stack_pointer: u16,
    /// DWARF's number of the frame pointer.
    frame_pointer: u16,
    /// DWARF's number of the register in which a call leaves the return
    /// address. `None`: it is pushed onto the stack.
    link_register: Option<u16>,
    /// The canonical frame address minus the caller's stack pointer.
    cfa_above_sp: u64,
    /// Bits of a code pointer that are no part of the address.
    code_flags: u64,
    /// The word that is the thread pointer; past the end: none is saved.
    thread_pointer: usize,
    /// The word with the number of the system call, and those with its
    /// arguments.
    syscall: (usize, [usize; 6]),
}

/// No word: of registers that no note holds.
const NO_WORD: usize = usize::MAX;

/// Of an architecture whose convention is not described.
const NO_SYSCALL: (usize, [usize; 6]) = (NO_WORD, [NO_WORD; 6]);

/// ELF's flag of the MIPS ABI n32 (`EF_MIPS_ABI2`).
const MIPS_N32: u32 = 0x20;

impl Arch {
    /// AMD64.
    pub const X86_64: Self = Self { machine: Machine::X86_64, order: ByteOrder::Little };

    /// The architecture of an ELF file, by its header: `e_machine`,
    /// `EI_CLASS`, `EI_DATA` and `e_flags`.
    pub fn from_elf(e_machine: u16, is_64: bool, order: ByteOrder, e_flags: u32) -> Self {
        let machine = match (e_machine, is_64) {
            (62, true) => Machine::X86_64,
            (62, false) => Machine::X32,
            (3, false) => Machine::I386,
            (183, true) => Machine::Aarch64,
            (40, false) => Machine::Arm,
            (243, true) => Machine::Riscv64,
            (243, false) => Machine::Riscv32,
            (21, true) => Machine::Ppc64,
            (20, false) => Machine::Ppc,
            (22, true) => Machine::S390x,
            (22, false) => Machine::S390,
            (8, true) => Machine::Mips64,
            (8, false) if e_flags & MIPS_N32 != 0 => Machine::MipsN32,
            (8, false) => Machine::Mips,
            (258, true) => Machine::Loongarch64,
            (43, true) => Machine::Sparc64,
            (4, false) => Machine::M68k,
            (e_machine, is_64) => Machine::Unknown { e_machine, is_64 },
        };
        Self { machine, order }
    }

    fn table(self) -> &'static Table {
        match self.machine {
            Machine::X86_64 => &x86_64::TABLE,
            Machine::X32 => &x32::TABLE,
            Machine::I386 => &i386::TABLE,
            Machine::Aarch64 => &aarch64::TABLE,
            Machine::Arm => &arm::TABLE,
            Machine::Riscv64 => &riscv64::TABLE,
            Machine::Riscv32 => &riscv32::TABLE,
            Machine::Ppc64 => &ppc64::TABLE,
            Machine::Ppc => &ppc::TABLE,
            Machine::S390x => &s390x::TABLE,
            Machine::S390 => &s390::TABLE,
            Machine::Mips => &mips::TABLE,
            Machine::Mips64 => &mips64::TABLE,
            Machine::MipsN32 => &mips64::TABLE_N32,
            Machine::Loongarch64 => &loongarch64::TABLE,
            Machine::Sparc64 => &sparc64::TABLE,
            Machine::M68k => &m68k::TABLE,
            Machine::Unknown { is_64: true, .. } => &unknown::TABLE_64,
            Machine::Unknown { is_64: false, .. } => &unknown::TABLE_32,
        }
    }

    /// The usual name: `x86_64`.
    pub fn name(self) -> &'static str {
        self.table().name
    }

    /// `e_machine` of its ELF files.
    pub fn elf_machine(self) -> u16 {
        match self.machine {
            Machine::Unknown { e_machine, .. } => e_machine,
            _ => self.table().e_machine,
        }
    }

    /// Byte order and size of an address.
    pub fn model(self) -> DataModel {
        DataModel { order: self.order, address_size: if self.is_64() { 8 } else { 4 } }
    }

    /// Whether its ELF files are of `ELFCLASS64`, and addresses have 64 bits.
    pub fn is_64(self) -> bool {
        match self.machine {
            Machine::X86_64
            | Machine::Aarch64
            | Machine::Riscv64
            | Machine::Ppc64
            | Machine::S390x
            | Machine::Mips64
            | Machine::Loongarch64
            | Machine::Sparc64 => true,
            Machine::X32
            | Machine::I386
            | Machine::Arm
            | Machine::Riscv32
            | Machine::Ppc
            | Machine::S390
            | Machine::Mips
            | Machine::MipsN32
            | Machine::M68k => false,
            Machine::Unknown { is_64, .. } => is_64,
        }
    }

    /// Whether the registers and instructions of the architecture are known.
    pub fn is_known(self) -> bool {
        !matches!(self.machine, Machine::Unknown { .. })
    }

    /// Whether it runs the instructions of AMD64.
    pub fn is_x86_64(self) -> bool {
        matches!(self.machine, Machine::X86_64 | Machine::X32)
    }

    /// Names of the general registers, in the order of `pr_reg` in the
    /// `NT_PRSTATUS` note, then of those that other notes hold.
    pub fn general_registers(self) -> &'static [&'static str] {
        self.table().general
    }

    /// How many of [`Arch::general_registers`] are in `pr_reg`.
    pub fn prstatus_registers(self) -> usize {
        self.table().in_prstatus
    }

    /// Bytes of one word of `pr_reg`.
    pub fn register_size(self) -> u8 {
        self.table().register_size
    }

    /// Which word of `pr_reg` holds the register that DWARF numbers so.
    pub fn general_index(self, register: Register) -> Option<usize> {
        let slot = self.slot(register)?;
        let (_, word) = self.table().unwound.get(slot)?;
        Some(*word).filter(|word| *word != NO_WORD)
    }

    /// The registers that the unwinder follows, by DWARF's numbers.
    pub fn unwound_registers(self) -> impl Iterator<Item = Register> {
        self.table().unwound.iter().map(|(number, _)| Register(*number))
    }

    /// The place of a register among [`Arch::unwound_registers`].
    pub fn slot(self, register: Register) -> Option<usize> {
        let unwound = self.table().unwound;
        let direct = usize::from(register.0);
        // Tables begin with the registers that are numbered from zero on.
        if unwound.get(direct).is_some_and(|(number, _)| *number == register.0) {
            return Some(direct);
        }
        unwound.iter().position(|(number, _)| *number == register.0)
    }

    /// The name of the register that DWARF numbers so: `rdi`.
    pub fn register_name(self, register: Register) -> Option<&'static str> {
        self.general_index(register).and_then(|word| self.table().general.get(word)).copied()
    }

    /// Whether a called function must give this register back unchanged. The
    /// others are unknown in outer frames unless a table says where they are.
    pub fn is_callee_saved(self, register: Register) -> bool {
        self.table().callee_saved.contains(&register.0)
    }

    /// The register in which an integer argument of this number is passed, from
    /// 0 on. `None`: it is passed on the stack.
    pub fn argument(self, number: usize) -> Option<Register> {
        self.table().arguments.get(number).copied().map(Register)
    }

    /// The registers in which integer arguments are passed, the first one first.
    pub fn arguments(self) -> impl Iterator<Item = Register> {
        self.table().arguments.iter().copied().map(Register)
    }

    /// The register in which a function returns a pointer.
    pub fn result(self) -> Option<Register> {
        self.table().result.map(Register)
    }

    /// DWARF's number of the stack pointer.
    pub fn stack_pointer(self) -> Register {
        Register(self.table().stack_pointer)
    }

    /// DWARF's number of the frame pointer, where code keeps one.
    pub fn frame_pointer(self) -> Register {
        Register(self.table().frame_pointer)
    }

    /// The number under which a frame's registers hold its pc.
    pub fn program_counter(self) -> Register {
        Register(self.table().program_counter)
    }

    /// DWARF's number of the register in which a call leaves the return
    /// address. `None`: a call pushes it onto the stack.
    pub fn link_register(self) -> Option<Register> {
        self.table().link_register.map(Register)
    }

    /// The canonical frame address minus the stack pointer of the caller: the
    /// area that each frame on s390 keeps for the functions that it calls.
    pub fn cfa_above_sp(self) -> u64 {
        self.table().cfa_above_sp
    }

    /// The address that a code pointer means: without the bit that selects
    /// Thumb, MIPS16 or the 31-bit mode.
    pub fn code_address(self, pointer: u64) -> u64 {
        pointer & !self.table().code_flags
    }

    /// Which word of the general registers is the thread pointer. Past their
    /// end where none is saved.
    pub fn thread_pointer_index(self) -> usize {
        self.table().thread_pointer
    }

    /// Where the thread-local block of the program itself is, from the thread
    /// pointer and from size and alignment of its template.
    ///
    /// Source: Drepper, "ELF Handling For Thread-Local Storage", variants I and
    /// II; the psABIs of AArch64 and RISC-V; glibc `sysdeps/*/nptl/tls.h`.
    pub fn program_tls_block(self, pointer: u64, size: u64, align: u64) -> Option<u64> {
        let behind = |header: u64| pointer.checked_add(header.checked_next_multiple_of(align)?);
        match self.machine {
            _ if self.has_tls_below_pointer() => {
                pointer.checked_sub(size.checked_next_multiple_of(align)?)
            }
            Machine::Aarch64 => behind(16),
            Machine::Arm => behind(8),
            Machine::Riscv64 | Machine::Riscv32 | Machine::Loongarch64 => Some(pointer),
            Machine::Ppc64 | Machine::Ppc => pointer.checked_sub(0x7000),
            _ => None,
        }
    }

    /// Whether the thread pointer is the address of the thread's descriptor,
    /// and thread-local blocks lie below it (variant II).
    pub fn has_tls_below_pointer(self) -> bool {
        matches!(
            self.machine,
            Machine::X86_64
                | Machine::X32
                | Machine::I386
                | Machine::S390x
                | Machine::S390
                | Machine::Sparc64
        )
    }

    /// Which word of `pr_reg` keeps the number of the system call that the
    /// thread is in. On x86 it is all ones when it is in none; elsewhere it is
    /// an ordinary register.
    pub fn syscall_index(self) -> usize {
        self.table().syscall.0
    }

    /// Which words keep the arguments of the system call.
    pub fn syscall_arguments(self) -> [usize; 6] {
        self.table().syscall.1
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.machine {
            Machine::Unknown { e_machine, .. } => write!(f, "unknown (e_machine {e_machine})"),
            _ => f.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every architecture, in some byte order.
    fn all() -> Vec<Arch> {
        let headers = [
            (62, true),
            (62, false),
            (3, false),
            (183, true),
            (40, false),
            (243, true),
            (243, false),
            (21, true),
            (20, false),
            (22, true),
            (22, false),
            (8, true),
            (8, false),
            (258, true),
            (43, true),
            (4, false),
            (9999, true),
            (9999, false),
        ];
        let mut all: Vec<_> = headers
            .iter()
            .map(|(machine, is_64)| Arch::from_elf(*machine, *is_64, ByteOrder::Little, 0))
            .collect();
        all.push(Arch::from_elf(8, false, ByteOrder::Big, MIPS_N32));
        all
    }

    #[test]
    fn tables_agree_with_themselves() {
        for arch in all() {
            let table = arch.table();
            let name = arch.name();
            assert!(table.in_prstatus <= table.general.len(), "{name}");
            for (number, word) in table.unwound {
                assert!(*word == NO_WORD || *word < table.general.len(), "{name} {number}");
                assert_eq!(arch.unwound_registers().filter(|it| it.0 == *number).count(), 1);
            }
            if arch.is_known() {
                for register in [arch.program_counter(), arch.stack_pointer()] {
                    assert!(arch.general_index(register).is_some(), "{name} {register:?}");
                }
                assert!(arch.link_register().is_none_or(|it| arch.slot(it).is_some()), "{name}");
            }
            for saved in table.callee_saved {
                assert!(arch.general_index(Register(*saved)).is_some(), "{name} {saved}");
            }
            let mut names = table.general.to_vec();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.general.len(), "{name}: two registers of one name");
        }
    }

    #[test]
    fn dwarf_numbers_name_the_right_words() {
        let cases: &[((u16, bool), &[(u16, &str)])] = &[
            // System V psABI for i386, table 2.14.
            ((3, false), &[(0, "eax"), (1, "ecx"), (3, "ebx"), (4, "esp"), (7, "edi"), (8, "eip")]),
            // DWARF for the Arm 64-bit Architecture, section 4.1.
            ((183, true), &[(0, "x0"), (29, "x29"), (30, "x30"), (31, "sp"), (32, "pc")]),
            ((40, false), &[(0, "r0"), (11, "r11"), (13, "sp"), (14, "lr"), (15, "pc")]),
            // RISC-V ELF psABI, "DWARF Register Numbers".
            ((243, true), &[(1, "ra"), (2, "sp"), (8, "s0"), (10, "a0"), (31, "t6")]),
            // 64-bit ELF V2 ABI for Power, table 2.26.
            ((21, true), &[(0, "r0"), (1, "r1"), (31, "r31"), (65, "lr"), (66, "ctr")]),
            ((22, true), &[(0, "r0"), (14, "r14"), (15, "r15"), (65, "pswa")]),
            ((8, false), &[(4, "a0"), (29, "sp"), (31, "ra")]),
            ((258, true), &[(1, "ra"), (3, "sp"), (22, "fp")]),
            ((4, false), &[(0, "d0"), (8, "a0"), (15, "sp"), (24, "pc")]),
        ];
        for ((machine, is_64), names) in cases {
            let arch = Arch::from_elf(*machine, *is_64, ByteOrder::Little, 0);
            for (number, name) in *names {
                let found = arch.register_name(Register(*number));
                assert_eq!(found, Some(*name), "{} {number}", arch.name());
            }
        }
    }

    #[test]
    fn amd64() {
        let arch = Arch::X86_64;
        // System V psABI for AMD64, figure 3.36 "DWARF Register Number Mapping".
        let names = [
            "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
            "r12", "r13", "r14", "r15", "rip",
        ];
        for (number, name) in names.iter().enumerate() {
            assert_eq!(arch.register_name(Register(number as u16)), Some(*name));
        }
        assert_eq!(arch.register_name(Register(17)), None);
        assert_eq!(arch.general_registers()[arch.thread_pointer_index()], "fs_base");
        assert_eq!(arch.general_registers()[arch.syscall_index()], "orig_rax");
    }
}
