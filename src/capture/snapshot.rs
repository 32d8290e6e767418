//! A look at a process that goes on as if nobody had looked.

use std::fs::File;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::capture::attach::{Attached, Released};
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

/// A process that stands still, or whose copy does while it runs on.
pub struct Moment {
    /// The process.
    pub pid: i32,
    /// Its place in its tree: each parent before its children.
    pub place: usize,
    stopped: Stopped,
    memory: MemoryOf,
}

/// Who has the memory of that moment.
enum MemoryOf {
    /// The process, which stands still, for this reason.
    Process(Attached, String),
    /// Its copy.
    Copy(Copy, Released),
}

/// A tree of processes at one moment: all of them stood still together.
pub struct TreeMoment {
    /// Those that stand still first, since they wait.
    pub moments: Vec<Moment>,
    /// Descendants that may not be traced.
    pub refused: Vec<(i32, CaptureError)>,
    /// For how long all stood still at the same time.
    pub together: Duration,
}

/// Holds a process, and all its descendants but for `left_out`, until each has
/// made a copy of itself.
///
/// # Errors
///
/// When the first one may not be traced, with the reason.
pub fn tree_moment(pid: i32, left_out: i32) -> Result<TreeMoment, CaptureError> {
    /// How often new descendants are looked for. Whoever stands still starts
    /// none, so the second time there are mostly none.
    const MOST_ROUNDS: usize = 64;
    // Looked for while nothing stands still.
    let mut hidden: FxHashMap<i32, u64> =
        tree(pid).into_iter().map(|pid| (pid, hidden_areas(pid))).collect();
    let mut held = Vec::new();
    let mut refused = Vec::new();
    let mut known: FxHashSet<i32> = [left_out].into_iter().collect();
    for _ in 0..MOST_ROUNDS {
        let mut is_new = false;
        for process in tree(pid) {
            if !known.insert(process) {
                continue;
            }
            is_new = true;
            match Attached::new(process) {
                Ok(attached) => held.push((process, attached)),
                Err(error) if process == pid => return Err(error),
                // It has ended since it was listed.
                Err(_) if ThreadState::read(process).is_none_or(|state| state.has_ended) => (),
                Err(error) => refused.push((process, error)),
            }
        }
        if !is_new {
            break;
        }
    }
    let all_stand = Instant::now();
    let mut moments = Vec::new();
    let mut to_release = Vec::new();
    for (place, (pid, mut attached)) in held.into_iter().enumerate() {
        let stopped = attached.stopped();
        match copy(&mut attached, hidden.remove(&pid).unwrap_or_else(|| hidden_areas(pid))) {
            Ok(copy) => to_release.push((place, pid, stopped, copy, attached)),
            Err(why) => {
                let memory = MemoryOf::Process(attached, why);
                moments.push(Moment { pid, place, stopped, memory });
            }
        }
    }
    let together = all_stand.elapsed();
    for (place, pid, stopped, copy, attached) in to_release {
        let memory = MemoryOf::Copy(copy, attached.release());
        moments.push(Moment { pid, place, stopped, memory });
    }
    Ok(TreeMoment { moments, refused, together })
}

/// Holds a process until it has made a copy of itself. Where that cannot be, it
/// stands still until its core is written, and a note says why.
///
/// # Errors
///
/// When it may not be traced, with the reason.
pub fn moment(pid: i32) -> Result<Moment, CaptureError> {
    // Looked for while nothing stands still.
    let hidden = hidden_areas(pid);
    let mut attached = Attached::new(pid)?;
    let stopped = attached.stopped();
    let memory = match copy(&mut attached, hidden) {
        Ok(copy) => MemoryOf::Copy(copy, attached.release()),
        Err(why) => MemoryOf::Process(attached, why),
    };
    Ok(Moment { pid, place: 0, stopped, memory })
}

/// A copy of a process of which a child would not have `hidden` bytes.
fn copy(attached: &mut Attached, hidden: u64) -> Result<Copy, String> {
    match hidden {
        0 => Copy::of(attached),
        bytes => Err(format!(
            "{bytes} bytes of its memory are kept from its children (MADV_DONTFORK or \
             MADV_WIPEONFORK)"
        )),
    }
}

impl Moment {
    /// Writes a core to an empty file, and lets go of whoever has stood still
    /// for it.
    ///
    /// # Errors
    ///
    /// When the core cannot be written.
    pub fn core(self, contents: Contents, file: &File) -> Result<(Look, CoreStats), CaptureError> {
        let mut stopped = self.stopped;
        let (written, released, mut notes) = match self.memory {
            MemoryOf::Copy(copy, released) => {
                stopped.show_memory_of(copy.pid());
                let written = stopped.write_core(contents, file);
                stopped.copy_stacks();
                (written, released, copy.end().err().into_iter().collect::<Vec<_>>())
            }
            MemoryOf::Process(attached, why) => {
                stopped.copy_stacks();
                let written = stopped.write_core(contents, file);
                let note = format!("the process stood still until all was copied: {why}");
                (written, attached.release(), vec![note])
            }
        };
        notes.extend(released.notes());
        Ok((Look { stopped, pause: released.pause, notes }, written?))
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
