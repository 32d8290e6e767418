//! `unsupported-instruction`: the processor lacks what an instruction needs.

use crate::base::signal::Signal;
use crate::diagnose::fault::can_run;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;

pub(super) struct UnsupportedInstruction;

impl Rule for UnsupportedInstruction {
    fn id(&self) -> &'static str {
        "unsupported-instruction"
    }

    fn doc(&self) -> &'static str {
        "The processor refused a valid instruction: it lacks what that needs (AVX-512, say), or the \
         system has switched it off."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGILL at an instruction that is valid, and the features that it needs"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::ILL)?;
        let instruction = fault.instruction.filter(|it| !it.is_undefined())?;
        if !can_run(scene.crash.process, instruction.at) {
            return None;
        }
        let text = instruction.text();
        let mut finding = Finding::new(self.id(), 0.8, "instruction refused");
        let needs = instruction.needs().join(", ");
        let needs = if needs.is_empty() { needs } else { format!(" ({needs})") };
        finding.explanation = format!(
            "the processor refused `{text}`, very likely because it lacks what that needs{needs}"
        );
        finding.evidence.push(format!("{text} at {}", instruction.at));
        finding.severity = Severity::Info;
        finding.next_step =
            Some("compile for the processors that the program is to run on".to_owned());
        finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        Some(finding)
    }
}
