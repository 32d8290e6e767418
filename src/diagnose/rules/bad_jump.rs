//! `bad-call`, `jump-to-data` and `bad-return`: the program went where there is
//! no code.

use crate::base::addr::RunAddr;
use crate::base::data_model::ByteOrder;
use crate::diagnose::control::{How, Jump, jump};
use crate::diagnose::fault::NEAR_NULL;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::ground::{global_at, memory, where_it_lies};
use crate::diagnose::overrun::overruns;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{ascii, because};
use crate::dump::process::Mapping;

pub(super) struct JumpToData;

impl Rule for JumpToData {
    fn id(&self) -> &'static str {
        "jump-to-data"
    }

    fn doc(&self) -> &'static str {
        "The program went on in memory that holds data and may not be run."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a program counter in memory that may not be run, and how it came there: the call before the return address on top of the stack",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let (jump, mapping) = elsewhere(scene).filter(|(jump, _)| jump.how != How::Return)?;
        let mapping = mapping?;
        let mut finding = found(scene, self.id(), 0.97, "data was run as code", &jump);
        let data = global_at(scene, jump.target).map(|name| format!(" (`{name}`)"));
        let data = data.unwrap_or_default();
        finding.explanation = format!(
            "{} {}{data}, which is data and no code{}",
            jump.words(scene),
            jump.target,
            origin(&jump)
        );
        finding.evidence.push(format!("the address is in {}", memory(mapping)));
        Some(finding)
    }
}

pub(super) struct BadCall;

impl Rule for BadCall {
    fn id(&self) -> &'static str {
        "bad-call"
    }

    fn doc(&self) -> &'static str {
        "A function pointer was called that points to nothing: it was never set, was \
         overwritten, or belongs to something that is gone."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a program counter, or the target of a call, where nothing is mapped; and the pointer that held it",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let (jump, mapping) = elsewhere(scene).filter(|(jump, _)| jump.how != How::Return)?;
        if mapping.is_some() || jump.target < NEAR_NULL {
            return None;
        }
        let mut finding = found(scene, self.id(), 0.96, "call to nowhere", &jump);
        finding.explanation = format!(
            "{} {}{}{}",
            jump.words(scene),
            jump.target,
            where_it_lies(scene, jump.target),
            origin(&jump)
        );
        Some(finding)
    }
}

pub(super) struct BadReturn;

impl Rule for BadReturn {
    fn id(&self) -> &'static str {
        "bad-return"
    }

    fn doc(&self) -> &'static str {
        "A function returned to an address that is no code: its return address on the stack was \
         overwritten, mostly by a local array that was written beyond its end."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "`ret` to an address that is none, or a program counter nowhere that equals the word just below the stack pointer",
            "text in the place of the return address",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        let jump = jump(scene, fault).filter(|jump| jump.how == How::Return)?;
        let mut finding = found(scene, self.id(), 0.95, "overwritten return address", &jump);
        let from = scene.call_in_frame(jump.frame).filter(|_| fault.instruction.is_some());
        let from = from.and_then(|(_, call)| call.function());
        let from = from.map(|name| format!(" of `{name}`")).unwrap_or_default();
        let is_little = scene.crash.process.arch.order == ByteOrder::Little;
        let text = ascii(jump.target.0)
            .filter(|_| is_little)
            .map(|text| format!(" (the text \"{text}\")"));
        let text = text.unwrap_or_default();
        let cause = format!("the return address{from} on the stack was overwritten");
        finding.explanation = format!(
            "return to {}{text}{}{}",
            jump.target,
            where_it_lies(scene, jump.target),
            because(finding.confidence, &cause)
        );
        if let Some((_, call)) = scene.call_in_frame(jump.frame) {
            finding.evidence.extend(overruns(scene, call));
        }
        finding.severity = Severity::Critical;
        finding.next_step = Some(
            "look for a local array that is written beyond its end; compile with \
             -fstack-protector-all or -fsanitize=address to see where"
                .to_owned(),
        );
        Some(finding)
    }
}

/// A jump to where no code is, and the mapping there.
fn elsewhere<'a>(scene: &Scene<'a, '_>) -> Option<(Jump, Option<&'a Mapping>)> {
    let fault = scene.fault.as_ref()?;
    let jump = jump(scene, fault)?;
    let mapping = scene.crash.process.mapping(jump.target);
    Some((jump, mapping))
}

fn found(
    scene: &Scene<'_, '_>,
    id: &'static str,
    confidence: f32,
    title: &str,
    jump: &Jump,
) -> Finding {
    let mut finding = Finding::new(id, confidence, title);
    finding.severity = Severity::High;
    let call = scene.call_in_frame(jump.frame);
    finding.call = call.filter(|(_, call)| call.function().is_some()).map(|(index, _)| index);
    if let Some(near) = near_code(scene, jump.target) {
        finding.evidence.push(near);
    }
    if let Some(fault) = &scene.fault
        && let Some(instruction) = &fault.instruction
        && fault.is_general_protection()
    {
        finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
    }
    finding
}

/// ", because `handler` holds that address".
fn origin(jump: &Jump) -> String {
    let pointer = jump.pointer.as_ref();
    let because = |name| because(0.97, &format!("`{name}` holds that address"));
    pointer.map(because).unwrap_or_default()
}

/// What lies at the target, for evidence.
fn near_code(scene: &Scene<'_, '_>, target: RunAddr) -> Option<String> {
    let name = scene.name_of(target)?;
    Some(format!("{target} is {name}"))
}
