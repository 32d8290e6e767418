//! A look at a process that goes on as if nobody had looked.

use std::fs::File;
use std::time::Duration;

use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::capture::attach::Attached;
use crate::capture::core_writer::{Contents, CoreStats};
use crate::capture::error::CaptureError;
use crate::capture::live::Stopped;
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

/// Writes a core of a process, which stands still meanwhile, to an empty file.
///
/// # Errors
///
/// When it may not be traced, or the core cannot be written.
pub fn plain_core(
    pid: i32,
    contents: Contents,
    file: &File,
) -> Result<(Look, CoreStats), CaptureError> {
    let attached = Attached::new(pid)?;
    let mut stopped = attached.stopped();
    stopped.copy_stacks();
    let written = stopped.write_core(contents, file);
    let released = attached.release();
    let look = Look { stopped, pause: released.pause, notes: released.notes() };
    Ok((look, written?))
}
