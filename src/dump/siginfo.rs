//! `siginfo_t`: which signal, why, and from where.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::{FileOff, RunAddr};
use crate::base::arch::{Arch, Machine};
use crate::base::bytes::{Cursor, Truncated};
use crate::base::signal::Signal;

/// A decoded `siginfo_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// Which signal.
    pub signal: Signal,
    /// `si_code`: who or what sent it. `None`: the dump has no `siginfo_t`, only
    /// the signal's number.
    pub code: Option<i32>,
    /// The member of the union that `si_code` and the signal select.
    pub cause: SignalCause,
}

/// The union in a `siginfo_t`. Which member is valid depends on the signal and
/// the code: a signal sent by `kill` has a pid where a fault has its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalCause {
    /// The processor or the kernel found a fault at `address`.
    Fault {
        /// `si_addr`: the address accessed, or of the instruction.
        address: RunAddr,
    },
    /// `SI_KERNEL`: the kernel made it and **left no address**. On x86-64 a
    /// general-protection fault: a non-canonical address, a privileged or
    /// misaligned instruction. The zero in `si_addr` is not an address.
    Kernel,
    /// A process sent it.
    Sent {
        /// `si_pid`; 0 when the sender is outside of the pid namespace.
        pid: i32,
        /// `si_uid`: the sender's real user id.
        uid: u32,
    },
    /// A seccomp filter refused a system call.
    Syscall {
        /// `si_call_addr`: the instruction *after* the system call.
        address: RunAddr,
        /// `si_syscall`: its number.
        number: i32,
        /// `si_arch`: `AUDIT_ARCH_*`, to read the number by.
        arch: u32,
    },
    /// Nothing else is known: the code has no member, or the note was cut.
    None,
}

/// Reads a `siginfo_t`, by the cursor's model: the note `NT_SIGINFO` (owner
/// `CORE`, type `0x53494749`) or what `PTRACE_GETSIGINFO` returns.
///
/// Layout, 128 bytes: `i32 si_signo, si_errno, si_code`, then the union: at 16
/// in a 64-bit process, at 12 in a 32-bit one. MIPS has `si_code` before
/// `si_errno`. Source: Linux `include/uapi/asm-generic/siginfo.h`,
/// `arch/mips/include/uapi/asm/siginfo.h`. Mind the order: `pr_info` inside of
/// `NT_PRSTATUS` is signo, code, errno.
///
/// # Errors
///
/// When the first three fields are not there. A cut union is
/// [`SignalCause::None`].
pub fn signal_info(arch: Arch, bytes: Cursor<'_>) -> Result<SignalInfo, Truncated> {
    let mut bytes = bytes.with_model(arch.model());
    let signal = Signal(bytes.i32()?);
    let (second, third) = (bytes.i32()?, bytes.i32()?);
    let is_mips = matches!(arch.machine, Machine::Mips | Machine::Mips64 | Machine::MipsN32);
    let code = if is_mips { second } else { third };
    let padding = if arch.is_64() { 4 } else { 0 };
    let cause = bytes.skip(padding).and_then(|()| cause(signal, code, bytes));
    Ok(SignalInfo { signal, code: Some(code), cause: cause.unwrap_or(SignalCause::None) })
}

fn cause(signal: Signal, code: i32, mut union: Cursor<'_>) -> Result<SignalCause, Truncated> {
    const SI_KERNEL: i32 = 128;
    /// Timers and asynchronous input and output leave other members.
    const SENT: [i32; 3] = [0, -1, -6];
    const SYS_SECCOMP: i32 = 1;
    Ok(match signal {
        _ if SENT.contains(&code) => SignalCause::Sent { pid: union.i32()?, uid: union.u32()? },
        _ if code == SI_KERNEL => SignalCause::Kernel,
        _ if code <= 0 => SignalCause::None,
        Signal::SYS if code == SYS_SECCOMP => SignalCause::Syscall {
            address: RunAddr(union.word()?),
            number: union.i32()?,
            arch: union.u32()?,
        },
        Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE | Signal::TRAP => {
            SignalCause::Fault { address: RunAddr(union.word()?) }
        }
        _ => SignalCause::None,
    })
}

impl SignalInfo {
    /// Reads the 128 bytes that `PTRACE_GETSIGINFO` returns of an AMD64 process.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        signal_info(Arch::X86_64, Cursor::new(bytes, FileOff(0))).ok()
    }

    /// The fault's address, when there is one.
    pub fn address(&self) -> Option<RunAddr> {
        match self.cause {
            SignalCause::Fault { address } | SignalCause::Syscall { address, .. } => Some(address),
            SignalCause::Kernel | SignalCause::Sent { .. } | SignalCause::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::data_model::ByteOrder;

    fn note(signo: i32, code: i32, union: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in [signo, 0, code, 0] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(union);
        bytes
    }

    #[test]
    fn the_code_selects_the_member() {
        let address = 0x1234_5678_9abcu64.to_le_bytes();
        let fault = SignalCause::Fault { address: RunAddr(0x1234_5678_9abc) };
        let sent = SignalCause::Sent { pid: 0x5678_9abc, uid: 0x1234 };
        let cases = [
            ("a fault has an address", 11, 1, fault),
            ("kill() leaves a pid in the same place", 11, 0, sent),
            ("so does abort()", 6, -6, sent),
            ("SI_KERNEL has none, and zero is not one", 11, 128, SignalCause::Kernel),
            ("a timer leaves neither", 11, -2, SignalCause::None),
            ("SIGQUIT knows no faults", 3, 1, SignalCause::None),
        ];
        for (name, signo, code, cause) in cases {
            let info = SignalInfo::from_bytes(&note(signo, code, &address)).unwrap();
            assert_eq!(
                (info.signal.0, info.code, info.cause),
                (signo, Some(code), cause),
                "{name}"
            );
        }
    }

    #[test]
    fn seccomp() {
        let mut union = 0x40_1000u64.to_le_bytes().to_vec();
        union.extend(57i32.to_le_bytes());
        union.extend(0xc000_003eu32.to_le_bytes());
        let info = SignalInfo::from_bytes(&note(31, 1, &union)).unwrap();
        let want =
            SignalCause::Syscall { address: RunAddr(0x40_1000), number: 57, arch: 0xc000_003e };
        assert_eq!(info.cause, want);
    }

    #[test]
    fn other_layouts() {
        let cases = [
            // MIPS, big-endian, 32 bits: the code comes second, the address at 12.
            (8, false, ByteOrder::Big, [11u64, 1, 0, 0x1234].as_slice(), 4),
            (3, false, ByteOrder::Little, &[11, 0, 1, 0x1234], 4),
            (22, true, ByteOrder::Big, &[11 << 32, 1 << 32, 0x1234], 8),
        ];
        for (machine, is_64, order, words, size) in cases {
            let arch = Arch::from_elf(machine, is_64, order, 0);
            let bytes: Vec<u8> =
                words.iter().flat_map(|word| order.bytes(u128::from(*word), size)).collect();
            let info = signal_info(arch, Cursor::new(&bytes, FileOff(0))).unwrap();
            assert_eq!((info.signal, info.code), (Signal::SEGV, Some(1)), "{}", arch.name());
            assert_eq!(info.address(), Some(RunAddr(0x1234)), "{}", arch.name());
        }
    }

    #[test]
    fn cut_notes() {
        assert_eq!(SignalInfo::from_bytes(&note(11, 1, &[1, 2])).unwrap().cause, SignalCause::None);
        assert_eq!(SignalInfo::from_bytes(&[11, 0, 0, 0]), None);
    }
}
