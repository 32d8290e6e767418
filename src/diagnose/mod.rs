//! From facts to findings: why did it die, and how sure is that?

pub mod control;
pub mod crash;
pub mod culprit;
pub mod cxx_globals;
pub mod exception;
pub mod fault;
pub mod finding;
pub mod ground;
pub mod instruction;
pub mod messages;
pub mod origin;
pub mod panic;
mod rank;
pub mod rules;
pub mod scene;
pub mod signal_frame;
pub mod stack;
pub mod syscalls;
#[cfg(test)]
mod tests;
mod verdict;
pub mod waiting;
mod waiting_calls;
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
