//! The kernel's line about a fatal fault in its log (x86).
//!
//! ```text
//! NAME[TID]: segfault at A ip I sp S error E in FILE[OFF,START+LEN] likely on CPU N (...)
//! traps: NAME[TID] general protection fault ip:I sp:S error:E in FILE[OFF,START+LEN]
//! traps: NAME[TID] trap invalid opcode ip:I sp:S error:E in FILE[OFF,START+LEN]
//! ```
//!
//! All numbers but TID and N are hexadecimal, the error of the last two as
//! well. TID is an id of the first pid namespace. NAME and FILE are the
//! program's own words and may hold anything, such as half of another line.
//! Sources: Linux `arch/x86/mm/fault.c`, `show_signal_msg()`;
//! `arch/x86/kernel/traps.c`, `do_trap_no_signal()` and `show_signal()`;
//! `mm/memory.c`, `print_vma_addr()`.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::{FileOff, RunAddr};
use crate::base::signal::Signal;

/// The longest line that is looked at, in bytes. The kernel's are shorter.
const LONGEST: usize = 4096;

/// The longest `comm`, in bytes.
const LONGEST_NAME: usize = 15;

/// What one line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelFault {
    /// The thread, in the first pid namespace.
    pub tid: u32,
    /// Its name.
    pub name: Vec<u8>,
    /// What happened.
    pub kind: FaultKind,
    /// The instruction.
    pub pc: RunAddr,
    /// The stack pointer.
    pub sp: RunAddr,
    /// The processor's error code. Of a page fault: bit 0 there was a page, 1
    /// write, 2 user mode, 4 instruction fetch.
    pub error: u64,
    /// The file that the instruction was mapped from.
    pub file: Option<FaultFile>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No access to this address.
    Page(RunAddr),
    /// Another trap, in the kernel's words: `general protection fault`,
    /// `divide error`, `invalid opcode`.
    Trap(String),
}

/// Where an instruction came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultFile {
    /// The file's name, without its directory.
    pub name: Vec<u8>,
    /// Where in the file the instruction is. Kernels before 6.8 do not say.
    pub offset: Option<FileOff>,
    /// The mapping's first address.
    pub start: RunAddr,
    /// Its length in bytes.
    pub len: u64,
}

impl KernelFault {
    /// Reads the message of one record. `None`: it is no such line.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let message = message.get(..message.len().min(LONGEST))?;
        if let Some(rest) = message.strip_prefix(b"traps: ".as_slice())
            && let Some(fault) = Self::trap(rest)
        {
            return Some(fault);
        }
        Self::page(message)
    }

    fn page(message: &[u8]) -> Option<Self> {
        let (name, tid, mut rest) = thread(message, b": segfault at ")?;
        let address = hex(&mut rest)?;
        let pc = after(&mut rest, b" ip ").and_then(|()| hex(&mut rest))?;
        let sp = after(&mut rest, b" sp ").and_then(|()| hex(&mut rest))?;
        let error = after(&mut rest, b" error ").and_then(|()| hex(&mut rest))?;
        Some(Self {
            tid,
            name,
            kind: FaultKind::Page(RunAddr(address)),
            pc: RunAddr(pc),
            sp: RunAddr(sp),
            error,
            file: file(rest),
        })
    }

    fn trap(message: &[u8]) -> Option<Self> {
        const WORDS: [&[u8]; 2] = [b" general protection fault", b" trap "];
        let (name, tid, mut rest) = WORDS.iter().find_map(|word| thread(message, word))?;
        // `trap` is followed by its name, which is the kernel's own.
        let at = rest.windows(4).take(64).position(|window| window == b" ip:");
        let (word, more) = rest.split_at_checked(at.unwrap_or(0))?;
        let what = match word.is_empty() {
            true => "general protection fault".to_owned(),
            false => str::from_utf8(word).ok()?.to_owned(),
        };
        rest = more;
        let pc = after(&mut rest, b" ip:").and_then(|()| hex(&mut rest))?;
        let sp = after(&mut rest, b" sp:").and_then(|()| hex(&mut rest))?;
        let error = after(&mut rest, b" error:").and_then(|()| hex(&mut rest))?;
        Some(Self {
            tid,
            name,
            kind: FaultKind::Trap(what),
            pc: RunAddr(pc),
            sp: RunAddr(sp),
            error,
            file: file(rest),
        })
    }

    /// The signal that the kernel sends for it. `None`: that trap is not known.
    pub fn signal(&self) -> Option<Signal> {
        Some(match &self.kind {
            // Also sent as SIGBUS, but then the kernel writes no line.
            FaultKind::Page(_) => Signal::SEGV,
            FaultKind::Trap(what) => match what.as_str() {
                "general protection fault" => Signal::SEGV,
                "divide error" => Signal::FPE,
                "invalid opcode" => Signal::ILL,
                "int3" => Signal(5),
                "alignment check" | "stack segment" | "segment not present" => Signal::BUS,
                _ => return None,
            },
        })
    }
}

/// Splits off the thread: its name, its id, and what follows `word`.
///
/// A name has at most 15 bytes, and `[1]` with any of the words has more: so
/// the first place where they can stand is the true one, whatever the name is.
fn thread<'m>(message: &'m [u8], word: &[u8]) -> Option<(Vec<u8>, u32, &'m [u8])> {
    (0..=LONGEST_NAME).find_map(|len| {
        let (name, rest) = message.split_at_checked(len)?;
        let rest = rest.strip_prefix(b"[")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (tid, rest) = rest.split_at_checked(digits)?;
        let rest = rest.strip_prefix(b"]")?.strip_prefix(word)?;
        Some((name.to_vec(), str::from_utf8(tid).ok()?.parse().ok()?, rest))
    })
}

/// The file at the end. Its name may hold brackets, so the last ones count.
fn file(rest: &[u8]) -> Option<FaultFile> {
    let rest = rest.strip_prefix(b" in ")?;
    let open = rest.iter().rposition(|byte| *byte == b'[')?;
    let (name, place) = rest.split_at_checked(open)?;
    let mut place = place.strip_prefix(b"[")?;
    let first = hex(&mut place)?;
    let (offset, start) = match after(&mut place, b",") {
        Some(()) => (Some(FileOff(first)), hex(&mut place)?),
        None => (None, first),
    };
    let len = after(&mut place, b"+").and_then(|()| hex(&mut place))?;
    let place = place.strip_prefix(b"]")?;
    // What follows is the kernel's, or the name had brackets and the line was cut.
    let is_end = place.is_empty() || place.starts_with(b" likely on CPU ");
    is_end.then(|| FaultFile { name: name.to_vec(), offset, start: RunAddr(start), len })
}

/// Takes hexadecimal digits without a prefix.
fn hex(rest: &mut &[u8]) -> Option<u64> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (number, after) = rest.split_at_checked(digits)?;
    *rest = after;
    u64::from_str_radix(str::from_utf8(number).ok()?, 16).ok()
}

/// Takes these very bytes.
fn after(rest: &mut &[u8], word: &[u8]) -> Option<()> {
    *rest = rest.strip_prefix(word)?;
    Some(())
}

/// The message of a record of `/dev/kmsg`: `PRIORITY,SEQUENCE,TIME,FLAGS;TEXT`
/// and a newline, perhaps followed by lines of fields. The kernel writes bytes
/// of the text outside of printable ASCII as `\xNN`, and a backslash as `\x5c`.
/// `None`: it is none of the kernel's own, but written by a program.
/// Source: Linux `Documentation/ABI/testing/dev-kmsg`.
pub fn message(record: &[u8]) -> Option<Vec<u8>> {
    let semicolon = record.iter().position(|byte| *byte == b';')?;
    let (head, text) = record.split_at_checked(semicolon)?;
    // Bits 3 and up are the facility; the kernel's is 0, and who writes to
    // /dev/kmsg cannot claim it.
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let priority: u32 = str::from_utf8(head.get(..digits)?).ok()?.parse().ok()?;
    if priority >= 8 {
        return None;
    }
    let text = text.strip_prefix(b";")?.split(|byte| *byte == b'\n').next()?;
    let mut rest = text;
    let mut message = Vec::with_capacity(text.len());
    while let Some((first, others)) = rest.split_first() {
        let escaped = others.strip_prefix(b"x").filter(|_| *first == b'\\');
        let digits = escaped.and_then(|digits| digits.get(..2));
        let byte =
            digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                message.push(byte);
                rest = others.get(3..).unwrap_or_default();
            }
            None => {
                message.push(*first);
                rest = others;
            }
        }
    }
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<KernelFault> {
        KernelFault::parse(line.as_bytes())
    }

    #[test]
    fn lines_of_the_kernel() {
        let fault = parse(
            "deref[18889]: segfault at 8 ip 00007f60f7585ad8 sp 00007ffda49af7a8 error 6 in \
             libc.so.6[167ad8,7f60f7444000+156000] likely on CPU 0 (core 0, socket 0)",
        )
        .unwrap();
        assert_eq!((fault.tid, fault.name.as_slice()), (18889, b"deref".as_slice()));
        assert_eq!(fault.kind, FaultKind::Page(RunAddr(8)));
        assert_eq!((fault.pc, fault.sp), (RunAddr(0x7f60_f758_5ad8), RunAddr(0x7ffd_a49a_f7a8)));
        assert_eq!((fault.error, fault.signal()), (6, Some(Signal::SEGV)));
        let file = fault.file.unwrap();
        assert_eq!(file.name, b"libc.so.6");
        assert_eq!((file.offset, file.len), (Some(FileOff(0x16_7ad8)), 0x15_6000));
        assert_eq!(file.start, RunAddr(0x7f60_f744_4000));

        let cases = [
            ("general protection fault", "general protection fault", Some(Signal::SEGV)),
            ("trap divide error", "divide error", Some(Signal::FPE)),
            ("trap invalid opcode", "invalid opcode", Some(Signal::ILL)),
            ("trap something new", "something new", None),
        ];
        for (words, what, signal) in cases {
            let line =
                format!("traps: a b[7] {words} ip:401136 sp:7ffe0 error:0 in x[1136,401000+1000]");
            let fault = parse(&line).unwrap();
            assert_eq!(fault.kind, FaultKind::Trap(what.to_owned()), "{line}");
            assert_eq!((fault.tid, fault.pc, fault.signal()), (7, RunAddr(0x40_1136), signal));
            assert_eq!(fault.file.unwrap().offset, Some(FileOff(0x1136)), "{line}");
        }
        let older = parse("x[7]: segfault at 0 ip 1136 sp 2 error 4 in x[1000+1000]").unwrap();
        assert_eq!(older.file.unwrap().offset, None);
        let nowhere = parse("x[7]: segfault at 0 ip 0 sp 2 error 14").unwrap();
        assert_eq!(nowhere.file, None);
    }

    #[test]
    fn hostile_words() {
        // (line, thread, file)
        let cases = [
            ("x[1]: segfault [2]: segfault at 0 ip 1 sp 2 error 4", Some(2), None),
            ("[1]: segfault a[2]: segfault at 0 ip 1 sp 2 error 4", Some(2), None),
            ("traps: x[5]: segfault at 0 ip 1 sp 2 error 4", Some(5), None),
            (
                "x[2]: segfault at 0 ip 1 sp 2 error 4 in y[1]: segfault at 7 ip 8 sp 9 error 4 in \
                 z[3,4+5]",
                Some(2),
                Some("y[1]: segfault at 7 ip 8 sp 9 error 4 in z"),
            ),
            ("x[2]: segfault at 0 ip 1 sp 2 error 4 in y[1,2+3][4,5+6]", Some(2), Some("y[1,2+3]")),
            // Cut behind a name that looks like a place.
            ("x[2]: segfault at 0 ip 1 sp 2 error 4 in y[1,2+3]z", Some(2), None),
            ("longer than fifteen[2]: segfault at 0 ip 1 sp 2 error 4", None, None),
            ("x[99999999999]: segfault at 0 ip 1 sp 2 error 4", None, None),
            ("x[2]: segfault at  ip 1 sp 2 error 4", None, None),
            ("x[2]: segfault at 11111111111111111 ip 1 sp 2 error 4", None, None),
            ("traps: x[2] trap  ip: sp:2 error:0", None, None),
            ("", None, None),
        ];
        for (line, tid, file) in cases {
            let found = parse(line);
            assert_eq!(found.as_ref().map(|fault| fault.tid), tid, "{line}");
            let name = found.and_then(|fault| fault.file).map(|file| file.name);
            assert_eq!(name.as_deref(), file.map(str::as_bytes), "{line}");
            for len in 0..line.len() {
                let _no_panic = KernelFault::parse(&line.as_bytes()[..len]);
            }
        }
    }

    #[test]
    fn records() {
        let cases: [(&[u8], Option<&[u8]>); 6] = [
            (b"6,5346,42772784013,-;a b\n SUBSYSTEM=x\n", Some(b"a b")),
            (b"6,1,2,-;a\\x0ab\\x5cx41", Some(b"a\nb\\x41")),
            (b"6,1,2,-;\\x", Some(b"\\x")),
            // Written by a program: its facility is user (8).
            (b"12,1,2,-;x[1]: segfault at 0 ip 1 sp 2 error 4", None),
            (b"no record", None),
            (b"", None),
        ];
        for (record, want) in cases {
            assert_eq!(message(record).as_deref(), want, "{record:?}");
        }
    }
}
