//! `bad-pointer` and `wild-pointer`: an address that is none, or that leads to
//! nothing.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::control::jump;
use crate::diagnose::culprit::{Culprit, culprit};
use crate::diagnose::fault::{Fault, is_canonical};
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::ground::{ends_below, global_at, memory, where_it_lies};
use crate::diagnose::instruction::Access;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{access, ascii, because, bytes, register, size};
use crate::variables::suspects::Suspect;

/// How close behind the end of a mapping an access is an overrun of it.
const JUST_BEHIND: u64 = 4096;

pub(super) struct BadPointer;

impl Rule for BadPointer {
    fn id(&self) -> &'static str {
        "bad-pointer"
    }

    fn doc(&self) -> &'static str {
        "Something was used as a pointer that has not even the form of an address: text, a \
         number, a freed or overwritten piece of memory."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a general-protection fault of an access whose address, computed again from the registers, has no valid form",
            "text in the register that it was computed from",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.is_general_protection())?;
        if jump(scene, fault).is_some() {
            return None;
        }
        let operand = fault.access()?;
        let at = operand.address.filter(|at| !is_canonical(*at))?;
        Some(found(scene, fault, self.id(), "not a pointer", Some(&operand), at))
    }
}

pub(super) struct WildPointer;

impl Rule for WildPointer {
    fn id(&self) -> &'static str {
        "wild-pointer"
    }

    fn doc(&self) -> &'static str {
        "A pointer leads to where nothing is mapped: it was never set, was overwritten, points \
         to memory that is gone, or was moved too far."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a page fault where nothing is mapped, and not near address zero",
            "the variable that the address was computed from, and memory that ends just below",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::SEGV)?;
        let at = fault.address.filter(|_| !fault.is_through_null())?;
        let process = scene.crash.process;
        if process.mapping(at).is_some() || fault.is_fetch(process) {
            return None;
        }
        Some(found(scene, fault, self.id(), "wild pointer", fault.access().as_ref(), at))
    }
}

/// What it is worth that a variable has the value that led astray.
const SUSPECTED: f32 = 0.8;

fn found(
    scene: &Scene<'_, '_>,
    fault: &Fault,
    id: &'static str,
    title: &str,
    operand: Option<&Access>,
    at: RunAddr,
) -> Finding {
    let culprit = operand.and_then(|it| culprit(scene, fault.frame, &fault.operands, it));
    let base = operand.and_then(|operand| operand.base);
    let value = base.and_then(|base| base.value);
    // With an index, a base that leads to memory is not what is wrong.
    let is_sound = |value| scene.crash.process.mapping(RunAddr(value)).is_some();
    let has_index = operand.is_some_and(|operand| operand.index.is_some());
    let culprit = culprit.filter(|_| !has_index || !value.is_some_and(is_sound));
    // That the address is bad is certain; only the reason may be unknown.
    let mut finding = Finding::new(id, 0.95, title);
    let text = value.and_then(ascii).map(|text| format!(", which is the text \"{text}\""));
    let text = text.unwrap_or_default();
    let held = value.map_or_else(|| at.to_string(), |value| format!("{value:#x}"));
    let why = match &culprit {
        Some(Culprit::Pointer(suspect) | Culprit::Suspect(suspect)) => {
            format!("`{}` is {held}{text}{}", suspect.pointer, member(suspect))
        }
        Some(Culprit::Global(name)) => format!("`{name}` is {held}{text}"),
        Some(Culprit::Returned(Some(name))) => format!("`{name}` returned {held}{text}"),
        Some(Culprit::Constant) => format!("the code itself has the constant {held}{text}"),
        Some(Culprit::Returned(None)) => format!("a function returned {held}{text}"),
        None => String::new(),
    };
    let index = operand.and_then(|operand| operand.index);
    let why = match (why.is_empty(), base, index) {
        // The same value may have come from elsewhere.
        (false, ..) if matches!(culprit, Some(Culprit::Suspect(_))) => because(SUSPECTED, &why),
        (false, ..) => because(finding.confidence, &why),
        (true, Some(base), None) if base.is_frame() => String::new(),
        (true, Some(base), None) => format!(": {base} is {held}{text}"),
        (true, ..) => operand.and_then(|it| moved(scene, it, at)).unwrap_or_default(),
    };
    finding.explanation = format!("{}{}{why}", access(operand, at), where_it_lies(scene, at));
    finding.brief.push(format!("{}{why}", access(operand, at)));
    if let Some(operand) = operand {
        finding
            .evidence
            .extend(operand.base.iter().map(|base| format!("the base is {}", register(base))));
        let index = operand.index.iter();
        finding.evidence.extend(
            index.map(|(index, scale)| format!("the index is {}, times {scale}", register(index))),
        );
    }
    if let Some(instruction) = &fault.instruction {
        finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
    }
    if let Some((below, distance)) = ends_below(scene, at).filter(|(_, by)| *by < JUST_BEHIND) {
        let distance = size(distance);
        finding.evidence.push(format!("{at} is {distance} behind the end of {}", memory(below)));
        finding.next_step = Some("look for an index or a length that is too large".to_owned());
    }
    let is_write = operand.is_some_and(|operand| operand.kind.writes());
    finding.severity = if is_write { Severity::High } else { Severity::Medium };
    finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
    finding
}

/// ", 400000000 bytes past `table`": of an address with an index, the part
/// that is an address of the program, and how far from it the sum lies.
fn moved(scene: &Scene<'_, '_>, operand: &Access, at: RunAddr) -> Option<String> {
    let base = operand.base.and_then(|base| base.value);
    // An index that is multiplied is no address.
    let index = operand.index.filter(|(_, scale)| *scale == 1).and_then(|(index, _)| index.value);
    let displacement = operand.displacement as u64;
    let mapped = [base, index].into_iter().flatten().find_map(|value| {
        let start = [RunAddr(value), RunAddr(value.wrapping_add(displacement))];
        start.into_iter().find(|at| scene.crash.process.mapping(*at).is_some())
    })?;
    let name = match global_at(scene, mapped) {
        Some(name) => format!("`{name}`"),
        None => format!("{mapped}"),
    };
    Some(match at.0.checked_sub(mapped.0) {
        Some(past) => format!(", {} past {name}", bytes(past)),
        None => format!(", {} before {name}", bytes(mapped.0.wrapping_sub(at.0))),
    })
}

fn member(suspect: &Suspect) -> String {
    let member = suspect.member.as_ref();
    member.map(|(name, of)| format!(" (member `{name}` of `{of}`)")).unwrap_or_default()
}
