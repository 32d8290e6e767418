//! `impossible-fault`: what was reported does not fit the instruction.

use crate::base::signal::Signal;
use crate::diagnose::fault::is_canonical;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;

const SEGV_MAPERR: i32 = 1;
const SEGV_ACCERR: i32 = 2;

pub(super) struct ImpossibleFault;

impl Rule for ImpossibleFault {
    fn id(&self) -> &'static str {
        "impossible-fault"
    }

    fn doc(&self) -> &'static str {
        "The processor reported a fault that the instruction at this place cannot have: the memory \
         or the processor is bad, the code was changed since, or another thread changed the mapping \
         meanwhile. A hint, never more."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a page fault of an instruction whose operands do not cover the reported address",
            "a page fault that the mapping allows",
            "a general-protection fault of an instruction that can have none",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::SEGV)?;
        let instruction = fault.instruction.as_ref()?;
        let process = scene.crash.process;
        if fault.is_fetch(process) {
            return None;
        }
        let accesses = instruction.accesses(&fault.operands);
        // An operand that is not known may be the one at fault.
        if accesses.iter().any(|access| access.address.is_none() || access.size == 0) {
            return None;
        }
        let why = match (fault.address, fault.access()) {
            (Some(at), None) if matches!(fault.code, Some(SEGV_MAPERR | SEGV_ACCERR)) => {
                format!("none of its operands is at {at}, where the fault was")
            }
            (Some(at), Some(access)) => {
                let mapping = process.mapping(at).filter(|mapping| mapping.permissions.known)?;
                let is_allowed = match access.kind.writes() {
                    true => mapping.permissions.write,
                    false => fault.could_read(mapping),
                };
                if !is_allowed {
                    return None;
                }
                format!("the mapping at {at} allows it")
            }
            (None, None) if fault.is_general_protection() => {
                let target = instruction.target(&fault.operands, scene.crash.memory);
                let is_branch = instruction.is_return() || instruction.is_indirect();
                let is_target_bad = is_branch && target.is_none_or(|target| !is_canonical(target));
                if instruction.is_privileged() || is_target_bad {
                    return None;
                }
                "it can have no such fault".to_owned()
            }
            _ => return None,
        };
        let mut finding = Finding::new(self.id(), 0.35, "a fault that does not fit");
        finding.explanation = format!(
            "possibly bad hardware, or code that was changed: `{}` failed, but {why}",
            instruction.text()
        );
        finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
        finding.call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        finding.severity = Severity::Info;
        finding.next_step = Some(
            "compare the program with its file, and look into the kernel's log for machine checks"
                .to_owned(),
        );
        Some(finding)
    }
}
