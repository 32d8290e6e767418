//! `run --assist`: what sanitizers and language runtimes are told, so that they
//! die of a signal instead of only exiting.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Variables to set, with their values. What the user has said stays.
/// `variable` reads the environment.
pub fn variables(
    program: &OsStr,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Vec<(OsString, OsString)> {
    let name = Path::new(program).file_name().and_then(OsStr::to_str).unwrap_or_default();
    let mut set = Vec::new();
    let mut put = |name: &str, value: Option<OsString>| {
        if let Some(value) = value {
            set.push((OsString::from(name), value));
        }
    };
    // compiler-rt `lib/sanitizer_common/sanitizer_flags.inc`: without the first
    // an error exits; with the second at its default AddressSanitizer sets its
    // core limit to 0.
    for options in ["ASAN_OPTIONS", "UBSAN_OPTIONS"] {
        put(options, with_flags(variable(options), &["abort_on_error=1", "disable_coredump=0"]));
    }
    // Go, package runtime: `crash` aborts after the stacks are printed.
    put("GOTRACEBACK", unless_set(variable("GOTRACEBACK"), "crash"));
    put("RUST_BACKTRACE", unless_set(variable("RUST_BACKTRACE"), "1"));
    // Both are passed on to programs that know no such option, which say so or
    // refuse to start; so only where the program is the runtime itself.
    if matches!(name, "node" | "nodejs") {
        let option = "--abort-on-uncaught-exception";
        put("NODE_OPTIONS", with_word(variable("NODE_OPTIONS"), option, option));
    }
    if name == "java" {
        let (option, part) = ("-XX:+CreateCoredumpOnCrash", "CreateCoredumpOnCrash");
        put("JAVA_TOOL_OPTIONS", with_word(variable("JAVA_TOOL_OPTIONS"), option, part));
    }
    set
}

/// Options of the form `name=value`, with those added whose name is not there.
/// `None`: all are.
fn with_flags(now: Option<OsString>, flags: &[&str]) -> Option<OsString> {
    let now = now.unwrap_or_default();
    let text = now.to_string_lossy();
    let names: Vec<&str> = text
        .split([':', ',', ' ', '\n', '\t', '\r'])
        .filter_map(|option| option.split_once('=').map(|(name, _)| name))
        .collect();
    let mut all = now.clone();
    for flag in flags {
        let name = flag.split_once('=').map_or(*flag, |(name, _)| name);
        if !names.contains(&name) {
            if !all.is_empty() {
                all.push(":");
            }
            all.push(flag);
        }
    }
    (all != now).then_some(all)
}

/// Options in words, with one added where none contains `part`.
fn with_word(now: Option<OsString>, option: &str, part: &str) -> Option<OsString> {
    let mut all = now.unwrap_or_default();
    // Node takes underscores for hyphens.
    if all.to_string_lossy().replace('_', "-").contains(part) {
        return None;
    }
    if !all.is_empty() {
        all.push(" ");
    }
    all.push(option);
    Some(all)
}

fn unless_set(now: Option<OsString>, value: &str) -> Option<OsString> {
    now.is_none().then(|| value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stays() {
        let both = "abort_on_error=1:disable_coredump=0";
        // (program, variable, its value, what it is set to)
        let cases = [
            ("./a", "ASAN_OPTIONS", None, Some(both)),
            ("./a", "ASAN_OPTIONS", Some(both), None),
            (
                "./a",
                "ASAN_OPTIONS",
                Some("abort_on_error=0"),
                Some("abort_on_error=0:disable_coredump=0"),
            ),
            (
                "./a",
                "UBSAN_OPTIONS",
                Some("print_stacktrace=1"),
                Some("print_stacktrace=1:abort_on_error=1:disable_coredump=0"),
            ),
            ("./a", "GOTRACEBACK", None, Some("crash")),
            ("./a", "GOTRACEBACK", Some("none"), None),
            ("./a", "RUST_BACKTRACE", Some("0"), None),
            ("./a", "NODE_OPTIONS", None, None),
            ("/usr/bin/node", "NODE_OPTIONS", None, Some("--abort-on-uncaught-exception")),
            ("node", "NODE_OPTIONS", Some("--abort_on_uncaught_exception"), None),
            (
                "node",
                "NODE_OPTIONS",
                Some("--inspect"),
                Some("--inspect --abort-on-uncaught-exception"),
            ),
            ("java", "JAVA_TOOL_OPTIONS", None, Some("-XX:+CreateCoredumpOnCrash")),
            ("java", "JAVA_TOOL_OPTIONS", Some("-XX:-CreateCoredumpOnCrash"), None),
        ];
        for (program, name, value, want) in cases {
            let variable = |asked: &str| value.filter(|_| asked == name).map(OsString::from);
            let set = variables(OsStr::new(program), &variable);
            let found = set.iter().find(|(set, _)| set == name);
            let found = found.and_then(|(_, value)| value.to_str());
            assert_eq!(found, want, "{program}: {name}={value:?}");
        }
    }
}
