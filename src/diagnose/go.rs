//! What Go's runtime knows of its end: the panic of the goroutine, or the words
//! of a fatal error.
//!
//! On amd64 the thread's own word 8 bytes below its thread pointer is the
//! current `g` (Go `runtime/tls_amd64.h`). Offsets within `g`, `m` and `_panic`
//! come from debug information where there is some; otherwise those of Go 1.19
//! are tried, which are checked: the panic's value must have a type of the
//! program.

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;
use crate::diagnose::crash::Crash;
use crate::symbols::types::MemberPlace;
use crate::variables::Context;

/// Bytes of a text.
const LONGEST: u64 = 16 << 10;

/// Kinds of Go's types that are read (`internal/abi/type.go`, `Kind`).
const KIND_MASK: u8 = 0x1f;
const BOOL: u8 = 1;
const INT: u8 = 2;
const INT64: u8 = 6;
const UINT: u8 = 7;
const UINTPTR: u8 = 12;
const STRING: u8 = 24;

/// A panic that ended the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// The type of its value, where it is known: `string`.
    pub type_name: Option<String>,
    /// Its value, where it is a text or a number.
    pub text: Option<String>,
    /// Which goroutine.
    pub goroutine: Option<u64>,
    /// Whether debug information told where everything is.
    pub is_described: bool,
}

/// Offsets within the runtime's structures.
#[derive(Clone, Copy, Debug)]
struct Layout {
    panic_of_g: u64,
    m_of_g: u64,
    goid_of_g: u64,
    current_of_m: u64,
    value_of_panic: u64,
    is_described: bool,
}

/// Go 1.19, amd64.
const GO_1_19: Layout = Layout {
    panic_of_g: 32,
    m_of_g: 48,
    goid_of_g: 152,
    current_of_m: 192,
    value_of_panic: 8,
    is_described: false,
};

/// Whether the program was written in Go.
pub fn is_go(crash: &Crash<'_, '_>) -> bool {
    crash.symbols.modules().iter().any(|module| {
        let has = |name: &[u8]| module.symbol_named(name).is_some();
        module.is_main()
            && (has(b"runtime.gopanic")
                || has(b"runtime.throw")
                || module.has_section(".gopclntab"))
    })
}

/// The panic that the crashed thread's goroutine is dying of.
pub fn panic(crash: &Crash<'_, '_>, context: &Context<'_, '_>) -> Option<Panic> {
    if crash.process.arch != Arch::X86_64 {
        return None;
    }
    let registers = crash.thread()?.registers.as_ref()?;
    let pointer = registers.word(crash.process.arch.thread_pointer_index())?;
    let word = |at: u64, into: u64| crash.memory.u64(RunAddr(at.checked_add(into)?)).ok();
    let here = word(pointer.checked_sub(8)?, 0).filter(|g| *g != 0)?;
    let layout = layout(context).unwrap_or(GO_1_19);
    // Signals are handled, and panics printed, on a goroutine of the thread's
    // own: the one that panicked is the machine's current one.
    let current = word(here, layout.m_of_g).and_then(|m| word(m, layout.current_of_m));
    for g in current.into_iter().chain([here]).filter(|g| *g != 0) {
        let Some(panic) = word(g, layout.panic_of_g).filter(|panic| *panic != 0) else { continue };
        let Some(kind) = word(panic, layout.value_of_panic) else { continue };
        let data = word(panic, layout.value_of_panic.checked_add(8)?)?;
        if let Some(mut found) = value(crash, kind, data) {
            found.goroutine = word(g, layout.goid_of_g);
            found.is_described = layout.is_described;
            return Some(found);
        }
    }
    None
}

/// The value of an `any`: its type, and the word that points to it.
fn value(crash: &Crash<'_, '_>, kind: u64, data: u64) -> Option<Panic> {
    let (_, module) = crash.process.module(RunAddr(kind))?;
    module.is_main.then_some(())?;
    let mut byte = [0];
    crash.memory.read_exact(RunAddr(kind.checked_add(23)?), &mut byte).ok()?;
    let [code] = byte;
    let code = code & KIND_MASK;
    let size = crash.memory.u64(RunAddr(kind)).ok()?;
    let word = || crash.memory.u64(RunAddr(data)).ok();
    let (name, text) = match code {
        STRING => (Some("string"), string(crash, data)),
        BOOL => (Some("bool"), word().map(|word| (word & 1 != 0).to_string())),
        INT..=INT64 => (Some("int"), word().and_then(|word| number(word, size, true))),
        UINT..=UINTPTR => (Some("uint"), word().and_then(|word| number(word, size, false))),
        // Floats, complex numbers, and what is made of other types.
        13..=23 | 25..=26 => (None, None),
        _ => return None,
    };
    Some(Panic { type_name: name.map(str::to_owned), text, goroutine: None, is_described: false })
}

fn number(word: u64, size: u64, is_signed: bool) -> Option<String> {
    let unused = 64_u64.checked_sub(size.checked_mul(8)?).and_then(|it| u32::try_from(it).ok())?;
    let high = word.checked_shl(unused)?;
    Some(match is_signed {
        true => (high.cast_signed() >> unused).to_string(),
        false => (high >> unused).to_string(),
    })
}

/// A Go string: pointer and length.
pub fn string(crash: &Crash<'_, '_>, at: u64) -> Option<String> {
    let text = crash.memory.u64(RunAddr(at)).ok()?;
    let len = crash.memory.u64(RunAddr(at.checked_add(8)?)).ok()?;
    text_of(crash, text, len)
}

/// The text of a string of this pointer and length.
pub fn text_of(crash: &Crash<'_, '_>, at: u64, len: u64) -> Option<String> {
    if len == 0 || len > LONGEST {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    crash.memory.read_exact(RunAddr(at), &mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

/// The offsets by debug information.
fn layout(context: &Context<'_, '_>) -> Option<Layout> {
    let offset = |name: &str, member: &str| {
        let of = context.types.get(Some(context.type_named(name, None)?));
        match of.member(member)?.place {
            MemberPlace::Bytes(offset) => Some(offset),
            _ => None,
        }
    };
    Some(Layout {
        panic_of_g: offset("runtime.g", "_panic")?,
        m_of_g: offset("runtime.g", "m")?,
        goid_of_g: offset("runtime.g", "goid")?,
        current_of_m: offset("runtime.m", "curg")?,
        value_of_panic: offset("runtime._panic", "arg")?,
        is_described: true,
    })
}
