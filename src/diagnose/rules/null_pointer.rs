//! `null-pointer`: an access just above address zero.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::fault::NEAR_NULL;
use crate::diagnose::finding::Finding;
use crate::diagnose::instruction::{Access, Part};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{access, because, bytes, register};
use crate::variables::value::{ValueKind, Variable};

pub(super) struct NullPointer;

impl Rule for NullPointer {
    fn id(&self) -> &'static str {
        "null-pointer"
    }

    fn doc(&self) -> &'static str {
        "A null pointer was followed, perhaps with the offset of a member or an element added. \
         Nothing can be mapped in the first 64 KiB."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        let at = fault.effective_address().filter(|at| *at < NEAR_NULL)?;
        if fault.signal != Signal::SEGV || fault.is_fetch(scene.crash.process) {
            return None;
        }
        let operand = fault.access();
        let call = scene.call_in_frame(fault.frame);
        let variables = call.map(|(_, call)| call.variables.as_slice()).unwrap_or_default();
        let null = operand.as_ref().and_then(null_base);
        let (confidence, cause) = match (&null, null_variables(variables).as_slice()) {
            (Some(_), [only]) => (0.9, format!("`{}` is NULL", only.name)),
            (Some(base), _) => (0.9, format!("the pointer in %{} is NULL", base.name)),
            (None, _) => (0.7, "a null pointer was used with an offset".to_owned()),
        };
        let mut finding = Finding::new(self.id(), confidence, "null pointer");
        let what = access(operand.as_ref(), at);
        finding.explanation = format!("{what}{}", because(confidence, &cause));
        finding.evidence = evidence(at, operand.as_ref());
        if let Some(instruction) = &fault.instruction {
            finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
        }
        finding.call = call.map(|(index, _)| index);
        Some(finding)
    }
}

/// The base register, when it is the one that is zero.
fn null_base(access: &Access) -> Option<Part> {
    access.base.filter(|base| base.value == Some(0))
}

/// Pointers and references that are NULL.
fn null_variables(variables: &[Variable]) -> Vec<&Variable> {
    let is_null = |variable: &&Variable| {
        let value = &variable.value;
        matches!(value.kind, ValueKind::Pointer | ValueKind::Reference | ValueKind::String)
            && value.raw == Some(0)
    };
    variables.iter().filter(is_null).collect()
}

fn evidence(at: RunAddr, access: Option<&Access>) -> Vec<String> {
    let mut evidence = vec![format!("{at} is within the first 64 KiB, where nothing is mapped")];
    if let Some(access) = access {
        if let Some(base) = &access.base {
            let offset = access.displacement.unsigned_abs();
            evidence.push(format!("the base is {}, the offset {}", register(base), bytes(offset)));
        }
        if let Some((index, scale)) = &access.index {
            evidence.push(format!("the index is {}, times {scale}", register(index)));
        }
    }
    evidence
}
