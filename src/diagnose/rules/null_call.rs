//! `null-call`: a function pointer that is NULL was called.

use crate::diagnose::control::{How, jump};
use crate::diagnose::fault::NEAR_NULL;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::because;

pub(super) struct NullCall;

impl Rule for NullCall {
    fn id(&self) -> &'static str {
        "null-call"
    }

    fn doc(&self) -> &'static str {
        "A function pointer that is NULL was called: a callback that was never set, a weak \
         function that nobody defined."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a program counter, or the target of a call, in the first 64 KiB; and the pointer that held it",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let fault = scene.fault.as_ref()?;
        let jump = jump(scene, fault).filter(|jump| jump.target < NEAR_NULL)?;
        if jump.how == How::Return {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.97, "call of a null function pointer");
        let call = scene.call_in_frame(jump.frame).map(|(index, _)| index);
        let call = call.filter(|_| jump.frame != fault.frame || jump.how != How::Unknown);
        let is_zero = jump.target.0 == 0;
        let target = if is_zero {
            "a NULL function pointer".to_owned()
        } else {
            format!("{}, just above address zero", jump.target)
        };
        let why = jump.pointer.as_ref().map(|name| match is_zero {
            true => because(finding.confidence, &format!("`{name}` is NULL")),
            false => because(finding.confidence, &format!("`{name}` holds that")),
        });
        finding.explanation = format!("{} {target}{}", jump.words(scene), why.unwrap_or_default());
        finding.evidence.push(format!("the program counter is {}", jump.target));
        if jump.how == How::Jump {
            let note = "the called function has jumped on, in the place of its own last call";
            finding.evidence.push(note.to_owned());
        }
        finding.call = call;
        finding.next_step =
            Some("check the pointer before the call, or set it where it is made".to_owned());
        Some(finding)
    }
}
