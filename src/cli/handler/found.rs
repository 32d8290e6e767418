//! A crash that the handler has kept, for whoever has run the program.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::capture::handler::pattern::Settings;
use crate::cli::cmd::show;
use crate::cli::failure::Failure;
use crate::cli::handler::deliver::place_of;
use crate::cli::store_place;
use crate::report::model::Report;

/// How long the handler may take for an analysis.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the handler may then take to compress the core.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
/// How often its store is looked into.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The report of the process that had this id and started at this time, in
/// clock ticks since boot; it has just crashed.
///
/// # Errors
///
/// When the handler's store, or the user's own part of it, cannot be read or has
/// no such crash.
pub fn report_of(pid: u32, start_time: u64) -> Result<Report> {
    let pattern = Settings::read()?.pattern;
    let mut place = store_of(&pattern).unwrap_or_else(|| PathBuf::from(store_place::SYSTEM));
    let user = store_place::user();
    if user != 0 {
        place = place_of(&place, user);
    }
    let until = Instant::now() + PATIENCE;
    let mut seen = None;
    loop {
        // A user's first crash makes the user's place, step by step.
        let found = store_place::existing(Some(&place)).and_then(|store| match store {
            Some(store) => Ok(store.find_process(pid, start_time)?),
            None => Ok(None),
        });
        if let Ok(Some(entry)) = &found {
            // Its core gets another name once it is compressed.
            let is_settled = entry.core.as_ref().is_none_or(|core| core.is_compressed);
            let since = *seen.get_or_insert_with(Instant::now);
            if is_settled || since.elapsed() > LAST_PATIENCE {
                return show::report(entry);
            }
        }
        if Instant::now() > until {
            found?;
            let what = format!("coretool's handler has kept no crash of process {pid}");
            let hint = "of a place where programs crash often it only counts: coretool list; \
                        coretool handler status";
            return Err(Failure::new(what, hint).into());
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Where the handler in `core_pattern` keeps crashes. `None`: in the usual
/// place.
pub fn store_of(pattern: &str) -> Option<PathBuf> {
    if let Some(socket) = pattern.strip_prefix("@@") {
        return socket.strip_suffix("/handler/socket").map(PathBuf::from);
    }
    let mut words = pattern.split_whitespace().skip_while(|word| *word != "--store");
    words.nth(1).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_of_patterns() {
        let cases = [
            ("@@/var/lib/coretool/handler/socket", Some("/var/lib/coretool")),
            ("|/usr/bin/coretool handler pipe %P %I %s %d %F --store /s", Some("/s")),
            ("|/usr/bin/coretool handler pipe %P %I %s %d %F", None),
            ("core", None),
        ];
        for (pattern, want) in cases {
            assert_eq!(store_of(pattern), want.map(PathBuf::from), "{pattern}");
        }
    }
}
