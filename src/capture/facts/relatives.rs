//! The process tree: `/proc/PID/stat`, `/proc/PID/task/*/children`.

use std::path::PathBuf;

use libc::pid_t;

use crate::base::facts::{Relative, Tree};
use crate::base::secret::{is_secret, masked_words};
use crate::capture::facts::proc_file::{ProcDir, stat_fields, state_word, words};

/// Generations above the process that are told.
const MOST_ANCESTORS: usize = 64;

/// Processes below it that are told.
const MOST_DESCENDANTS: usize = 512;

/// Relatives of process `pid`.
pub(super) fn tree(pid: pid_t) -> Tree {
    let mut tree = Tree::default();
    let mut child = relative(pid.cast_unsigned());
    while tree.ancestors.len() < MOST_ANCESTORS
        && let Some(parent) = child.and_then(|child| child.ppid).filter(|parent| *parent > 0)
    {
        child = relative(parent);
        tree.ancestors.extend(child.clone());
    }
    let mut next = children(pid.cast_unsigned());
    next.reverse();
    while let Some(below) = next.pop()
        && tree.descendants.len() < MOST_DESCENDANTS
    {
        tree.descendants.extend(relative(below));
        let mut more = children(below);
        more.reverse();
        next.extend(more);
    }
    tree
}

/// What `/proc` says of one process.
pub(crate) fn relative(pid: u32) -> Option<Relative> {
    let path = PathBuf::from(format!("/proc/{pid}"));
    let process = ProcDir::new(&path);
    let stat = process.read("stat")?;
    let fields = stat_fields(&stat);
    let mut fields = fields.iter();
    let state = fields.next().and_then(|letter| state_word(letter));
    let ppid = fields.next().and_then(|ppid| ppid.parse().ok());
    Some(Relative { ppid, state: state.map(str::to_owned), ..named(pid) })
}

/// The name and the command line of a process, which are empty when it is gone.
pub(crate) fn named(pid: u32) -> Relative {
    let path = PathBuf::from(format!("/proc/{pid}"));
    let process = ProcDir::new(&path);
    let arguments = shortened(words(&process.read("cmdline").unwrap_or_default()));
    let command = process.line("comm").unwrap_or_default();
    Relative { pid, command, arguments, ..Relative::default() }
}

/// A command line that tells which program it is, without what may be secret:
/// it is another process's.
fn shortened(words: Vec<String>) -> Vec<String> {
    /// Words, and bytes of one.
    const MOST: usize = 16;
    const LONGEST: usize = 200;
    let shorten = |mut word: String| {
        if is_secret("", &word) {
            return "(masked)".to_owned();
        }
        if word.len() > LONGEST {
            word.truncate(word.floor_char_boundary(LONGEST));
            word.push_str("...");
        }
        word
    };
    let is_long = words.len() > MOST;
    let mut kept: Vec<String> =
        masked_words(words.into_iter().take(MOST)).into_iter().map(shorten).collect();
    kept.extend(is_long.then(|| "...".to_owned()));
    kept
}

/// Whether a process is a copy that we have made of another one, to look at it:
/// traced by us, and one whose end nobody is told.
pub(super) fn is_our_copy(pid: u32) -> bool {
    /// `exit_signal`, field 38 of `stat`; the first of these fields is the third.
    const EXIT_SIGNAL: usize = 35;
    let path = PathBuf::from(format!("/proc/{pid}"));
    let process = ProcDir::new(&path);
    let stat = process.read("stat").unwrap_or_default();
    if stat_fields(&stat).get(EXIT_SIGNAL) != Some(&"0") {
        return false;
    }
    let status = process.read("status").unwrap_or_default();
    let tracer = status.split(|byte| *byte == b'\n').find_map(|line| {
        str::from_utf8(line.strip_prefix(b"TracerPid:")?).ok()?.trim().parse::<u32>().ok()
    });
    tracer == Some(std::process::id())
}

/// The children of a process, whichever thread made them, without our copies.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    /// Threads that are asked.
    const MOST_THREADS: usize = 4096;
    let path = PathBuf::from(format!("/proc/{pid}"));
    let process = ProcDir::new(&path);
    let threads = process.numbers("task").unwrap_or_default();
    let mut children = Vec::new();
    for thread in threads.iter().take(MOST_THREADS) {
        let line = process.line(&format!("task/{thread}/children")).unwrap_or_default();
        children.extend(line.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    children.retain(|child| !is_our_copy(*child));
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_this_very_process() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let above = tree(child.id().cast_signed());
        let below = tree(own.cast_signed());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(above.ancestors.first().map(|parent| parent.pid), Some(own));
        let found = below.descendants.iter().find(|found| found.pid == child.id()).unwrap();
        assert_eq!(found.ppid, Some(own));
        assert_eq!(relative(u32::MAX), None);
    }
}
