//! `bus-alignment`: a crooked address, where the program has asked for a check.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::access;

const BUS_ADRALN: i32 = 1;

pub(super) struct BusAlignment;

impl Rule for BusAlignment {
    fn id(&self) -> &'static str {
        "bus-alignment"
    }

    fn doc(&self) -> &'static str {
        "An address is not a multiple of what is accessed there, and the alignment check of the \
         processor was switched on."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGBUS with the code BUS_ADRALN"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref().filter(|fault| fault.signal == Signal::BUS)?;
        if fault.code != Some(BUS_ADRALN) {
            return None;
        }
        let instruction = fault.instruction?;
        let accesses = instruction.accesses(&fault.operands);
        // The kernel reports no address of its own for this fault.
        let crooked = accesses.iter().find(|access| {
            access.address.is_some_and(|at| access.size > 1 && !at.0.is_multiple_of(access.size))
        });
        let mut finding = Finding::new(self.id(), 0.97, "misaligned access");
        let what = match crooked.and_then(|found| Some((found, found.address?))) {
            Some((found, at)) => access(Some(found), at),
            None => format!("an access by `{}`", instruction.text()),
        };
        let call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
        finding.explanation = format!(
            "{what}{}: the address is not aligned, and alignment is checked",
            scene.at(call)
        );
        finding.evidence.push(format!("{} at {}", instruction.text(), instruction.at));
        finding.call = call;
        finding.next_step = Some(
            "align the data, or copy it with memcpy(); look for what sets the AC flag".to_owned(),
        );
        Some(finding)
    }
}
