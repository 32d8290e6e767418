//! Causes as a key has them: id, family, and a short word for people.

use crate::report::model::{Finding, Report};

/// A finding below this is a hint, and no part of a key.
const FEWEST_CONFIDENCE: f64 = 0.4;

/// The cause of a crash, for a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The finding's stable id, with what was done to memory: `.read`,
    /// `.write`. Without a finding the signal's name.
    pub id: String,
    /// Crashes of different families are never the same bug.
    pub family: &'static str,
    /// A few capitals: `NULLW`.
    pub mnemonic: String,
}

/// Beginnings of ids, their family, and the word for people. One bug may show
/// as each of the causes of the family `memory`, by luck of the heap.
const FAMILIES: &[(&str, &str, &str)] = &[
    ("null-pointer", "memory", "NULL"),
    ("bad-pointer", "memory", "PTR"),
    ("wild-pointer", "memory", "WILD"),
    ("heap", "memory", "HEAP"),
    ("use-after", "memory", "UAF"),
    ("double-free", "memory", "HEAP"),
    ("buffer", "memory", "OVER"),
    ("container", "memory", "OVER"),
    ("global-buffer", "memory", "OVER"),
    ("stack-buffer", "memory", "OVER"),
    ("freed-block", "memory", "UAF"),
    ("poisoned-pointer", "memory", "UAF"),
    ("truncated-pointer", "memory", "WILD"),
    ("allocator-fault", "memory", "HEAP"),
    ("invalid-free", "memory", "HEAP"),
    ("write-readonly", "permission", "RO"),
    ("forbidden-access", "permission", "PERM"),
    ("misaligned", "alignment", "ALIGN"),
    ("stack-overflow", "stack-overflow", "DEEP"),
    ("stack-smashing", "stack-smashing", "SMASH"),
    ("null-call", "control", "CALL"),
    ("bad-call", "control", "CALL"),
    ("jump-to-data", "control", "CALL"),
    ("bad-return", "control", "RET"),
    ("divide", "arithmetic", "DIV"),
    ("assertion", "assertion", "ASSERT"),
    ("cxx-exception", "exception", "THROW"),
    ("cxx-pure-virtual", "exception", "PURE"),
    ("rust-panic", "panic", "PANIC"),
    ("go-panic", "panic", "PANIC"),
    ("go-fatal", "fatal", "FATAL"),
    ("jvm-fatal", "fatal", "FATAL"),
    ("node-fatal", "fatal", "FATAL"),
    ("python-fatal", "fatal", "FATAL"),
    ("glib-fatal", "assertion", "ASSERT"),
    ("qt-fatal", "assertion", "ASSERT"),
    ("check-failed", "assertion", "ASSERT"),
    ("sanitizer", "sanitizer", "SAN"),
    ("bit-flip", "hardware", "HW"),
    ("impossible-fault", "hardware", "HW"),
    ("compiler-trap", "instruction", "TRAP"),
    ("unsupported-instruction", "instruction", "ILL"),
    ("floating-point", "arithmetic", "DIV"),
    ("bus-alignment", "alignment", "ALIGN"),
    ("python", "exception", "RAISE"),
    ("java", "exception", "RAISE"),
    ("node", "exception", "RAISE"),
    ("data-race", "race", "RACE"),
    ("uninitialized", "uninitialized", "UNINIT"),
    ("undefined-behavior", "undefined", "UB"),
    ("memory-leak", "leak", "LEAK"),
    ("deadlock", "hang", "HANG"),
    ("hang", "hang", "HANG"),
    ("quit", "hang", "HANG"),
    ("alive", "hang", "HANG"),
    ("seccomp", "seccomp", "SYS"),
    ("truncated-file", "bus", "BUS"),
    ("broken-memory", "bus", "BUS"),
    ("cpu-limit", "limit", "LIMIT"),
    ("file-size-limit", "limit", "LIMIT"),
    ("signal-from-outside", "signal", "SIG"),
    ("signal-from-itself", "signal", "SIG"),
    ("illegal", "instruction", "ILL"),
    ("privileged", "instruction", "ILL"),
    ("breakpoint", "instruction", "TRAP"),
    ("abort", "abort", "ABORT"),
    ("SIGSEGV", "memory", "SEGV"),
    ("SIGABRT", "abort", "ABORT"),
    ("SIGBUS", "bus", "BUS"),
    ("SIGFPE", "arithmetic", "DIV"),
    ("SIGILL", "instruction", "ILL"),
];

/// The cause of a crash.
pub fn cause(report: &Report, finding: Option<&Finding>) -> Cause {
    let finding = finding.filter(|finding| finding.confidence >= FEWEST_CONFIDENCE);
    let base = finding.map(|finding| finding.id.as_str()).filter(|id| !id.is_empty());
    let signal = report.signal.as_ref().map(|signal| signal.name.as_str());
    let base = base.or(signal).unwrap_or("unknown");
    let (family, word) = family(base);
    let (suffix, letter) = match finding.map(|finding| access(&finding.explanation)) {
        // Elsewhere one bug reads here, and writes there.
        Some(Some(kind)) if base == "null-pointer" => (kind, &kind[1..2]),
        _ => ("", ""),
    };
    let id: String = base.chars().filter(|char| !char.is_whitespace() && *char != '|').collect();
    let mnemonic = format!("{word}{}", letter.to_ascii_uppercase());
    Cause { id: format!("{id}{suffix}"), family, mnemonic }
}

/// The family of a cause, and its word.
pub fn family(id: &str) -> (&'static str, &'static str) {
    let fits = FAMILIES.iter().find(|(begin, _, _)| id.starts_with(begin));
    fits.map_or(("other", "CRASH"), |(_, family, word)| (family, word))
}

/// What was done to memory, as the explanation of a finding begins.
fn access(explanation: &str) -> Option<&'static str> {
    if explanation.starts_with("write of") {
        Some(".write")
    } else if explanation.starts_with("read of") {
        Some(".read")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes() {
        let cases = [
            (
                "null-pointer",
                0.98,
                "write of 4 bytes at 0x18, because",
                "null-pointer.write",
                "memory",
                "NULLW",
            ),
            ("null-pointer", 0.98, "call of nothing", "null-pointer", "memory", "NULL"),
            ("wild-pointer", 0.6, "read of 1 byte at 0x5000", "wild-pointer", "memory", "WILD"),
            ("wild-pointer", 0.2, "", "SIGSEGV", "memory", "SEGV"),
            ("something-new", 0.9, "", "something-new", "other", "CRASH"),
        ];
        for (id, confidence, explanation, want, family, mnemonic) in cases {
            let finding = Finding {
                id: id.to_owned(),
                confidence,
                explanation: explanation.to_owned(),
                ..Finding::default()
            };
            let signal =
                crate::report::model::Signal { name: "SIGSEGV".to_owned(), ..Default::default() };
            let report = Report { signal: Some(signal), ..Report::default() };
            let found = cause(&report, Some(&finding));
            assert_eq!((found.id.as_str(), found.family), (want, family));
            assert_eq!(found.mnemonic, mnemonic, "{id}");
        }
    }
}
