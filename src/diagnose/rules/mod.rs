//! Causes of death, one a file.

use crate::diagnose::crash::Crash;
use crate::diagnose::finding::Finding;

/// One way in which programs die.
pub trait Rule: Sync {
    /// Stable name, as written in reports: `null-pointer`.
    fn id(&self) -> &'static str;
    /// What the rule looks for, in a sentence or two.
    fn doc(&self) -> &'static str;
    /// The finding, if the facts fit.
    fn check(&self, crash: &Crash<'_, '_>) -> Option<Finding>;
}

/// Every rule. The order decides between findings of equal confidence: the
/// more specific first.
pub const RULES: &[&dyn Rule] = &[];
