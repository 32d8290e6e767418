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
        (words, array.value.address)
    });
    let mut evidence = Vec::new();
    for (words, at) in described {
        evidence.push(words);
        evidence.extend(at.and_then(|at| text_over(scene, frame, at)));
    }
    evidence
}

/// Where text that begins in an array goes on over what lies behind it.
fn text_over(scene: &Scene<'_, '_>, frame: &Frame, array: RunAddr) -> Option<String> {
    let end = frame.cfa.filter(|cfa| *cfa > array)?;
    // On x86-64 the return address is the last word of the frame.
    let slot = RunAddr(end.0.checked_sub(8)?);
    let mut found = [0; MOST];
    let got = scene.crash.memory.read(array, &mut found);
    let is_text = |byte: &&u8| byte.is_ascii_graphic() || matches!(**byte, b' ' | b'\n' | b'\t');
    let text: Vec<u8> = found.get(..got)?.iter().take_while(is_text).copied().collect();
    let reaches = array.0.saturating_add(text.len() as u64);
    let length = text.len() as u64;
    // Text that ends within the frame's own variables says nothing.
    if length < SHORTEST || reaches.saturating_add(SHORTEST) < slot.0 {
        return None;
    }
    let over = match reaches {
        reaches if reaches > slot.0 => "over the guard, the saved registers and the return address",
        _ => "up to the return address",
    };
    let into = slot.0.saturating_sub(array.0);
    let shown = quote(&String::from_utf8_lossy(&text));
    Some(format!(
        "the text \"{shown}\" that begins there goes on for {}, {over}, which lies {} behind its \
         start",
        bytes(length),
        bytes(into)
    ))
}
