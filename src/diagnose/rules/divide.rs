//! `divide-by-zero` and `divide-overflow`: an integer division without a
//! result.

use crate::base::signal::Signal;
use crate::diagnose::culprit::variable_in;
use crate::diagnose::finding::Finding;
use crate::diagnose::instruction::{Division, Divisor};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::variables::value::{ValueKind, Variable};

pub(super) struct DivideByZero;

impl Rule for DivideByZero {
    fn id(&self) -> &'static str {
        "divide-by-zero"
    }

    fn doc(&self) -> &'static str {
        "An integer was divided by zero. The processor refuses; floating-point numbers would \
         give infinity."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGFPE at a division whose divisor, from its register or from memory, is 0"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        check(scene, self.id(), Division::ByZero)
    }
}

pub(super) struct DivideOverflow;

impl Rule for DivideOverflow {
    fn id(&self) -> &'static str {
        "divide-overflow"
    }

    fn doc(&self) -> &'static str {
        "The quotient of an integer division does not fit: the smallest number of its type was \
         divided by -1."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGFPE at a division whose quotient, computed again, does not fit"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        check(scene, self.id(), Division::Overflow)
    }
}

fn check(scene: &Scene<'_, '_>, id: &'static str, how: Division) -> Option<Finding> {
    let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::FPE)?;
    let memory = scene.crash.memory;
    let instruction = fault.instruction?;
    let divisor = instruction.divisor(&fault.operands, memory)?;
    if instruction.division(&fault.operands, memory) != Some(how) {
        return None;
    }
    let call = scene.call_in_frame(fault.frame);
    let variables = call.map(|(_, call)| call.variables.as_slice()).unwrap_or_default();
    let in_memory = stored_in(variables, &divisor).map(|variable| variable.name.clone());
    let register = instruction.divisor_register();
    let in_register = || variable_in(scene, fault.frame, register?).map(|variable| variable.name);
    let name = in_memory.or_else(in_register).map(|name| format!("`{name}`"));
    let who = name.unwrap_or_else(|| "the divisor".to_owned());
    let bits = divisor.size.saturating_mul(8);
    let title = match how {
        Division::ByZero => "division by zero",
        Division::Overflow => "quotient too large",
    };
    let mut finding = Finding::new(id, 0.99, title);
    let too_large = format!("the quotient of an integer division does not fit into {bits} bits");
    finding.explanation = match how {
        Division::ByZero => format!("integer division by zero: {who} is 0"),
        Division::Overflow if divisor.is_signed => {
            format!("{too_large}: {who} is {}", signed(&divisor))
        }
        Division::Overflow => too_large,
    };
    finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
    if let Some(value) = divisor.value {
        finding.evidence.push(format!("the divisor of {bits} bits is {value:#x}"));
    }
    finding.call = call.map(|(index, _)| index);
    Some(finding)
}

/// The variable that the divisor was read from: the one at its address.
fn stored_in<'v>(variables: &'v [Variable], divisor: &Divisor) -> Option<&'v Variable> {
    let address = divisor.access?.address?;
    variables.iter().find(|variable| {
        variable.value.kind == ValueKind::Scalar && variable.value.address == Some(address)
    })
}

fn signed(divisor: &Divisor) -> String {
    let unused = 64_usize.saturating_sub(divisor.size.saturating_mul(8)).min(63);
    match divisor.value {
        Some(value) => ((value << unused) as i64 >> unused).to_string(),
        None => "not known".to_owned(),
    }
}
