//! What the kernel put onto the stack before it ran a signal handler.
//!
//! On x86 unwind tables of glibc describe it. Elsewhere they are missing or
//! wrong, and the code to which the handler returns shows it.

use gimli::Register;

use crate::base::addr::RunAddr;
use crate::base::arch::{Arch, Machine};
use crate::base::data_model::ByteOrder;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::unwind::arch::{SignalFrame, conventions};
use crate::unwind::code::can_run;
use crate::unwind::registers::{Registers, read_register};

/// The registers of the code that a signal interrupted, if `registers` are
/// those of a signal trampoline.
///
/// Where the code at the pc is not in the dump, and belongs to no module, as the
/// page that QEMU makes for trampolines, the frame itself has to show what it
/// is: a signal's number, a pc in a module, a stack pointer in memory.
pub(super) fn interrupted(
    process: &Process<'_>,
    memory: &dyn Memory,
    registers: &Registers,
) -> Option<Registers> {
    let frames = conventions(registers.arch()).signal_frames;
    if frames.is_empty() {
        return None;
    }
    let (pc, sp) = (registers.pc()?, registers.sp()?);
    // One read tells nearly all code from a trampoline.
    let mut head = [0; 4];
    let got = memory.read(pc, &mut head);
    let found = if got == 0 && can_run(process, pc) && process.module(pc).is_none() {
        // Those with more to be seen first.
        let with_info = frames.iter().filter(|frame| frame.info.is_some());
        with_info
            .chain(frames.iter().filter(|frame| frame.info.is_none()))
            .filter(|frame| has_signal(frame, memory, sp))
            .filter_map(|frame| restore(frame, memory, sp, registers))
            .find(|found| is_plausible(process, found))
    } else {
        let order = code_order(registers.arch());
        let head = head.get(..got)?;
        let begins = |frame: &&SignalFrame| begins_with(frame, order, head);
        let frame =
            frames.iter().filter(begins).find(|frame| is_there(frame, order, memory, pc))?;
        restore(frame, memory, sp, registers)
    };
    found.filter(|found| found.pc().is_some() && found.sp().is_some())
}

/// Whether a frame with a `siginfo_t` has a signal's number there.
fn has_signal(frame: &SignalFrame, memory: &dyn Memory, sp: RunAddr) -> bool {
    frame.info.is_none_or(|at| {
        let number = sp.checked_add(at).and_then(|at| memory.u32(at).ok());
        number.is_some_and(|number| (1..=64).contains(&number))
    })
}

/// Whether a process may have had these registers.
fn is_plausible(process: &Process<'_>, registers: &Registers) -> bool {
    let in_code = |pc| can_run(process, pc) && process.module(pc).is_some();
    registers.pc().is_some_and(in_code)
        && registers.sp().is_some_and(|sp| process.mapping(sp).is_some())
}

/// The byte order of instructions: on AArch64 and RISC-V little-endian, whatever
/// data is.
fn code_order(arch: Arch) -> ByteOrder {
    match arch.machine {
        Machine::Aarch64 | Machine::Riscv64 | Machine::Riscv32 => ByteOrder::Little,
        _ => arch.order,
    }
}

/// Whether code with these first bytes may be the trampoline.
fn begins_with(frame: &SignalFrame, order: ByteOrder, head: &[u8]) -> bool {
    let first = head.get(..frame.width).zip(frame.code.first());
    first.is_some_and(|(bytes, word)| is_word(*word, order, bytes))
}

/// Whether bytes are an instruction's, as far as its mask tells.
fn is_word((value, mask): (u32, u32), order: ByteOrder, bytes: &[u8]) -> bool {
    order.number(bytes) & u64::from(mask) == u64::from(value)
}

/// Whether the trampoline begins at `pc`.
fn is_there(frame: &SignalFrame, order: ByteOrder, memory: &dyn Memory, pc: RunAddr) -> bool {
    frame.code.iter().zip(0..).all(|(word, index): (_, u64)| {
        let mut bytes = [0; 4];
        let Some(bytes) = bytes.get_mut(..frame.width) else { return false };
        let at = pc.checked_add(index.saturating_mul(frame.width as u64));
        at.is_some_and(|at| memory.read_exact(at, bytes).is_ok()) && is_word(*word, order, bytes)
    })
}

fn restore(
    frame: &SignalFrame,
    memory: &dyn Memory,
    sp: RunAddr,
    registers: &Registers,
) -> Option<Registers> {
    let arch = registers.arch();
    let size = u64::from(arch.register_size());
    let mut found = registers.unknown_of_thread();
    for (first, count, offset) in frame.saved {
        for index in 0..*count {
            let skip = u64::from(index).checked_mul(size)?;
            let at = sp.checked_add(*offset)?.checked_add(skip)?;
            let value = read_register(arch, memory, at).ok();
            found.set(Register(first.checked_add(index)?), value);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::data_model::DataModel;
    use crate::base::memory::tests::Bytes;
    use crate::dump::process::tests::process;

    /// Bytes of a process of another model.
    struct Of<'b>(DataModel, Bytes<'b>);

    impl Memory for Of<'_> {
        fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
            self.1.read(at, out)
        }

        fn model(&self) -> DataModel {
            self.0
        }
    }

    #[test]
    fn registers_come_back() {
        // (machine, order, trampoline, where the pc is from sp on); the other
        // registers lie around it.
        let cases: &[(u16, ByteOrder, &[u32], usize)] = &[
            (183, ByteOrder::Little, &[0xd280_1168, 0xd400_0001], 312 + 32 * 8),
            (243, ByteOrder::Little, &[0x08b0_0893, 0x73], 304),
            (258, ByteOrder::Little, &[0x0382_2c0b, 0x002b_0000], 304),
            (62, ByteOrder::Little, &[0x0fc0_c748, 0x0f00_0000, 0x05], 168),
            (62, ByteOrder::Little, &[0x0000_0fb8, 0x0005_0f00], 168),
            (21, ByteOrder::Big, &[0x3821_0080, 0x3800_00ac, 0x4400_0002], 128 + 232 + 32 * 8),
        ];
        for (machine, order, code, pc_at) in cases {
            let arch = Arch::from_elf(*machine, true, *order, 0);
            // The stack at 0x1000, the trampoline at 0x2000.
            let mut bytes = vec![0; 0x1100];
            for (index, word) in code.iter().enumerate() {
                let word = order.bytes(u128::from(*word), 4);
                bytes[0x1000 + 4 * index..][..4].copy_from_slice(&word);
            }
            bytes[*pc_at..pc_at + 8].copy_from_slice(&order.bytes(0x40_1234, 8));
            let process = process(&[(0x1000, 0x3000, "rwx")]);
            let memory = Of(arch.model(), Bytes(0x1000, &bytes));
            let mut registers = Registers::unknown(arch);
            registers.set(arch.program_counter(), Some(0x2000));
            registers.set(arch.stack_pointer(), Some(0x1000));
            let found = interrupted(&process, &memory, &registers).unwrap();
            assert_eq!(found.pc(), Some(RunAddr(0x40_1234)), "{}", arch.name());
            // The system call alone is none.
            let last = 0x2000 + 4 * (code.len() as u64 - 1);
            registers.set(arch.program_counter(), Some(last));
            assert!(interrupted(&process, &memory, &registers).is_none(), "{}", arch.name());
        }
    }
}
