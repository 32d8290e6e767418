//! Texts that were passed to a function which ends the program.

use crate::base::addr::RunAddr;
use crate::diagnose::culprit::argument;
use crate::diagnose::scene::Scene;

/// Bytes of such a text.
const LONGEST: usize = 2000;

/// The text that the caller of the call `index` passed as its argument number
/// `number`, from 0.
pub fn passed_text(scene: &Scene<'_, '_>, index: usize, number: usize) -> Option<String> {
    let inner = scene.crash.calls().get(index)?.frame;
    let value = argument(scene, inner.checked_add(1)?, number)?.value;
    let (text, is_whole) = scene.crash.memory.text(RunAddr(value), LONGEST).ok()?;
    let text = String::from_utf8(text).ok().filter(|text| is_whole && !text.is_empty())?;
    let is_plain = text.chars().all(|char| !char.is_control() || char.is_whitespace());
    is_plain.then_some(text)
}
