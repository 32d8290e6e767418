//! `sanitizer-report`: a sanitizer found the defect, and ended the program.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::last_words::{Words, in_memory, on_stack};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{bytes, quote};

/// A sanitizer: how its functions' names begin, its name, and the words of its
/// reports.
struct Sanitizer {
    functions: &'static [&'static str],
    name: &'static str,
    words: &'static [&'static str],
}

const SANITIZERS: [Sanitizer; 5] = [
    Sanitizer {
        functions: &["__asan_report", "__asan::"],
        name: "AddressSanitizer",
        words: &["ERROR: AddressSanitizer: "],
    },
    Sanitizer {
        functions: &["__ubsan_handle", "__ubsan::"],
        name: "UndefinedBehaviorSanitizer",
        words: &[": runtime error: ", "ERROR: UndefinedBehaviorSanitizer: "],
    },
    Sanitizer {
        functions: &["__tsan"],
        name: "ThreadSanitizer",
        words: &["WARNING: ThreadSanitizer: ", "ERROR: ThreadSanitizer: "],
    },
    Sanitizer {
        functions: &["__msan_warning", "__msan::"],
        name: "MemorySanitizer",
        words: &["WARNING: MemorySanitizer: "],
    },
    Sanitizer {
        functions: &["__lsan", "__sanitizer::Die"],
        name: "a sanitizer",
        words: &["ERROR: LeakSanitizer: ", "ERROR: AddressSanitizer: "],
    },
];

pub(super) struct SanitizerReport;

impl Rule for SanitizerReport {
    fn id(&self) -> &'static str {
        "sanitizer-report"
    }

    fn doc(&self) -> &'static str {
        "A sanitizer that the program was compiled with found a defect and ended it: its report is \
         repeated, and trusted over anything else."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "functions of AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer or \
             MemorySanitizer on the stack of the thread that died",
            "the words of the report, on that stack or in writable memory",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        scene.crash.signal()?;
        let found = SANITIZERS.iter().find_map(|sanitizer| {
            let is_its = |name: &str| sanitizer.functions.iter().any(|it| name.starts_with(it));
            scene.call_of(is_its).map(|(index, call)| (sanitizer, index, call))
        });
        let (sanitizer, index, call) = found?;
        let words = on_stack(scene.crash, sanitizer.words);
        let words = words.or_else(|| in_memory(scene.crash, sanitizer.words));
        let own = scene.own_call(index).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.99, "found by a sanitizer");
        let at = scene.at(own);
        finding.explanation = match &words {
            Some(words) => {
                let said = said(words, sanitizer.words);
                finding.quoted = Some(quote(&said));
                let by = if said.contains(sanitizer.name) { "" } else { sanitizer.name };
                let colon = if by.is_empty() { "" } else { ": " };
                format!("{by}{colon}{}{at}", quote(&said))
            }
            // ThreadSanitizer prints piece by piece, and keeps nothing; but its
            // functions tell what they reported.
            None => match reported(scene) {
                Some(kind) => format!("{}: {kind}{at}", sanitizer.name),
                None => format!(
                    "{} ended the program{at}; its words are not in memory any more",
                    sanitizer.name
                ),
            },
        };
        finding.severity = severity(words.as_ref());
        if let Some(words) = &words {
            finding.evidence.push(format!("in memory at {}: {}", words.at, quote(&words.line)));
            finding.evidence.extend(words.next.as_deref().map(quote));
        }
        let name = call.function().unwrap_or_default();
        finding.evidence.push(format!("`{name}` is on the stack"));
        finding.call = own;
        Some(finding)
    }
}

/// Functions of ThreadSanitizer, and what they report. Source: LLVM
/// `compiler-rt/lib/tsan/rtl/tsan_report.cpp`, `ReportTypeString`.
const REPORTERS: [(&str, &str); 4] = [
    ("__tsan::ReportRace", "data race"),
    ("__tsan::ReportDeadlock", "lock-order-inversion (potential deadlock)"),
    ("__tsan::ReportMutexMisuse", "misuse of a mutex"),
    ("__tsan::ReportDestroyLocked", "destroy of a locked mutex"),
];

/// What was reported, and by which access: "data race, by a read of 4 bytes".
fn reported(scene: &Scene<'_, '_>) -> Option<String> {
    let has = |part: &&(&str, &str)| scene.call_of(|name| name.starts_with(part.0)).is_some();
    let (_, kind) = REPORTERS.iter().find(has)?;
    let access = scene.calls().find_map(|(_, call)| {
        let name = call.function()?.strip_prefix("__tsan_")?;
        let name = name.strip_prefix("unaligned_").unwrap_or(name);
        let split = name.find(|letter: char| letter.is_ascii_digit())?;
        let (verb, size) = name.split_at_checked(split)?;
        let size = size.split('_').next()?.parse().ok()?;
        matches!(verb, "read" | "write").then(|| format!(", by a {verb} of {}", bytes(size)))
    });
    Some(format!("{kind}{}", access.unwrap_or_default()))
}

/// The words, without what a sanitizer puts before them.
fn said(words: &Words, starts: &[&str]) -> String {
    let line = words.line.as_str();
    let found =
        starts.iter().find_map(|start| line.split_once(start).map(|(_, rest)| (start, rest)));
    let Some((start, rest)) = found else { return line.to_owned() };
    // "ERROR: AddressSanitizer: heap-use-after-free on address 0x... at pc ...".
    let kind = start
        .trim_start_matches(": ")
        .trim_start_matches("ERROR: ")
        .trim_start_matches("WARNING: ");
    let rest = rest.split(" at pc ").next().unwrap_or(rest);
    let access = words
        .next
        .as_deref()
        .filter(|next| next.starts_with("READ of") || next.starts_with("WRITE of"));
    let access = access.map(|next| format!(", {}", next.split(" at ").next().unwrap_or(next)));
    format!("{kind}{rest}{}", access.unwrap_or_default())
}

fn severity(words: Option<&Words>) -> Severity {
    let Some(words) = words else { return Severity::Medium };
    let has = |part: &str| words.line.contains(part);
    match () {
        () if has("runtime error") || has("data race") => Severity::Medium,
        () if has("SEGV on unknown address 0x00000000") || has("stack-overflow") => Severity::Low,
        () => Severity::High,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::addr::RunAddr;

    #[test]
    fn reports_in_a_line() {
        let said = |line: &str, next: Option<&str>, starts: &[&str]| {
            let next = next.map(str::to_owned);
            said(&Words { line: line.to_owned(), next, at: RunAddr(0) }, starts)
        };
        assert_eq!(
            said(
                "==17==ERROR: AddressSanitizer: heap-use-after-free on address 0x602 at pc 0x1 bp 0x2",
                Some("READ of size 4 at 0x602 thread T0"),
                SANITIZERS[0].words
            ),
            "AddressSanitizer: heap-use-after-free on address 0x602, READ of size 4"
        );
        assert_eq!(
            said("ub.c:1:43: runtime error: signed integer overflow", None, SANITIZERS[1].words),
            "runtime error: signed integer overflow"
        );
    }
}
