//! Which addresses can be code, and which words can be return addresses.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::dump::process::Process;

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
    let mut bytes = [0; 7];
    let Some(start) = at.0.checked_sub(bytes.len() as u64) else { return Return::No };
    if memory.read_exact(RunAddr(start), &mut bytes).is_err() {
        return Return::InCode;
    }
    if ends_with_call(bytes) { Return::AfterCall } else { Return::No }
}

/// Whether an x86-64 call instruction may end with these bytes: `E8 rel32`, or
/// `FF /2` with any addressing form. Source: Intel SDM volume 2, "CALL".
fn ends_with_call(bytes: [u8; 7]) -> bool {
    let [b0, b1, b2, b3, b4, b5, b6] = bytes;
    // The `reg` field of ModRM is 2; `mod` and `rm` give the length.
    let form = |modrm: u8, mode: u8| modrm >> 3 & 7 == 2 && modrm >> 6 == mode;
    let has_sib = |modrm: u8| modrm & 7 == 4;
    let is_rip_relative = |modrm: u8| modrm & 0xc7 == 0x05;
    b2 == 0xe8
        || (b5 == 0xff && (form(b6, 3) || form(b6, 0) && !has_sib(b6) && !is_rip_relative(b6)))
        || (b4 == 0xff && (form(b5, 1) && !has_sib(b5) || form(b5, 0) && has_sib(b5)))
        || (b3 == 0xff && form(b4, 1) && has_sib(b4))
        || (b1 == 0xff && (form(b2, 2) && !has_sib(b2) || form(b2, 0) && is_rip_relative(b2)))
        || (b0 == 0xff && (form(b1, 2) && has_sib(b1) || form(b1, 0) && has_sib(b1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;
    use crate::dump::process::tests::process;

    #[test]
    fn calls_and_others() {
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
            assert_eq!(ends_with_call(bytes), want, "{name}");
        }
    }

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
