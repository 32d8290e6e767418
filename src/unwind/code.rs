//! Which addresses can be code, and which words can be return addresses.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::unwind::arch::{BEFORE, conventions};

/// Whether the process could run an instruction at `at`.
///
/// Where the permissions are unknown, as in cores that leave read-only file
/// mappings out, an address inside of a module counts.
pub(super) fn can_run(process: &Process<'_>, at: RunAddr) -> bool {
    match process.mapping(at) {
        Some(mapping) if mapping.permissions.known => mapping.permissions.execute,
        Some(_) => process.module(at).is_some(),
        None => false,
    }
}

/// How sure it is that a word is a return address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Return {
    /// A call instruction ends just before it.
    AfterCall,
    /// It lies in code, whose bytes are not known.
    InCode,
    /// It is something else.
    No,
}

/// Judges whether `at` is a return address.
pub(super) fn is_return(process: &Process<'_>, memory: &dyn Memory, at: RunAddr) -> Return {
    if !can_run(process, RunAddr(at.0.wrapping_sub(1))) {
        return Return::No;
    }
    let mut bytes = [0; BEFORE];
    let Some(start) = at.0.checked_sub(bytes.len() as u64) else { return Return::No };
    if memory.read_exact(RunAddr(start), &mut bytes).is_err() {
        return Return::InCode;
    }
    let arch = process.arch;
    let is_call = (conventions(arch).ends_with_call)(bytes, arch.order);
    if is_call { Return::AfterCall } else { Return::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;
    use crate::dump::process::tests::process;

    #[test]
    fn return_addresses() {
        let process = process(&[(0x1000, 0x2000, "r-x"), (0x3000, 0x4000, "rw-")]);
        // At 0x1000: call rel32, then nops.
        let code = [&[0xe8, 1, 2, 3, 4][..], &[0x90; 27]].concat();
        let code = [&[0x90; 16][..], &code].concat();
        let memory = Bytes(0x1000, &code);
        let cases = [
            ("after the call", 0x1015, Return::AfterCall),
            ("in the middle of nothing", 0x1020, Return::No),
            ("code whose bytes are missing", 0x1800, Return::InCode),
            ("data", 0x3800, Return::No),
            ("unmapped", 0x9000, Return::No),
            ("null does not wrap", 0, Return::No),
        ];
        for (name, at, want) in cases {
            assert_eq!(is_return(&process, &memory, RunAddr(at)), want, "{name}");
        }
    }
}
