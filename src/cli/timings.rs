//! Where the time went: `--timings`.

use std::time::{Duration, Instant};

use crate::base::file_store::FileStore;
use crate::base::timings::Timings;
use crate::cli::ui::Ui;

/// A clock for an analysis, if one is wanted.
pub fn clock(is_wanted: bool) -> Timings {
    if is_wanted { Timings::by(Instant::now) } else { Timings::default() }
}

/// Tells what was measured on standard error: phases, modules, files, memory.
pub fn tell(timings: &Timings, store: &FileStore, ui: &Ui) {
    if !timings.is_on() {
        return;
    }
    let mut text = String::from("timings (ms):\n");
    let phases = timings.phases();
    let total = phases.iter().map(|(_, took)| *took).sum();
    for (name, took) in phases.iter().map(|(name, took)| (*name, *took)).chain([("all", total)]) {
        text.push_str(&format!("  {name:<24} {:>9}\n", milliseconds(took)));
    }
    let mut modules: Vec<_> = timings.modules().into_iter().collect();
    modules.sort_by_key(|(_, module)| std::cmp::Reverse(module.opening + module.names));
    if !modules.is_empty() {
        text.push_str("by module (ms):             opening     names  units, of .debug_info\n");
    }
    for (name, module) in modules.iter().take(MOST_MODULES) {
        text.push_str(&format!(
            "  {:<24} {:>9} {:>9}  {}, {}\n",
            name.escape_debug(),
            milliseconds(module.opening),
            milliseconds(module.names),
            module.units,
            megabytes(module.debug_info)
        ));
    }
    let rest = modules.len().saturating_sub(MOST_MODULES);
    if rest > 0 {
        text.push_str(&format!("  and {rest} more\n"));
    }
    let (files, mapped, made) = store.statistics();
    text.push_str(&format!(
        "files: {files} opened, {} mapped, {} inflated or copied; {} read from disk\n",
        megabytes(mapped),
        megabytes(made),
        read_from_disk().map_or("unknown bytes".to_owned(), megabytes)
    ));
    // Nobody is left to tell that telling failed.
    let _told = ui.report(&text);
}

/// Modules that are told.
const MOST_MODULES: usize = 20;

fn milliseconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Bytes that the disk was asked for on behalf of this process. Source:
/// proc_pid_io(5), `read_bytes`.
fn read_from_disk() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("read_bytes: "))?;
    line.trim().parse().ok()
}
