//! The message and the place of a Rust panic, found in memory.

use crate::base::addr::{RunAddr, RunRange};
use crate::base::memory::Memory;
use crate::diagnose::crash::Crash;

/// Bytes of a panic message.
const LONGEST: u64 = 16 << 10;

/// Words of the stack that are looked at.
const WORDS: u64 = 1 << 11;

/// Where the source says that the panic happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicPlace {
    /// The file, as the compiler was given it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// The first `core::panic::Location` that the stack points to, from `sp` on.
///
/// Layout, by rustc 1.95: `{*const u8 file, usize length, u32 line, u32
/// column}`, in the read-only data of the program. The order of its fields is
/// the compiler's choice, so what is found is checked: the file's name ends in
/// `.rs`, line and column are sensible.
pub fn place(crash: &Crash<'_, '_>, sp: RunAddr) -> Option<PanicPlace> {
    let memory = crash.memory;
    // The layout is that of 64-bit processes.
    if !memory.model().is_64() {
        return None;
    }
    let words = (0..WORDS).map_while(|index| sp.checked_add(index.checked_mul(8)?));
    words.map_while(|at| memory.u64(at).ok()).find_map(|word| {
        let at = RunAddr(word);
        let is_constant = crash
            .process
            .mapping(at)
            .is_some_and(|mapping| !mapping.permissions.write || mapping.path.is_some());
        is_constant.then(|| location(memory, at)).flatten()
    })
}

fn location(memory: &dyn Memory, at: RunAddr) -> Option<PanicPlace> {
    let file = memory.u64(at).ok()?;
    let len = memory.u64(at.checked_add(8)?).ok()?;
    let line = memory.u32(at.checked_add(16)?).ok()?;
    let column = memory.u32(at.checked_add(20)?).ok()?;
    let is_sensible =
        (4..400).contains(&len) && (1..1_000_000).contains(&line) && (1..10_000).contains(&column);
    let file = is_sensible.then(|| text(memory, RunAddr(file), len)).flatten()?;
    file.ends_with(".rs").then_some(PanicPlace { file, line, column })
}

/// The message, in the frame of the panic's handler: a formatted `String`, or
/// a `&'static str`.
///
/// `String` is three words in an order of the compiler's choice, here capacity,
/// pointer, length; `&str` is pointer, length. `place` tells the file's name
/// from the message.
pub fn message(
    crash: &Crash<'_, '_>,
    frame: RunRange,
    place: Option<&PanicPlace>,
) -> Option<String> {
    let memory = crash.memory;
    let is_writable = |at: u64| {
        crash.process.mapping(RunAddr(at)).is_some_and(|mapping| mapping.permissions.write)
    };
    let words: Vec<u64> = (0..frame.len().div_euclid(8).min(WORDS))
        .map_while(|index| memory.u64(frame.start.checked_add(index.checked_mul(8)?)?).ok())
        .collect();
    let is_file = |text: &String| place.is_some_and(|place| place.file == *text);
    let strings = words.windows(3).filter_map(|words| {
        let [capacity, at, len] = *words else { return None };
        let is_one = len > 0 && len <= LONGEST && capacity >= len && capacity <= 2 * LONGEST;
        Some((at, text(memory, RunAddr(at), len).filter(|_| is_one && is_writable(at))?))
    });
    let constants = words.windows(2).filter_map(|words| {
        let [at, len] = *words else { return None };
        let is_one = (2..=LONGEST).contains(&len) && at > 0xffff && !is_writable(at);
        let found = is_one.then(|| text(memory, RunAddr(at), len)).flatten()?;
        (!is_file(&found)).then_some((at, found))
    });
    // One place in memory may be there twice, once with a stale length behind
    // it. Two places are one too many: which one is the message?
    let mut candidates = strings.chain(constants);
    let (at, text) = candidates.next()?;
    candidates.all(|(other, _)| other == at).then_some(text)
}

/// Text without control characters but line ends, all of it.
fn text(memory: &dyn Memory, at: RunAddr, len: u64) -> Option<String> {
    let mut bytes = vec![0; usize::try_from(len.min(LONGEST)).ok()?];
    memory.read_exact(at, &mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let is_plain = text.chars().all(|char| !char.is_control() || char == '\n' || char == '\t');
    is_plain.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;

    #[test]
    fn locations_are_checked() {
        let record = |len: u64, line: u32, column: u32, name: &[u8]| {
            let mut bytes = 0x1018u64.to_le_bytes().to_vec();
            bytes.extend(len.to_le_bytes());
            bytes.extend(line.to_le_bytes());
            bytes.extend(column.to_le_bytes());
            bytes.extend(name);
            bytes
        };
        let cases = [
            ("a place", record(9, 7, 5, b"src/ma.rs"), Some(("src/ma.rs", 7, 5))),
            ("no Rust file", record(8, 7, 5, b"src/ma.c"), None),
            ("no line", record(9, 0, 5, b"src/ma.rs"), None),
            ("an absurd length", record(u64::MAX, 7, 5, b"src/ma.rs"), None),
            ("a text that is cut", record(9, 7, 5, b"src"), None),
        ];
        for (name, bytes, want) in cases {
            let found = location(&Bytes(0x1000, &bytes), RunAddr(0x1000));
            let found = found.as_ref().map(|it| (it.file.as_str(), it.line, it.column));
            assert_eq!(found, want, "{name}");
        }
    }
}
