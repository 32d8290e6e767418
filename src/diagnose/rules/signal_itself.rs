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
        finding.explanation = format!("the program sent the signal to itself{}", scene.at(call));
        if let Some((name, meaning)) = info.code.and_then(|code| info.signal.code(code)) {
            finding.evidence.push(format!("the signal's code is {name}: {meaning}"));
        }
        if let Some(first) = &scene.crash.first_chance {
            let name = first.signal.signal.name();
            let at = first.signal.address().map(|at| format!(" at {at}")).unwrap_or_default();
            finding.evidence.push(format!("before, one of its handlers ran for {name}{at}"));
        }
        finding.call = call;
        finding.severity = Severity::Info;
        Some(finding)
    }
}
