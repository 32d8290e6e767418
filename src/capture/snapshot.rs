//! A look at a process that goes on as if nobody had looked.

use std::fs::File;
use std::time::Duration;

use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::capture::attach::Attached;
use crate::capture::core_writer::{Contents, CoreStats};
use crate::capture::error::CaptureError;
use crate::capture::facts;
use crate::capture::fork_snapshot::Copy;
use crate::capture::live::Stopped;
use crate::capture::maps::{Area, areas};
use crate::capture::status::ThreadState;
use crate::dump::process::Process;

/// What was seen of a process.
pub struct Look {
    stopped: Stopped,
    /// For how long the process was held.
    pub pause: Duration,
    /// What the user should know: threads that noticed, and the like.
    pub notes: Vec<String>,
}

impl Look {
    /// The process, as it was.
    pub fn process(&self, limits: &Limits) -> Process<'_> {
        self.stopped.process(limits)
    }

    /// Notes what could not be seen.
    pub fn note_gaps(&self, gaps: &Gaps) {
        let late = self.stopped.late_threads();
        if late > 0 {
            gaps.note_final(
                format!("the registers and stacks of {late} threads"),
                "they did not stop in time: each is inside of vfork() or of a system call that \
                 cannot be interrupted",
            );
        }
    }
}

/// A process and its descendants that live, each parent before its children.
pub fn tree(pid: i32) -> Vec<i32> {
    /// Processes that are looked at.
    const MOST: usize = 1024;
    let mut found = Vec::new();
    let mut next = vec![pid.cast_unsigned()];
    while let Some(process) = next.pop()
        && found.len() < MOST
    {
        let process_id = process.cast_signed();
        // One that has ended has nothing to show; the first is refused by name.
        let lives = ThreadState::read(process_id).is_some_and(|state| !state.has_ended);
        if (lives || process_id == pid) && !found.contains(&process_id) {
            found.push(process_id);
        }
        let mut children = facts::children(process);
        children.reverse();
        next.extend(children);
    }
    found
}

/// Looks at the stacks of all threads of a process, and changes nothing.
///
/// The process stands still while its registers are read and its stacks are
/// copied, no longer.
///
/// # Errors
///
/// When it may not be traced, with the reason.
pub fn stacks(pid: i32) -> Result<Look, CaptureError> {
    let attached = Attached::new(pid)?;
    let mut stopped = attached.stopped();
    stopped.copy_stacks();
    let released = attached.release();
    Ok(Look { stopped, pause: released.pause, notes: released.notes() })
}

/// Writes a core of a process to an empty file.
///
/// The process is made to fork, and its copy is written while it runs on. Where
/// that cannot be, it stands still until all is written, and a note says why.
///
/// # Errors
///
/// When it may not be traced, or the core cannot be written.
pub fn core(pid: i32, contents: Contents, file: &File) -> Result<(Look, CoreStats), CaptureError> {
    // Looked for while nothing stands still.
    let hidden = hidden_areas(pid);
    let mut attached = Attached::new(pid)?;
    let mut stopped = attached.stopped();
    let copy = match hidden {
        0 => Copy::of(&mut attached),
        bytes => Err(format!(
            "{bytes} bytes of its memory are kept from its children (MADV_DONTFORK or \
             MADV_WIPEONFORK)"
        )),
    };
    match copy {
        Ok(copy) => {
            let released = attached.release();
            stopped.show_memory_of(copy.pid());
            let written = stopped.write_core(contents, file);
            stopped.copy_stacks();
            let mut notes = released.notes();
            notes.extend(copy.end().err());
            let look = Look { stopped, pause: released.pause, notes };
            Ok((look, written?))
        }
        Err(why) => {
            stopped.copy_stacks();
            let written = stopped.write_core(contents, file);
            let released = attached.release();
            let mut notes = released.notes();
            notes.push(format!("the process stood still until all was copied: {why}"));
            let look = Look { stopped, pause: released.pause, notes };
            Ok((look, written?))
        }
    }
}

/// Bytes of mappings that a child would not have.
fn hidden_areas(pid: i32) -> u64 {
    let is_hidden = |area: &&Area| {
        let is_kept = area.has_flag(b"dc") || area.has_flag(b"wf");
        is_kept && !area.has_flag(b"io") && !area.has_flag(b"dd")
    };
    areas(pid).iter().filter(is_hidden).map(|area| area.mapping.range.len()).sum()
}
