//! Which cause comes first.

use crate::diagnose::finding::Finding;

/// Causes that cannot be true together with a narrower one: the first of each
/// entry, where it was found, takes the place of the others.
///
/// These are not opinions about likelihood but about meaning: a write that
/// ended below the stack *is* a wild write, and an assertion *is* an abort, but
/// to say so would hide the cause.
const EXPLAINS: &[(&str, &[&str])] = &[
    ("stack-overflow", &[WILD, BAD, "null-pointer", "forbidden-access", "write-readonly"]),
    (
        "stack-overflow",
        &["buffer-overrun", "poisoned-pointer", "truncated-pointer", "use-after-unmap"],
    ),
    ("use-after-free", &[WILD, BAD, "bad-call", "jump-to-data", "poisoned-pointer"]),
    ("use-after-free", &["allocator-fault", "use-after-unmap", "null-pointer", "null-call"]),
    ("use-after-unmap", &[WILD]),
    ("poisoned-pointer", &[WILD, BAD, "bad-call", "use-after-unmap"]),
    ("truncated-pointer", &[WILD, BAD, "use-after-unmap"]),
    ("buffer-overrun", &[WILD, "forbidden-access", "write-readonly", "use-after-unmap"]),
    ("null-call", &["bad-call"]),
    ("double-free", HEAP),
    ("invalid-free", HEAP),
    ("heap-overflow", HEAP),
    ("freed-block-overwritten", HEAP),
    ("heap-corruption", &["abort", "privileged-instruction"]),
    ("allocator-fault", &[WILD, BAD, "null-pointer"]),
    ("compiler-trap", &["illegal-instruction", "breakpoint"]),
    ("unsupported-instruction", &["illegal-instruction"]),
    ("glib-fatal", &["breakpoint", "abort"]),
    ("sanitizer-report", &[WILD, BAD, "null-pointer", "heap-corruption", "bad-call", "abort"]),
    (
        "sanitizer-report",
        &["stack-overflow", "divide-by-zero", "compiler-trap", "signal-from-itself"],
    ),
    ("assertion-failed", &["abort"]),
    ("buffer-overflow", &["abort"]),
    ("stack-smashing", &["abort"]),
    ("check-failed", &["abort"]),
    ("cxx-exception", &["abort"]),
    ("cxx-pure-virtual", &["abort"]),
    ("rust-panic", &["abort"]),
    ("go-panic", &["abort", "signal-from-itself"]),
    ("go-fatal-error", &["abort", "signal-from-itself"]),
    ("python-fatal-error", &["abort"]),
    ("node-fatal-error", &["abort", "breakpoint", "compiler-trap", "illegal-instruction"]),
    ("qt-fatal", &["abort"]),
];

const WILD: &str = "wild-pointer";
const BAD: &str = "bad-pointer";
const HEAP: &[&str] = &["heap-corruption", "abort"];

/// Causes that say only that an address is bad, not how it came to be so.
const GENERAL: &[&str] = &[WILD, BAD, "bit-flip"];

/// Causes that are hints, and keep quiet where a better one is there.
const HINTS: &[&str] = &["bit-flip", "impossible-fault"];

/// How sure another cause must be for hints to keep quiet.
const SURE_ENOUGH: f32 = 0.6;

/// What only says that the program was looked at, or by whom it was ended, and
/// what says why it did not go on: the second kind comes before the first, unless
/// it is a mere hint.
const OCCASIONS: &[&str] = &["quit", "alive"];
const HANGS: &[&str] = &[
    "deadlock",
    "self-deadlock",
    "lock-owner-gone",
    "nobody-left-to-wake",
    "process-deadlock",
    "pipe-to-itself",
    "lock-held",
    "busy-loop",
];

/// A hang that is less sure than this is a hint.
const SURE_HANG: f32 = 0.4;

/// Sorts findings, best first, and drops those that a better one explains.
/// Equal ones stay in the order of the rules: the more specific first.
pub(super) fn ranked(mut findings: Vec<Finding>) -> Vec<Finding> {
    let ids: Vec<&'static str> = findings.iter().map(|finding| finding.id).collect();
    let is_explained = |by: &str, id: &str| {
        EXPLAINS.iter().any(|(narrow, wide)| *narrow == by && wide.contains(&id))
    };
    for finding in &mut findings {
        let wider = ids.iter().filter(|id| is_explained(finding.id, id));
        finding.also = wider.copied().collect();
    }
    let is_known = findings
        .iter()
        .any(|finding| finding.confidence >= SURE_ENOUGH && !GENERAL.contains(&finding.id));
    findings.retain(|finding| {
        let keeps_quiet = is_known && HINTS.contains(&finding.id);
        let is_wider = ids.iter().any(|by| is_explained(by, finding.id));
        !keeps_quiet && !is_wider
    });
    findings.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    let is_hang =
        |finding: &Finding| HANGS.contains(&finding.id) && finding.confidence >= SURE_HANG;
    if findings.iter().any(is_hang) {
        // A stable sort: hangs first among these two kinds.
        findings.sort_by_key(|finding| OCCASIONS.contains(&finding.id));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::rules::RULES;

    /// Name, ids with their confidence, and the ids that remain.
    type Case<'b> = (&'b str, &'b [(&'static str, f32)], &'b [&'b str]);

    #[test]
    fn order() {
        let cases: &[Case<'_>] = &[
            ("by confidence", &[("abort", 0.6), ("assertion-failed", 0.99)], &["assertion-failed"]),
            (
                "an overflow is no wild pointer",
                &[("wild-pointer", 0.9), ("stack-overflow", 0.85)],
                &["stack-overflow"],
            ),
            (
                "a hint where only the address is known to be bad",
                &[("wild-pointer", 0.95), ("bit-flip", 0.3)],
                &["wild-pointer", "bit-flip"],
            ),
            (
                "no hint beside a cause",
                &[("bit-flip", 0.39), ("write-readonly", 0.96)],
                &["write-readonly"],
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

    #[test]
    fn what_is_explained_is_named() {
        let findings =
            vec![Finding::new("wild-pointer", 0.95, ""), Finding::new("use-after-free", 0.9, "")];
        let found = ranked(findings);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].also, ["wild-pointer"]);
    }

    #[test]
    fn what_comes_before_everything_else() {
        // An overflow of the stack looks like any bad access; a sanitizer has
        // seen more than a dump shows.
        let accesses = ["null-pointer", "forbidden-access", "write-readonly", "buffer-overrun"];
        let cases: [(&str, Vec<&str>); 2] = [
            (
                "stack-overflow",
                [WILD, BAD, "use-after-unmap"].into_iter().chain(accesses).collect(),
            ),
            ("sanitizer-report", vec![WILD, BAD, "null-pointer", "heap-corruption", "abort"]),
        ];
        for (first, others) in cases {
            for other in others {
                let id = RULES.iter().map(|rule| rule.id()).find(|id| *id == other).unwrap();
                let findings = vec![Finding::new(id, 0.99, ""), Finding::new(first, 0.85, "")];
                let found: Vec<&str> = ranked(findings).iter().map(|it| it.id).collect();
                assert_eq!(found, [first], "{other}");
            }
        }
    }

    #[test]
    fn only_rules_explain_and_are_explained() {
        let is_rule = |id: &str| RULES.iter().any(|rule| rule.id() == id);
        let all = EXPLAINS.iter().flat_map(|(by, what)| what.iter().chain([by]));
        for id in all.chain(GENERAL).chain(HINTS) {
            assert!(is_rule(id), "no rule is called {id}");
        }
    }
}
