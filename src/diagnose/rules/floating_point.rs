//! `floating-point-exception`: a trap that the program asked for.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::dump::siginfo::SignalCause;

const FPE_INTDIV: i32 = 1;
const FPE_INTOVF: i32 = 2;

pub(super) struct FloatingPoint;

impl Rule for FloatingPoint {
    fn id(&self) -> &'static str {
        "floating-point-exception"
    }

    fn doc(&self) -> &'static str {
        "A calculation with floating-point numbers was invalid, divided by zero or left their range, \
         and the program had asked for a trap then (feenableexcept). Without that it would go on with \
         infinity or no number."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGFPE with one of the codes FPE_FLT..., and the instruction"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let info = scene.crash.signal().filter(|info| info.signal == Signal::FPE)?;
        let code = info.code.filter(|code| *code > FPE_INTOVF && *code != FPE_INTDIV)?;
        matches!(info.cause, SignalCause::Fault { .. }).then_some(())?;
        let (name, meaning) = info.signal.code(code)?;
        let fault = scene.fault.as_ref()?;
        let mut finding = Finding::new(self.id(), 0.95, "floating-point exception");
        let call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        let by = fault.instruction.map(|it| format!(" by `{}`", it.text())).unwrap_or_default();
        finding.explanation = format!("{meaning}{by}{}", scene.at(call));
        finding.evidence.push(format!("the signal's code is {name}"));
        finding.evidence.push("such traps are off unless a program asks for them".to_owned());
        finding.call = call;
        finding.next_step =
            Some("look at the operands, and for feenableexcept() or -ffpe-trap".to_owned());
        Some(finding)
    }
}
