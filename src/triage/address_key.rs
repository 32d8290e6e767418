//! Which crashes are the same one: a key made of code addresses.

use crate::report::model::{Frame, Report};
use crate::triage::digest::digest;

/// Frames that tell one crash from another. Deeper ones tell how the program
/// got there.
const FRAMES: usize = 5;

/// A key that crashes at the same place of the same files share, in each run
/// of the program: 16 hexadecimal digits. Without a stack it is made of the
/// program and the signal.
pub(super) fn address_key(report: &Report, program: &str) -> String {
    let crashed = report.threads.iter().find(|thread| thread.crashed).or(report.threads.first());
    let frames = crashed.map(|thread| thread.frames.as_slice()).unwrap_or_default();
    let signal = report.signal.as_ref().map_or(0, |signal| signal.number);
    let mut text = format!("{program}\n{signal}\n");
    for frame in frames.iter().filter(|frame| !frame.inlined).take(FRAMES) {
        text.push_str(&place(frame));
        text.push('\n');
    }
    digest(text.as_bytes()).chars().take(16).collect()
}

/// A frame's place in its file. Code outside of all files has an address that
/// means nothing in another run.
fn place(frame: &Frame) -> String {
    let file = frame.build_id.as_deref().or(frame.module.as_deref()).unwrap_or("?");
    match frame.offset {
        Some(offset) => format!("{file}+{offset}"),
        None => file.to_owned(),
    }
}
