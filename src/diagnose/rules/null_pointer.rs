//! `null-pointer`: an access just above address zero.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::culprit::{Culprit, culprit, null_arguments, null_pointers};
use crate::diagnose::fault::{Fault, NEAR_NULL};
use crate::diagnose::finding::Finding;
use crate::diagnose::instruction::Access;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{access, because, bytes, hedge, register};
use crate::variables::suspects::Suspect;

pub(super) struct NullPointer;

impl Rule for NullPointer {
    fn id(&self) -> &'static str {
        "null-pointer"
    }

    fn doc(&self) -> &'static str {
        "A null pointer was followed, perhaps with the offset of a member or an element added. \
         Nothing can be mapped in the first 64 KiB."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a page fault in the first 64 KiB, or up to 16 MiB through a register that is 0",
            "the variable that is null: the one that lives in the register, or that the code just before loaded it from; the member at that distance",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        let at = fault.effective_address().filter(|_| fault.is_through_null())?;
        if fault.signal != Signal::SEGV || fault.is_fetch(scene.crash.process) {
            return None;
        }
        let operand = fault.access();
        let call = scene.call_in_frame(fault.frame);
        let cause = cause(scene, fault, operand.as_ref());
        let mut finding = Finding::new(self.id(), cause.confidence, "null pointer");
        let what = access(operand.as_ref(), at);
        finding.explanation = format!("{what}{}", cause.words);
        finding.is_observed = cause.is_observed;
        finding.evidence = evidence(at, operand.as_ref());
        finding.evidence.extend(cause.evidence);
        if let Some(instruction) = &fault.instruction {
            finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
        }
        finding.call = cause.blamed.or(call.map(|(index, _)| index));
        Some(finding)
    }
}

struct Cause {
    confidence: f32,
    words: String,
    evidence: Option<String>,
    blamed: Option<usize>,
    /// Whether the words tell only what was seen.
    is_observed: bool,
}

impl Cause {
    fn new(confidence: f32, words: String) -> Self {
        Self { confidence, words, evidence: None, blamed: None, is_observed: false }
    }
}

/// Which pointer was null, as far as that can be told.
fn cause(scene: &Scene<'_, '_>, fault: &Fault, operand: Option<&Access>) -> Cause {
    let base = operand.and_then(|access| access.base);
    let Some(base) = base.filter(|base| base.value == Some(0)) else {
        if operand.is_some_and(|it| it.base.is_none() && it.index.is_none()) {
            let words = ", at an address that the code itself has, as compilers write it for a null pointer \
                         that they foresee".to_owned();
            let evidence = "the address is a constant of the instruction".to_owned();
            return Cause { evidence: Some(evidence), ..Cause::new(0.9, words) };
        }
        if let Some(suspect) = indexed(scene, fault, operand) {
            let words =
                because(0.8, &format!("`{}` is NULL (`{}`)", suspect.pointer, suspect.access));
            return Cause::new(0.8, words);
        }
        return match base.and_then(|base| base.value) {
            Some(value) if RunAddr(value) < NEAR_NULL => {
                let words = format!(", through a pointer that is {value:#x}, next to null");
                Cause { is_observed: true, ..Cause::new(0.8, words) }
            }
            // Whatever was added to it, the base itself is no null pointer.
            Some(_) => Cause::new(0.5, ", by an index that is far out of bounds".to_owned()),
            None if base.is_none() => {
                Cause::new(0.9, because(0.9, "a null pointer constant was followed"))
            }
            None => {
                let hedge = hedge(0.7);
                Cause::new(0.7, format!(", {hedge}through a null pointer"))
            }
        };
    };
    let Some(operand) = operand else { return Cause::new(0.7, String::new()) };
    match culprit(scene, fault.frame, &fault.operands, operand) {
        Some(Culprit::Pointer(suspect)) => {
            let words = because(0.99, &is_null(&suspect));
            let evidence = format!("{base} held the pointer `{}`", suspect.pointer);
            Cause { evidence: Some(evidence), ..Cause::new(0.99, words) }
        }
        Some(Culprit::Global(name)) => {
            let words = because(0.97, &format!("`{name}` is NULL"));
            let evidence = format!("{base} was loaded from `{name}`");
            Cause { evidence: Some(evidence), ..Cause::new(0.97, words) }
        }
        Some(Culprit::Returned(name)) => {
            let who = name.map_or("a function".to_owned(), |name| format!("`{name}`"));
            let words = because(0.97, &format!("{who} returned NULL"));
            let evidence = format!("{base} is the result of the call before");
            Cause { evidence: Some(evidence), ..Cause::new(0.97, words) }
        }
        Some(Culprit::Constant) => {
            let words = because(0.97, "a null pointer constant was followed");
            let evidence = format!("{base} was set to 0 by the code itself");
            Cause { evidence: Some(evidence), ..Cause::new(0.97, words) }
        }
        Some(Culprit::Suspect(suspect)) => {
            let words = because(0.35, &is_null(&suspect));
            let evidence = format!("`{}` is NULL and would lead there", suspect.pointer);
            Cause { evidence: Some(evidence), ..Cause::new(0.9, words) }
        }
        None => passed_on(scene, fault).unwrap_or_else(|| {
            let past = match operand.displacement {
                0 => String::new(),
                offset => format!(", {} past it", bytes(offset.unsigned_abs())),
            };
            // That the register is zero is a fact; whose pointer it was is not
            // said.
            Cause::new(0.95, format!(", through a NULL pointer in {base}{past}"))
        }),
    }
}

/// The only pointer variable that is null and from which the address can be
/// reached by an index: code that computes `p[i]` leaves no trace of `p`.
fn indexed(scene: &Scene<'_, '_>, fault: &Fault, operand: Option<&Access>) -> Option<Suspect> {
    let at = fault.effective_address()?;
    let size = operand.map(|operand| operand.size);
    let suspects = null_pointers(scene, fault.frame, at.0, size);
    let mut fitting = suspects.into_iter().filter(|it| it.steps == 0 && it.size == size);
    let first = fitting.next()?;
    fitting.all(|other| other.pointer == first.pointer).then_some(first)
}

/// "`conn` is NULL (member `fd` of `struct conn`)".
fn is_null(suspect: &Suspect) -> String {
    let member = suspect.member.as_ref();
    let member = member.map(|(name, of)| format!(" (member `{name}` of `{of}`)"));
    format!("`{}` is NULL{}", suspect.pointer, member.unwrap_or_default())
}

/// A function of a library got the null pointer from the program.
fn passed_on(scene: &Scene<'_, '_>, fault: &Fault) -> Option<Cause> {
    let (index, call) = scene.call_in_frame(fault.frame)?;
    if !scene.is_library(call) {
        return None;
    }
    let library = call.function()?;
    let (own_index, own) = scene.own_call(index)?;
    let nulls = null_arguments(scene, own.frame);
    let (confidence, why) = match nulls.as_slice() {
        [only] => (0.9, because(0.9, &format!("`{}` is NULL", only.pointer))),
        _ => (0.95, ", through a NULL pointer".to_owned()),
    };
    let by = own.function().map(|name| format!(", called by `{name}`")).unwrap_or_default();
    let words = format!(" in `{library}`{by}{why}");
    Some(Cause { blamed: Some(own_index), ..Cause::new(confidence, words) })
}

fn evidence(at: RunAddr, access: Option<&Access>) -> Vec<String> {
    let mut evidence = Vec::new();
    if at < NEAR_NULL {
        evidence.push(format!("{at} is within the first 64 KiB, where nothing is mapped"));
    }
    if let Some(access) = access {
        if let Some(base) = &access.base {
            let offset = match access.displacement {
                offset if offset < 0 => format!("-{:#x}", offset.unsigned_abs()),
                offset => format!("{offset:#x}"),
            };
            evidence.push(format!("the base is {}, the offset {offset}", register(base)));
        }
        if let Some((index, scale)) = &access.index {
            evidence.push(format!("the index is {}, times {scale}", register(index)));
        }
    }
    evidence
}
