//! From facts to findings: why did it die, and how sure is that?

pub mod crash;
pub mod finding;
pub mod rules;

use crate::diagnose::crash::Crash;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::RULES;

/// All findings that fit, best first.
pub fn diagnose(crash: &Crash<'_, '_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = RULES.iter().filter_map(|rule| rule.check(crash)).collect();
    found.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    found
}

/// One sentence: the signal, the thread, and the best finding.
pub fn verdict(crash: &Crash<'_, '_>, findings: &[Finding]) -> String {
    let Some(info) = crash.signal() else { return "no fatal signal".to_owned() };
    let why = findings.first().map_or(info.signal.meaning(), |best| best.explanation.as_str());
    let tid = crash.thread().map_or(0, |thread| thread.tid);
    format!("{} in thread {tid}: {why}", info.signal.name())
}
