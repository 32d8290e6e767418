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
    /// What its `what()` would say, for classes that keep a text; or the value,
    /// of a number, a character or a text.
    pub what: Option<String>,
    /// The classes that it is derived from, the nearest first.
    pub bases: Vec<String>,
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
const MOST_DEPTH: usize = 16;

/// Bases of one class.
const MOST_BASES: u64 = 16;

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

/// The classes of exceptions of libstdc++ and of libc++. A dependent exception,
/// which shares the object of another one, has one more.
const CLASSES: [u64; 2] = [u64::from_be_bytes(*b"GNUCC++\0"), u64::from_be_bytes(*b"CLNGC++\0")];

/// Of libc++ two words come before what the other library has first: reserved
/// memory and a count. So its record points 16 bytes further back, and the
/// `_Unwind_Exception` and the object lie 16 bytes further on. Source: LLVM
/// `libcxxabi/src/cxa_exception.h`.
fn recorded(memory: &dyn Memory, header: RunAddr) -> Option<Exception> {
    let is_class = |at: RunAddr| {
        let class = memory.u64(at).ok()?;
        CLASSES.iter().find_map(|known| class.checked_sub(*known).filter(|more| *more <= 1))
    };
    let found = [80_u64, 96].into_iter().find_map(|unwind| {
        let at = header.checked_add(unwind)?;
        Some((at, is_class(at)?))
    });
    let (unwind, dependent) = found?;
    let object = match dependent {
        0 => unwind.checked_add(32)?,
        _ => RunAddr(memory.u64(header).ok()?),
    };
    let kind = RunAddr(memory.u64(RunAddr(object.0.checked_sub(112)?)).ok()?);
    described(memory, kind, object, true)
}

fn on_stack(crash: &Crash<'_, '_>) -> Option<Exception> {
    let memory = crash.memory;
    let sp = crash.registers()?.sp()?;
    let mut at = RunAddr(sp.0.checked_next_multiple_of(8)?);
    for _ in 0..WORDS {
        let word = memory.u64(at).ok()?;
        at = at.checked_add(8)?;
        let class = word.checked_sub(32).map(RunAddr).filter(|_| word % 16 == 0);
        let class = class.and_then(|class| memory.u64(class).ok());
        if !class.is_some_and(|class| CLASSES.contains(&class)) {
            continue;
        }
        let kind = RunAddr(memory.u64(RunAddr(word.checked_sub(112)?)).ok()?);
        let object = RunAddr(word);
        if let Some(found) = described(memory, kind, object, false) {
            return Some(found);
        }
    }
    None
}

fn described(
    memory: &dyn Memory,
    kind: RunAddr,
    object: RunAddr,
    is_recorded: bool,
) -> Option<Exception> {
    let type_name = type_name(memory, kind)?;
    let mut bases = Vec::new();
    collect_bases(memory, kind, MOST_DEPTH, &mut bases);
    let what = what(memory, kind, object, MOST_DEPTH).or_else(|| plain(memory, kind, object));
    let bases = bases.iter().filter_map(|base| self::type_name(memory, *base)).collect();
    Some(Exception { type_name, what, bases, at: object, is_recorded })
}

/// The value of an exception that is no class: a number, a character, a text;
/// or a `std::string`.
fn plain(memory: &dyn Memory, kind: RunAddr, object: RunAddr) -> Option<String> {
    let name = mangled_name(memory, kind)?;
    let mut bytes = [0; 16];
    let got = memory.read(object, &mut bytes);
    let word = memory.u64(object).ok().or_else(|| {
        // The end of its memory may be near.
        let mut word = [0; 8];
        word.get_mut(..got.min(8))?.copy_from_slice(bytes.get(..got.min(8))?);
        Some(u64::from_le_bytes(word))
    })?;
    let [b0, b1, b2, b3, ..] = word.to_le_bytes();
    let short = u16::from_le_bytes([b0, b1]);
    let half = u32::from_le_bytes([b0, b1, b2, b3]);
    // Source: Itanium C++ ABI, 5.1.5.2, "Builtin types".
    Some(match name.as_str() {
        "b" => (b0 != 0).to_string(),
        "c" | "a" if b0.is_ascii_graphic() => format!("'{}'", char::from(b0)),
        "c" | "a" => b0.cast_signed().to_string(),
        "h" => b0.to_string(),
        "s" => short.cast_signed().to_string(),
        "t" => short.to_string(),
        "i" => half.cast_signed().to_string(),
        "j" => half.to_string(),
        "l" | "x" => word.cast_signed().to_string(),
        "m" | "y" => word.to_string(),
        "f" => f32::from_bits(half).to_string(),
        "d" => f64::from_bits(word).to_string(),
        "PKc" | "Pc" => {
            let (text, _) = memory.text(RunAddr(word), LONGEST).ok()?;
            format!("\"{}\"", String::from_utf8_lossy(&text))
        }
        // libstdc++: pointer, length.
        name if name.starts_with("NSt7__cxx1112basic_stringIc") => {
            let len = memory.u64(object.checked_add(8)?).ok()?;
            let len = usize::try_from(len).ok().filter(|len| *len <= LONGEST)?;
            let mut text = vec![0; len];
            memory.read_exact(RunAddr(word), &mut text).ok()?;
            format!("\"{}\"", String::from_utf8_lossy(&text))
        }
        _ => return None,
    })
}

/// The name of a `std::type_info`: its second word points to the mangled name,
/// before which a `*` may stand. Source: Itanium C++ ABI, section 2.9.5.
fn type_name(memory: &dyn Memory, kind: RunAddr) -> Option<String> {
    let mangled = mangled_name(memory, kind)?;
    // A type alone is no symbol; the name of its name is.
    let symbol = format!("_ZTS{mangled}");
    let display = demangle::demangled(symbol.as_bytes()).unwrap_or(mangled);
    let name = display.strip_prefix("typeinfo name for ").unwrap_or(&display);
    const STRING: &str =
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
    Some(name.replace(STRING, "std::string"))
}

fn mangled_name(memory: &dyn Memory, kind: RunAddr) -> Option<String> {
    let name = RunAddr(memory.u64(kind.checked_add(8)?).ok()?);
    let (name, is_whole) = memory.text(name, LONGEST).ok()?;
    let name = String::from_utf8(name).ok().filter(|name| is_whole && !name.is_empty())?;
    Some(name.trim_start_matches('*').to_owned())
}

/// The base classes of a class, with how far into its objects each one lies.
///
/// A `__si_class_type_info` has one, at the start, whose type is its third word.
/// A `__vmi_class_type_info` has two numbers of four bytes, flags and how many
/// bases there are, then two words for each: the type, and a word whose upper
/// part is the offset; its lowest bit says that the base is virtual, and the
/// offset one within the table of functions. Source: Itanium C++ ABI, section
/// 2.9.5.
fn bases(memory: &dyn Memory, kind: RunAddr) -> Vec<(RunAddr, u64)> {
    let word = |into: u64| memory.u64(kind.checked_add(into)?).ok();
    let is_type = |at: u64| mangled_name(memory, RunAddr(at)).is_some_and(|name| is_mangled(&name));
    let Some(third) = word(16) else { return Vec::new() };
    if is_type(third) {
        return vec![(RunAddr(third), 0)];
    }
    // Flags are less than 16, and there are not many bases.
    let (flags, count) = (third & 0xffff_ffff, third >> 32);
    if flags >= 16 || count == 0 || count > MOST_BASES {
        return Vec::new();
    }
    let base = |index: u64| {
        let at = 24_u64.checked_add(index.checked_mul(16)?)?;
        let kind = word(at).filter(|at| is_type(*at))?;
        let place = word(at.checked_add(8)?)?;
        let is_virtual = place & 1 != 0;
        (!is_virtual).then_some((RunAddr(kind), place >> 8))
    };
    (0..count).filter_map(base).collect()
}

/// Whether a text may be the mangled name of a class.
fn is_mangled(name: &str) -> bool {
    let is_start = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'N' | b'S');
    name.bytes().next().is_some_and(is_start) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn collect_bases(memory: &dyn Memory, kind: RunAddr, depth: usize, found: &mut Vec<RunAddr>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for (base, _) in bases(memory, kind) {
        if found.len() >= MOST_BASES as usize || found.contains(&base) {
            return;
        }
        found.push(base);
        collect_bases(memory, base, depth, found);
    }
}

/// The text of a class derived from `std::logic_error` or
/// `std::runtime_error`: a pointer behind the object's vtable leads to
/// characters whose length lies 24 bytes before them. Sources: libstdc++
/// `cow-stdexcept.cc`, which keeps these two on the old string for ever; libc++
/// `src/include/refstring.h`, which has the same.
fn what(memory: &dyn Memory, class: RunAddr, object: RunAddr, depth: usize) -> Option<String> {
    const WITH_TEXT: [&str; 2] = ["St11logic_error", "St13runtime_error"];
    let depth = depth.checked_sub(1)?;
    let name = mangled_name(memory, class)?;
    if WITH_TEXT.contains(&name.as_str()) {
        let text = memory.u64(object.checked_add(8)?).ok()?;
        let len = memory.u64(RunAddr(text.checked_sub(24)?)).ok()?;
        let len = usize::try_from(len).ok().filter(|len| *len <= LONGEST)?;
        let mut bytes = vec![0; len];
        memory.read_exact(RunAddr(text), &mut bytes).ok()?;
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    bases(memory, class)
        .into_iter()
        .find_map(|(base, into)| what(memory, base, object.checked_add(into)?, depth))
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
        let text = what(&memory, RunAddr(0x1000), RunAddr(0x1080), MOST_DEPTH);
        assert_eq!(text.as_deref(), Some("no file"));
        assert_eq!(bases(&memory, RunAddr(0x1000)), [(RunAddr(0x1040), 0)]);
        assert_eq!(bases(&memory, RunAddr(0x1040)), []);
        assert_eq!(what(&memory, RunAddr(0x5000), RunAddr(0x1080), MOST_DEPTH), None);
    }
}
