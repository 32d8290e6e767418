//! Which C++ exception a thread is handling: the runtime's own record.
//!
//! libstdc++ and libc++abi keep `struct __cxa_eh_globals {__cxa_exception *caughtExceptions;
//! unsigned int uncaughtExceptions}` per thread and offers no other way to it
//! than the function `__cxa_get_globals`. So its code is read: it asks
//! `__tls_get_addr` with a pair of words, module and offset (System V ABI for
//! AMD64, "TLS"; Itanium C++ ABI, "Exception Handling", section 2.2.2).

use iced_x86::{Mnemonic, OpKind, Register};

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;
use crate::diagnose::crash::Crash;
use crate::diagnose::instruction::{Instruction, Isa};
use crate::diagnose::messages::exported;

/// Bytes of the function that are read.
const CODE: usize = 64;

/// Modules with thread-local memory; a larger number is damage.
const MOST_MODULES: u64 = 1 << 16;

/// The exception object that the crashed thread caught last and still handles,
/// `std::terminate` included: `Some(None)` when there is none, and `None` when
/// that cannot be told.
///
/// What is found is the start of a `__cxa_exception`: the object lies 112 bytes
/// further on.
pub fn caught(crash: &Crash<'_, '_>) -> Option<Option<RunAddr>> {
    if crash.process.arch != Arch::X86_64 {
        return None;
    }
    let function = exported(crash, &["libstdc++", "libc++abi"], b"__cxa_get_globals")?;
    let registers = crash.thread()?.registers.as_ref()?;
    let fs_base = registers.word(crash.process.arch.thread_pointer_index())?;
    let mut code = [0; CODE];
    let got = crash.memory.read(function, &mut code);
    let way = way(&Instruction::decode_all(Isa::Amd64, function, code.get(..got)?))?;
    let pair = |index: u64| crash.memory.u64(way.pair.checked_add(index.checked_mul(8)?)?).ok();
    let module = pair(0).filter(|module| *module < MOST_MODULES)?;
    // The thread's vector of blocks: 16 bytes for each module, whose first
    // word is its block, or all ones while the thread has none.
    let vector = RunAddr(crash.memory.u64(RunAddr(fs_base).checked_add(8)?).ok()?);
    let block = crash.memory.u64(vector.checked_add(module.checked_mul(16)?)?).ok()?;
    if block == u64::MAX {
        return Some(None);
    }
    let globals = RunAddr(block.wrapping_add(pair(1)?)).wrapping_add(way.more);
    let caught = crash.memory.u64(globals).ok()?;
    Some((caught != 0).then_some(RunAddr(caught)))
}

/// How a function finds its thread-local variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    /// Where the pair of module and offset is.
    pair: RunAddr,
    /// What is added to the result.
    more: i64,
}

/// Reads `lea pair(%rip),%rdi; call __tls_get_addr; add $more,%rax; ret`.
fn way(code: &[Instruction]) -> Option<Way> {
    let is_pair = |it: &&Instruction| {
        it.x86().is_some_and(|raw| {
            raw.mnemonic() == Mnemonic::Lea
                && raw.op0_register() == Register::RDI
                && raw.is_ip_rel_memory_operand()
        })
    };
    let at = code.iter().position(|it| is_pair(&it))?;
    let pair = RunAddr(code.get(at)?.x86()?.ip_rel_memory_address());
    let after = code.get(at.checked_add(1)?..)?;
    let call = after.iter().position(Instruction::is_call)?;
    let mut more = 0_i64;
    for instruction in after.get(call.checked_add(1)?..)? {
        let raw = instruction.x86()?;
        if instruction.is_return() {
            return Some(Way { pair, more });
        }
        if raw.mnemonic() == Mnemonic::Add && raw.op0_register() == Register::RAX {
            let is_constant =
                matches!(raw.op1_kind(), OpKind::Immediate8to64 | OpKind::Immediate32to64);
            more = is_constant.then(|| more.wrapping_add(raw.immediate(1) as i64))?;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_the_globals() {
        // As compiled by gcc 12 for libstdc++: endbr64; sub $8,%rsp;
        // lea 0x100(%rip),%rdi; call; add $8,%rsp; add $0x20,%rax; ret.
        let whole: Vec<u8> = [
            &[0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x83, 0xec, 0x08][..],
            &[0x48, 0x8d, 0x3d, 0x00, 0x01, 0x00, 0x00, 0xe8, 0, 0, 0, 0],
            &[0x48, 0x83, 0xc4, 0x08, 0x48, 0x05, 0x20, 0, 0, 0, 0xc3],
        ]
        .concat();
        let cases = [
            ("whole", whole.len(), Some(Way { pair: RunAddr(0x110f), more: 0x20 })),
            ("cut before its end", whole.len() - 1, None),
            ("cut before the call", 15, None),
        ];
        for (name, len, want) in cases {
            let code = Instruction::decode_all(Isa::Amd64, RunAddr(0x1000), &whole[..len]);
            assert_eq!(way(&code), want, "{name}");
        }
    }
}
