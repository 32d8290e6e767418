//! From facts to findings: why did it die, and how sure is that?

pub mod bad_value;
pub mod brevity;
pub mod control;
pub mod crash;
pub mod culprit;
pub mod cxx_globals;
pub mod disassembly;
pub mod exception;
pub mod fault;
pub mod finding;
pub mod go;
pub mod ground;
pub mod handed_in;
pub mod hang;
pub mod heap_facts;
pub mod heap_words;
pub mod instruction;
pub mod last_words;
pub mod messages;
pub mod origin;
pub mod overrun;
pub mod panic;
pub mod passed_text;
mod rank;
pub mod rules;
pub mod scene;
pub mod signal_frame;
pub mod stack;
pub mod syscalls;
#[cfg(test)]
mod tests;
mod verdict;
pub mod waits;
pub mod wording;

pub use crate::diagnose::verdict::verdict;

use crate::diagnose::crash::Crash;
use crate::diagnose::fault::Fault;
use crate::diagnose::finding::Finding;
use crate::diagnose::rank::ranked;
use crate::diagnose::rules::RULES;
use crate::diagnose::scene::Scene;

/// All causes that fit, best first.
pub fn diagnose(crash: &Crash<'_, '_>) -> Vec<Finding> {
    let scene = Scene::new(crash);
    let computed = scene.fault.as_ref().filter(|fault| fault.is_computed);
    let weighed = |finding: Finding| {
        let call = finding.call.and_then(|index| crash.calls().get(index));
        // What happened in a handler, or behind it, has its own evidence.
        let rests_on_it = |fault: &Fault| {
            finding.thread == 0 && call.is_none_or(|call| call.frame >= fault.frame)
        };
        if computed.is_some_and(rests_on_it) { finding.by_computed_address() } else { finding }
    };
    ranked(RULES.iter().filter_map(|rule| rule.check(&scene)).map(weighed).collect())
}
