//! `rust-panic`: a panic that ends the program.

use crate::base::addr::RunRange;
use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::panic::{message, place};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;

pub(super) struct RustPanic;

impl Rule for RustPanic {
    fn id(&self) -> &'static str {
        "rust-panic"
    }

    fn doc(&self) -> &'static str {
        "A Rust panic aborted the program: it was built with panic=abort, or panicked while \
         another panic was unwinding. A panic that unwinds ends with exit status 101 instead."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        if !scene.crash.died_of(Signal::ABRT) || !is_own {
            return None;
        }
        let (index, handler) = scene.call_of(is_handler)?;
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
