//! `signal-from-itself`: the program sent the fatal signal to itself.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};

pub(super) struct SignalItself;

impl Rule for SignalItself {
    fn id(&self) -> &'static str {
        "signal-from-itself"
    }

    fn doc(&self) -> &'static str {
        "The program sent the fatal signal to itself, with raise() or kill(), and no fault of \
         the processor is known that it repeats."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["a signal that the process sent to itself, and no fault below a handler that it repeats"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let info = scene.crash.signal().filter(|_| scene.sender() == Sender::Itself)?;
        // abort() has rules of its own.
        if info.signal == Signal::ABRT || scene.fault.is_some() {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.9, "signal from the program itself");
        let call = scene.own_call(0).map(|(index, _)| index);
        finding.explanation = sent_to_itself(scene, call);
        if let Some((name, meaning)) = info.code.and_then(|code| info.signal.code(code)) {
            finding.evidence.push(format!("the signal's code is {name}: {meaning}"));
        }
        finding.is_observed = true;
        finding.call = call;
        finding.severity = Severity::Info;
        Some(finding)
    }
}

/// "the program sent the signal to itself in `f` at f.c:7", and the fault of
/// which a handler had known before, which may be why.
pub(super) fn sent_to_itself(scene: &Scene<'_, '_>, call: Option<usize>) -> String {
    let sent = format!("the program sent the signal to itself{}", scene.at(call));
    let Some(first) = scene.crash.first_chance.as_ref() else { return sent };
    let name = first.signal.signal.name();
    let at = first.signal.address().map(|at| format!(" at {at}")).unwrap_or_default();
    format!("after one of its handlers had run for {name}{at}, {sent}")
}
