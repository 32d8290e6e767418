//! Signals that a program inherits ignored or blocked.

use crate::base::signal::Signal;
use crate::capture::doctor::{Check, State, settings};

const GROUP: &str = "signals";

pub(super) fn checks() -> Vec<Check> {
    vec![
        inherited("ignored-signals", "SigIgn", "ignored"),
        inherited("blocked-signals", "SigBlk", "blocked"),
    ]
}

/// A shell without job control starts `command &` with SIGINT and SIGQUIT
/// ignored, and exec keeps that.
fn inherited(name: &'static str, key: &str, how: &str) -> Check {
    let mask = settings::own_status(key).and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    let Some(mask) = mask else {
        let says = format!("which signals are {how} cannot be read");
        return Check::new(GROUP, name, State::Unknown, says);
    };
    // The Rust runtime ignores SIGPIPE itself, and gives it back to children.
    let watched =
        Signal::WITH_CORE.into_iter().chain([Signal(libc::SIGINT), Signal(libc::SIGTERM)]);
    let mut names: Vec<String> =
        watched.filter(|signal| mask >> (signal.0 - 1) & 1 == 1).map(Signal::name).collect();
    names.sort_unstable();
    if names.is_empty() {
        let says = format!("programs inherit no {how} signal that ends them");
        return Check::new(GROUP, name, State::Ok, says);
    }
    let says = format!("programs that are started from here inherit {how}: {}", names.join(", "));
    let remedy = "start them with `coretool run`, which resets SIGINT and SIGQUIT, or from an \
                  interactive shell";
    Check::new(GROUP, name, State::Warning, says).remedy(remedy)
}
