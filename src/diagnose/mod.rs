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
use crate::diagnose::finding::Finding;
use crate::diagnose::rank::ranked;
use crate::diagnose::rules::RULES;
use crate::diagnose::scene::Scene;

/// All causes that fit, best first.
pub fn diagnose(crash: &Crash<'_, '_>) -> Vec<Finding> {
    let scene = Scene::new(crash);
    ranked(RULES.iter().filter_map(|rule| rule.check(&scene)).collect())
}
