//! Which cause comes first.

use crate::diagnose::finding::Finding;

/// Causes that cannot be true together with a surer one: the first of each
/// pair, where it was found, takes the place of the second.
///
/// These are not opinions about likelihood but about meaning: a write that
/// ended below the stack *is* a wild write, and an assertion *is* an abort, but
/// to say so would hide the cause.
const EXPLAINS: &[(&str, &str)] = &[
    ("stack-overflow", "null-pointer"),
    ("stack-overflow", "wild-pointer"),
    ("stack-overflow", "bad-pointer"),
    ("stack-overflow", "forbidden-access"),
    ("stack-overflow", "write-readonly"),
    ("null-call", "bad-call"),
];

/// What only says that the program was looked at, or by whom it was ended, and
/// what says why it did not go on: the second kind comes before the first, unless
/// it is a mere hint.
const OCCASIONS: &[&str] = &["quit", "alive"];
const HANGS: &[&str] = &[
    "deadlock",
    "self-deadlock",
    "lock-owner-gone",
    "nobody-left-to-wake",
    "pipe-to-itself",
    "lock-held",
    "busy-loop",
];

/// A hang that is less sure than this is a hint.
const SURE_ENOUGH: f32 = 0.4;

/// Sorts findings, best first, and drops those that a better one explains.
/// Equal ones stay in the order of the rules: the more specific first.
pub(super) fn ranked(mut findings: Vec<Finding>) -> Vec<Finding> {
    let ids: Vec<&str> = findings.iter().map(|finding| finding.id).collect();
    findings.retain(|finding| {
        let is_explained = |(by, what): &(&str, &str)| *what == finding.id && ids.contains(by);
        !EXPLAINS.iter().any(is_explained)
    });
    findings.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    let is_hang =
        |finding: &Finding| HANGS.contains(&finding.id) && finding.confidence >= SURE_ENOUGH;
    if findings.iter().any(is_hang) {
        // A stable sort: hangs first among these two kinds.
        findings.sort_by_key(|finding| OCCASIONS.contains(&finding.id));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, ids with their confidence, and the ids that remain.
    type Case<'b> = (&'b str, &'b [(&'static str, f32)], &'b [&'b str]);

    #[test]
    fn order() {
        let cases: &[Case<'_>] = &[
            (
                "by confidence",
                &[("abort", 0.6), ("assertion-failed", 0.99)],
                &["assertion-failed", "abort"],
            ),
            (
                "an overflow is no wild pointer",
                &[("wild-pointer", 0.9), ("stack-overflow", 0.85)],
                &["stack-overflow"],
            ),
            ("equal ones stay in the order of the table", &[("b", 0.5), ("a", 0.5)], &["b", "a"]),
            (
                "why it hangs says more than that it was asked to quit",
                &[("quit", 0.97), ("lock-held", 0.7)],
                &["lock-held", "quit"],
            ),
            ("but no hint", &[("alive", 0.97), ("busy-loop", 0.35)], &["alive", "busy-loop"]),
            ("nothing", &[], &[]),
        ];
        for (name, findings, want) in cases {
            let findings =
                findings.iter().map(|(id, confidence)| Finding::new(id, *confidence, ""));
            let found: Vec<&str> = ranked(findings.collect()).iter().map(|it| it.id).collect();
            assert_eq!(found, *want, "{name}");
        }
    }
}
