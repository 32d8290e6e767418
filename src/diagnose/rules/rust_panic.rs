//! `rust-panic`: a panic that ends the program.

use crate::base::addr::RunRange;
use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::panic::{message, place};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::{quote, said};
use crate::symbols::functions::NameSource;

pub(super) struct RustPanic;

impl Rule for RustPanic {
    fn id(&self) -> &'static str {
        "rust-panic"
    }

    fn doc(&self) -> &'static str {
        "A Rust panic aborted the program: it was built with panic=abort, or panicked while \
         another panic was unwinding. A panic that unwinds ends with exit status 101 instead."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT within the panic handler of Rust's standard library",
            "the place (a `core::panic::Location`) and the message in its frame; without symbols, a place of a panic that the stack points to",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        if !scene.crash.died_of(Signal::ABRT) || !is_own {
            return None;
        }
        let Some((index, handler)) = scene.call_of(is_handler) else {
            return nameless(scene, self.id());
        };
        let frame = scene.crash.frame(handler.frame)?;
        let sp = frame.registers.sp();
        let place = sp.and_then(|sp| place(scene.crash, sp));
        let range = sp.zip(frame.cfa).map(|(start, end)| RunRange { start, end });
        let text = range.and_then(|range| message(scene.crash, range, place.as_ref()));
        let call = scene.own_call(index).map(|(index, _)| index);

        let mut finding = Finding::new(self.id(), 0.98, "panic");
        let says = text.as_deref().map(|text| format!(": {}", quote(text))).unwrap_or_default();
        let at = match &place {
            Some(place) => format!(" at {}:{}", place.file, place.line),
            None => scene.at(call),
        };
        finding.explanation = format!("panic{at}{says}");
        finding.quoted = text.as_deref().map(quote);
        if let Some(name) = handler.function() {
            finding.evidence.push(format!("`{name}` is on the stack"));
        }
        if text.is_some() || place.is_some() {
            finding.evidence.push("message and place were found by scanning its frame".to_owned());
        }
        finding.call = call;
        Some(finding)
    }
}

/// Frames of a program without symbols that are looked through.
const MOST_FRAMES: usize = 16;

/// A panic of a program without symbols: its stack points to the place of one.
fn nameless(scene: &Scene<'_, '_>, id: &'static str) -> Option<Finding> {
    // Where functions have names, a panic's would be among them.
    let mut calls = scene.calls().skip_while(|(_, call)| scene.is_library(call));
    let (index, first) = calls.next()?;
    if first.call.function.as_ref().is_some_and(|it| it.source != NameSource::Nearest) {
        return None;
    }
    let frames = scene.frames();
    let own = frames.get(first.frame..)?;
    let place = place(scene.crash, own.first()?.registers.sp()?)?;
    let ranges = own.iter().take(MOST_FRAMES).filter_map(|frame| {
        let (start, end) = frame.registers.sp().zip(frame.cfa)?;
        Some(RunRange { start, end })
    });
    let text = ranges.filter_map(|range| message(scene.crash, range, Some(&place))).next();
    let mut finding = Finding::new(id, 0.85, "panic");
    let says = text.as_deref().map(|text| format!(": {}", quote(text))).unwrap_or_default();
    finding.explanation = format!("very likely a panic at {}:{}{says}", place.file, place.line);
    let file = place.file.rsplit('/').next().unwrap_or_default();
    let start = text.as_deref().map(|text| format!(": {}", said(text))).unwrap_or_default();
    finding.brief.push(format!("very likely a panic at {file}:{}{start}", place.line));
    finding.quoted = text.as_deref().map(quote);
    finding.evidence.push(
        "[heuristic] the stack points to this place of a panic in the program's data".to_owned(),
    );
    finding.call = Some(index);
    Some(finding)
}

/// The functions of the standard library that have the message in their
/// frames, in all spellings since 1.81: a closure inside of the panic handler
/// comes first on the stack.
fn is_handler(name: &str) -> bool {
    const PARTS: [&str; 4] = [
        "std::panicking::panic_handler",
        "std::panicking::begin_panic_handler",
        "std::panicking::begin_panic",
        "rust_begin_unwind",
    ];
    PARTS.iter().any(|part| name.contains(part))
}
