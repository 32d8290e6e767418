//! The C++ exception that nobody caught, found in memory.

use crate::base::addr::RunAddr;
use crate::base::memory::Memory;
use crate::diagnose::crash::Crash;
use crate::diagnose::cxx_globals::caught;
use crate::symbols::demangle;

/// An exception object of libstdc++.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Its type: `std::runtime_error`.
    pub type_name: String,
    /// What its `what()` would say, for classes that keep a text.
    pub what: Option<String>,
    /// The object.
    pub at: RunAddr,
    /// Whether the runtime's own record names it. If not, a pointer on the
    /// stack does, which may be left over from an exception that was caught.
    pub is_recorded: bool,
}

/// Words of the stack that are looked at. Between `abort` and the function
/// that threw lie a few frames of the C++ runtime.
const WORDS: u64 = 1 << 10;

/// Bytes of a class name or of a text.
const LONGEST: usize = 1 << 10;

/// Classes between a type and the one that keeps its text.
const MOST_BASES: usize = 16;

/// The exception that the crashed thread is handling, by the runtime's record;
/// where that cannot be read, the innermost one that its stack points to.
///
/// An exception object has a header before it that ends with an
/// `_Unwind_Exception`, 32 bytes, whose first word is the class `GNUCC++\0`,
/// most significant byte first; the header's first word, 112 bytes before the
/// object, points to the type. Sources: Itanium C++ ABI, "Exception Handling",
/// section 2.2.1; libstdc++ `unwind-cxx.h`, `__cxa_exception`.
pub fn exception(crash: &Crash<'_, '_>) -> Option<Exception> {
    // Headers of 32-bit processes are laid out in another way.
    if !crash.memory.model().is_64() {
        return None;
    }
    match caught(crash) {
        Some(header) => recorded(crash.memory, header?),
        None => on_stack(crash),
    }
}

/// The class of an exception of libstdc++. A dependent exception, which shares
/// the object of another one, has one more.
const CLASS: u64 = u64::from_be_bytes(*b"GNUCC++\0");

fn recorded(memory: &dyn Memory, header: RunAddr) -> Option<Exception> {
    let class = memory.u64(header.checked_add(80)?).ok()?;
    let object = match class.checked_sub(CLASS)? {
        0 => header.checked_add(112)?,
        1 => RunAddr(memory.u64(header).ok()?),
        _ => return None,
    };
    let kind = RunAddr(memory.u64(RunAddr(object.0.checked_sub(112)?)).ok()?);
    let type_name = type_name(memory, kind)?;
    let what = what(memory, kind, object);
    Some(Exception { type_name, what, at: object, is_recorded: true })
}

fn on_stack(crash: &Crash<'_, '_>) -> Option<Exception> {
    let memory = crash.memory;
    let sp = crash.registers()?.sp()?;
    let mut at = RunAddr(sp.0.checked_next_multiple_of(8)?);
    for _ in 0..WORDS {
        let word = memory.u64(at).ok()?;
        at = at.checked_add(8)?;
        let class = word.checked_sub(32).map(RunAddr).filter(|_| word % 16 == 0);
        if class.and_then(|class| memory.u64(class).ok()) != Some(CLASS) {
            continue;
        }
        let kind = RunAddr(memory.u64(RunAddr(word.checked_sub(112)?)).ok()?);
        let object = RunAddr(word);
        if let Some(type_name) = type_name(memory, kind) {
            let what = what(memory, kind, object);
            return Some(Exception { type_name, what, at: object, is_recorded: false });
        }
    }
    None
}

/// The name of a `std::type_info`: its second word points to the mangled name,
/// before which a `*` may stand. Source: Itanium C++ ABI, section 2.9.5.
fn type_name(memory: &dyn Memory, kind: RunAddr) -> Option<String> {
    let mangled = mangled_name(memory, kind)?;
    // A type alone is no symbol; the name of its name is.
    let symbol = format!("_ZTS{mangled}");
    let display = demangle::demangled(symbol.as_bytes()).unwrap_or(mangled);
    Some(display.strip_prefix("typeinfo name for ").unwrap_or(&display).to_owned())
}

fn mangled_name(memory: &dyn Memory, kind: RunAddr) -> Option<String> {
    let name = RunAddr(memory.u64(kind.checked_add(8)?).ok()?);
    let (name, is_whole) = memory.text(name, LONGEST).ok()?;
    let name = String::from_utf8(name).ok().filter(|name| is_whole && !name.is_empty())?;
    Some(name.trim_start_matches('*').to_owned())
}

/// The text of a class derived from `std::logic_error` or
/// `std::runtime_error`: a pointer behind the object's vtable leads to
/// characters whose length lies 24 bytes before them. Source: libstdc++
/// `cow-stdexcept.cc`, which keeps these two on the old string for ever.
fn what(memory: &dyn Memory, kind: RunAddr, object: RunAddr) -> Option<String> {
    const WITH_TEXT: [&str; 2] = ["St11logic_error", "St13runtime_error"];
    let mut class = kind;
    for _ in 0..MOST_BASES {
        let name = mangled_name(memory, class)?;
        if WITH_TEXT.contains(&name.as_str()) {
            let text = memory.u64(object.checked_add(8)?).ok()?;
            let len = memory.u64(RunAddr(text.checked_sub(24)?)).ok()?;
            let len = usize::try_from(len).ok().filter(|len| *len <= LONGEST)?;
            let mut bytes = vec![0; len];
            memory.read_exact(RunAddr(text), &mut bytes).ok()?;
            return Some(String::from_utf8_lossy(&bytes).into_owned());
        }
        // The base of a class with a single one is its third word. Without a
        // base that word is the next object's, whose name then makes no sense.
        class = RunAddr(memory.u64(class.checked_add(16)?).ok()?);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    /// A class `Error` derived from `std::runtime_error`, laid out by hand
    /// from 0x1000 on.
    fn memory() -> Vec<u8> {
        let mut bytes = vec![0; 0x200];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        let word = |value: u64| value.to_le_bytes();
        put(0x08, &word(0x1100)); // Error: name
        put(0x10, &word(0x1040)); // Error: base
        put(0x48, &word(0x1120)); // runtime_error: name
        put(0x100, b"5Error\0");
        put(0x120, b"*St13runtime_error\0");
        put(0x88, &word(0x11a0)); // the object's text
        put(0x188, &word(7)); // its length
        put(0x1a0, b"no file");
        bytes
    }

    #[test]
    fn types_and_texts() {
        let bytes = memory();
        let memory = Bytes(0x1000, &bytes);
        assert_eq!(type_name(&memory, RunAddr(0x1000)).as_deref(), Some("Error"));
        assert_eq!(type_name(&memory, RunAddr(0x1040)).as_deref(), Some("std::runtime_error"));
        let text = what(&memory, RunAddr(0x1000), RunAddr(0x1080));
        assert_eq!(text.as_deref(), Some("no file"));
        assert_eq!(what(&memory, RunAddr(0x5000), RunAddr(0x1080)), None);
    }
}
