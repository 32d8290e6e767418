//! Variables by which sanitizers and language runtimes decide how to die.

use std::ffi::OsStr;

use crate::capture::doctor::{Check, State};

const GROUP: &str = "runtimes";

pub(super) fn checks() -> Vec<Check> {
    of(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

type Variable<'v> = &'v dyn Fn(&str) -> Option<String>;

fn of(variable: Variable<'_>) -> Vec<Check> {
    let mut checks: Vec<Check> = SANITIZERS.iter().map(|name| sanitizer(name, variable)).collect();
    checks.push(go(variable));
    checks.push(node(variable));
    checks.push(java(variable));
    checks.push(preload(variable));
    checks
}

const SANITIZERS: [&str; 2] = ["ASAN_OPTIONS", "UBSAN_OPTIONS"];

/// What `--assist` does about a check.
const ASSIST: &str = "`coretool run --assist` sets it";

/// A sanitizer prints and exits, unless it is told to abort. Source:
/// compiler-rt `lib/sanitizer_common/sanitizer_flags.inc`.
fn sanitizer(name: &'static str, variable: Variable<'_>) -> Check {
    let check = |state, says: String| Check::new(GROUP, name, state, says);
    let options = variable(name).unwrap_or_default();
    let flag = |flag: &str| {
        let mut options = options.split([':', ',', ' ', '\n']).rev();
        options.find_map(|option| option.strip_prefix(flag)?.strip_prefix('=')).map(is_true)
    };
    if flag("abort_on_error") != Some(true) {
        let says = format!("{name} does not say abort_on_error=1: an error exits, without a core");
        return check(State::Warning, says).remedy(ASSIST);
    }
    if name == "ASAN_OPTIONS" && flag("disable_coredump") != Some(false) {
        let says = format!(
            "{name} does not say disable_coredump=0: AddressSanitizer sets its core limit to 0"
        );
        return check(State::Warning, says).remedy(ASSIST);
    }
    check(State::Ok, format!("{name} makes errors abort"))
}

fn is_true(value: &str) -> bool {
    matches!(value.trim_matches(['\'', '"']), "1" | "true" | "yes")
}

/// Source: Go `runtime` package, "Environment Variables".
fn go(variable: Variable<'_>) -> Check {
    let check = |state, says: &str| Check::new(GROUP, "GOTRACEBACK", state, says);
    match variable("GOTRACEBACK").as_deref() {
        Some("crash") => check(State::Ok, "Go programs abort at a panic"),
        Some("wer") => check(State::Ok, "Go programs abort at a panic, where that is Windows"),
        _ => {
            check(State::Warning, "GOTRACEBACK is not `crash`: a Go panic exits with 2, no signal")
                .remedy(ASSIST)
        }
    }
}

/// Source: `node --help`.
fn node(variable: Variable<'_>) -> Check {
    let check = |state, says: &str| Check::new(GROUP, "NODE_OPTIONS", state, says);
    let options = variable("NODE_OPTIONS").unwrap_or_default();
    if options.split_whitespace().any(|option| is_node_abort(OsStr::new(option))) {
        return check(State::Ok, "Node programs abort at an uncaught exception");
    }
    check(State::Warning, "NODE_OPTIONS does not abort at uncaught exceptions: Node exits with 1")
        .remedy(ASSIST)
}

/// Node takes underscores for hyphens.
fn is_node_abort(option: &OsStr) -> bool {
    option.to_string_lossy().replace('_', "-") == "--abort-on-uncaught-exception"
}

/// The JVM aborts at its own crashes, unless it is told not to.
fn java(variable: Variable<'_>) -> Check {
    let check = |state, says: &str| Check::new(GROUP, "JAVA_TOOL_OPTIONS", state, says);
    let names = ["JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"];
    let options: Vec<String> = names.iter().filter_map(|name| variable(name)).collect();
    let options = options.join(" ");
    let last = options.split_whitespace().rev().find(|it| it.contains("CreateCoredumpOnCrash"));
    match last {
        Some("-XX:-CreateCoredumpOnCrash") => {
            check(State::Warning, "the JVM is told to leave no core when it crashes")
                .remedy("take -XX:-CreateCoredumpOnCrash away")
        }
        _ => check(State::Ok, "the JVM aborts when it crashes"),
    }
}

/// A preloaded library may catch the signals.
fn preload(variable: Variable<'_>) -> Check {
    let check = |state, says: String| Check::new(GROUP, "LD_PRELOAD", state, says);
    match variable("LD_PRELOAD").filter(|libraries| !libraries.trim().is_empty()) {
        None => check(State::Ok, "no library is preloaded".to_owned()),
        Some(libraries) if libraries.contains("libSegFault") => {
            check(State::Warning, "libSegFault is preloaded: it prints its own stack".to_owned())
                .remedy("take LD_PRELOAD away: the report has more")
        }
        Some(libraries) => check(State::Ok, format!("preloaded into every program: {libraries}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        // (variable, value, state)
        let cases = [
            ("ASAN_OPTIONS", None, State::Warning),
            ("ASAN_OPTIONS", Some("abort_on_error=1"), State::Warning),
            ("ASAN_OPTIONS", Some("abort_on_error=1:disable_coredump=0"), State::Ok),
            (
                "ASAN_OPTIONS",
                Some("abort_on_error=1:disable_coredump=0:abort_on_error=0"),
                State::Warning,
            ),
            ("UBSAN_OPTIONS", Some("print_stacktrace=1,abort_on_error=true"), State::Ok),
            ("GOTRACEBACK", None, State::Warning),
            ("GOTRACEBACK", Some("all"), State::Warning),
            ("GOTRACEBACK", Some("crash"), State::Ok),
            ("NODE_OPTIONS", Some("--abort_on_uncaught_exception"), State::Ok),
            ("NODE_OPTIONS", Some("--inspect"), State::Warning),
            ("JAVA_TOOL_OPTIONS", None, State::Ok),
            ("JAVA_TOOL_OPTIONS", Some("-XX:-CreateCoredumpOnCrash"), State::Warning),
            ("LD_PRELOAD", Some("/lib/libSegFault.so"), State::Warning),
        ];
        for (name, value, want) in cases {
            let set = |asked: &str| value.filter(|_| asked == name).map(str::to_owned);
            let found = of(&set).into_iter().find(|check| check.name == name).unwrap();
            assert_eq!(found.state, want, "{name}={value:?}: {}", found.says);
        }
    }
}
