//! Causes of death, one a file.

mod abort_explicit;
mod divide;
mod null_pointer;
mod signal_external;
mod stack_overflow;

use crate::diagnose::finding::Finding;
use crate::diagnose::scene::Scene;

/// One way in which programs die.
pub trait Rule: Sync {
    /// Stable name, as written in reports: `null-pointer`.
    fn id(&self) -> &'static str;
    /// What the rule looks for, in a sentence or two.
    fn doc(&self) -> &'static str;
    /// The finding, if the facts fit.
    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding>;
}

/// Every rule. The order decides between findings of equal confidence: the
/// more specific first.
pub const RULES: &[&dyn Rule] = &[
    &signal_external::SignalExternal,
    &stack_overflow::StackOverflow,
    &divide::DivideByZero,
    &divide::DivideOverflow,
    &null_pointer::NullPointer,
    &abort_explicit::AbortExplicit,
];
