//! What lies at an address.

use crate::base::addr::RunAddr;
use crate::diagnose::fault::is_canonical;
use crate::diagnose::scene::Scene;
use crate::dump::process::{Mapping, Permissions};
use crate::symbols::Symbols;
use crate::variables::query::Viewpoint;
use crate::variables::query::inside::static_at;

/// Characters of a text that a sentence shows.
const LONGEST_TEXT: usize = 40;

/// A clause for an address that was not to be used: ", where nothing is
/// mapped", ", in r-- memory of libfoo.so".
pub fn where_it_lies(scene: &Scene<'_, '_>, at: RunAddr) -> String {
    if !is_canonical(at) {
        return ", which is not a valid address".to_owned();
    }
    if at.0 >> 63 == 1 {
        return ", which is the kernel's".to_owned();
    }
    match scene.crash.process.mapping(at) {
        Some(mapping) => format!(", in {}", memory(mapping)),
        None => ", where nothing is mapped".to_owned(),
    }
}

/// "r-- memory of libfoo.so", "rw- memory of no file"; without the letters
/// where permissions are unknown.
pub fn memory(mapping: &Mapping) -> String {
    if !mapping.permissions.known {
        let path = mapping.path.as_deref().filter(|path| !path.is_empty());
        return format!("memory of {}", path.map_or("no file".to_owned(), file_name));
    }
    let letters = letters(mapping.permissions);
    match mapping.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => format!("{letters} memory of {}", file_name(path)),
        None => format!("{letters} memory of no file"),
    }
}

/// `rw-`, of permissions that are known.
pub fn letters(permissions: Permissions) -> String {
    let letter = |is_set: bool, letter: char| if is_set { letter } else { '-' };
    [
        letter(permissions.read, 'r'),
        letter(permissions.write, 'w'),
        letter(permissions.execute, 'x'),
    ]
    .iter()
    .collect()
}

/// The last component of a path.
pub fn file_name(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

/// The text at an address, when at least four characters there, up to a NUL,
/// can be printed. Not escaped.
pub fn text_at(scene: &Scene<'_, '_>, at: RunAddr) -> Option<String> {
    let (bytes, is_whole) = scene.crash.memory.text(at, LONGEST_TEXT).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let is_text = bytes.len() >= 4 && !text.chars().any(char::is_control);
    let end = if is_whole { "" } else { "..." };
    is_text.then(|| format!("\"{text}\"{end}"))
}

/// The variable of the program or of a library that lies at an address: its
/// name, and where in it. Functions are not variables.
pub fn global_at(scene: &Scene<'_, '_>, at: RunAddr) -> Option<String> {
    let symbol = scene.crash.symbols.symbol_at(at).filter(|symbol| !symbol.is_function)?;
    if symbol.offset == 0 {
        return Some(symbol.name);
    }
    pointer_at(scene, at)
}

/// As [`global_at`], for a place that a pointer was loaded from: also the first
/// member or element is told as one.
pub fn pointer_at(scene: &Scene<'_, '_>, at: RunAddr) -> Option<String> {
    scene.crash.symbols.symbol_at(at).filter(|symbol| !symbol.is_function)?;
    // Which member or element that is, debug information tells.
    let context = scene.context();
    let frames = scene.frames();
    let view = Viewpoint { context: &context, thread: None, frames: &frames, index: 0, call: None };
    let inside = static_at(&view, at).filter(|inside| inside.into == 0 && !inside.is_padding);
    inside.map(|inside| inside.path).or_else(|| symbol_of_data(scene.crash.symbols, at))
}

/// As [`global_at`], by symbols alone.
pub fn symbol_of_data(symbols: &Symbols<'_>, at: RunAddr) -> Option<String> {
    let symbol = symbols.symbol_at(at).filter(|symbol| !symbol.is_function)?;
    Some(match symbol.offset {
        0 => symbol.name,
        offset => format!("{}+{offset:#x}", symbol.name),
    })
}

/// The mapping that ends just below an address, and how far below.
pub fn ends_below<'a>(scene: &Scene<'a, '_>, at: RunAddr) -> Option<(&'a Mapping, u64)> {
    let mappings = &scene.crash.process.mappings;
    let after = mappings.partition_point(|mapping| mapping.range.end <= at);
    let below = mappings.get(after.checked_sub(1)?)?;
    Some((below, at.0.saturating_sub(below.range.end.0)))
}
