//! A local array that was written beyond its end: which one, and what its bytes
//! are now, up to the return address.

use crate::base::addr::RunAddr;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{bytes, quote};
use crate::unwind::frame::Frame;
use crate::variables::calls::FrameCall;
use crate::variables::value::{ValueKind, Variable};

/// Bytes behind an array that are looked at.
const MOST: usize = 512;

/// Shorter text may be there by chance.
const SHORTEST: u64 = 8;

/// Arrays that are named.
const NAMED: usize = 8;

/// What is known of the arrays of a call, the nearest to the guard and the
/// return address first: compilers put arrays next to them, since an overrun
/// then reaches no other variable.
pub fn overruns(scene: &Scene<'_, '_>, call: &FrameCall) -> Vec<String> {
    let Some(frame) = scene.crash.frame(call.frame) else { return Vec::new() };
    let is_array = |variable: &&Variable| {
        let kind = variable.value.kind;
        !variable.is_argument
            && (kind == ValueKind::Array
                || kind == ValueKind::String && variable.type_name.contains('['))
    };
    let mut arrays: Vec<&Variable> = call.variables.iter().filter(is_array).collect();
    arrays.sort_by_key(|array| u64::MAX - array.value.address.map_or(0, |at| at.0));
    let described = arrays.iter().take(NAMED).enumerate().map(|(number, array)| {
        let nearest = match number {
            0 if array.value.address.is_some() => ", the nearest to the guard and return address",
            _ => "",
        };
        let words = format!("local array `{}`: {}{nearest}", array.name, array.type_name);
        (words, array.value.address, capacity(&array.type_name))
    });
    let mut evidence = Vec::new();
    for (words, at, capacity) in described {
        evidence.push(words);
        evidence.extend(at.and_then(|at| text_over(scene, frame, at, capacity)));
    }
    evidence
}

/// How many bytes an array of characters has, by its type: 24 for `char [24]`.
fn capacity(type_name: &str) -> Option<u64> {
    let (element, length) = type_name.strip_suffix(']')?.split_once('[')?;
    element.trim_end().ends_with("char").then(|| length.parse().ok())?
}

/// Where text that begins in an array goes on over what lies behind it.
fn text_over(
    scene: &Scene<'_, '_>,
    frame: &Frame,
    array: RunAddr,
    capacity: Option<u64>,
) -> Option<String> {
    let end = frame.cfa.filter(|cfa| *cfa > array)?;
    let mut found = [0; MOST];
    let got = scene.crash.memory.read(array, &mut found);
    let is_text = |byte: &&u8| byte.is_ascii_graphic() || matches!(**byte, b' ' | b'\n' | b'\t');
    let text: Vec<u8> = found.get(..got)?.iter().take_while(is_text).copied().collect();
    let length = text.len() as u64;
    // A call pushes the return address as the last word of the caller's frame on
    // x86; elsewhere the callee saves it in its own.
    let slot = scene.crash.process.arch.is_x86_64().then(|| RunAddr(end.0.saturating_sub(8)));
    let is_over_return = slot.is_some_and(|slot| array.0.saturating_add(length) > slot.0);
    let more = capacity.and_then(|capacity| length.checked_sub(capacity)).filter(|it| *it > 0);
    let how = match (more, is_over_return) {
        (_, _) if length < SHORTEST => return None,
        (Some(more), true) => {
            format!(", {} more than it has, over the return address", bytes(more))
        }
        (Some(more), false) => format!(", {} more than it has", bytes(more)),
        (None, true) => ", over the return address".to_owned(),
        (None, false) => return None,
    };
    let shown = quote(&String::from_utf8_lossy(&text));
    Some(format!("the text \"{shown}\" that begins there goes on for {}{how}", bytes(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities() {
        let cases = [
            ("char [24]", Some(24)),
            ("unsigned char [8]", Some(8)),
            ("volatile char[3]", Some(3)),
            ("int [4]", None),
            ("char [2][3]", None),
            ("char *", None),
        ];
        for (name, want) in cases {
            assert_eq!(capacity(name), want, "{name}");
        }
    }
}
