//! Crashes a child to see what is left of it.
//!
//! The child is coretool itself, with three threads. Nothing stays behind: its
//! core goes into a directory that the caller removes, or is removed here.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal as NixSignal, kill, raise};
use nix::unistd::{Pid, fchdir};

use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::capture::core_writer::Contents;
use crate::capture::doctor::State;
use crate::capture::doctor::outlook::{Destination, destination};
use crate::capture::kernel_core::KernelCore;
use crate::capture::launch;
use crate::capture::launch::{Capture, End, Event, Outcome, RunOptions};
use crate::capture::live::Stopped;
use crate::capture::orphans::Orphans;
use crate::dump;

/// How many threads the child has when it crashes.
pub const THREADS: usize = 3;

/// The child that crashes.
#[derive(Clone, Debug)]
pub struct Victim {
    /// A program that ends in [`crash_here`].
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// What a crash left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `ptrace`, `kernel` or `handler`.
    pub rung: &'static str,
    /// Ok: a core with all threads. Bad: none. Unknown: not tried.
    pub state: State,
    /// What was seen, in one sentence.
    pub says: String,
    /// The core, if one came.
    pub core: Option<CoreFound>,
}

/// A core that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreFound {
    /// Threads whose registers are there.
    pub threads: usize,
    /// Bytes of the file, without what it has of holes.
    pub bytes: u64,
    /// From the child's start to the end of its core.
    pub took: Duration,
}

/// Starts two threads, and aborts. Returns only where that is ignored.
pub fn crash_here() {
    let ready = Arc::new(Barrier::new(THREADS));
    for _ in 1..THREADS {
        let ready = Arc::clone(&ready);
        thread::spawn(move || {
            ready.wait();
            loop {
                thread::park();
            }
        });
    }
    ready.wait();
    // No fault: the Rust runtime has a handler for those.
    let _ignored = raise(NixSignal::SIGABRT);
}

/// Crashes the child under the tracer, as `coretool run` watches a program.
/// Its core goes into `directory`.
pub fn by_trace(victim: &Victim, directory: &Path) -> Proof {
    let path = directory.join("traced.core");
    let started = Instant::now();
    let mut caught = None;
    let outcome = launched(victim, Capture::Trace, &mut |stopped| {
        let written = File::create_new(&path).map_err(|error| error.to_string());
        let written = written.and_then(|file| {
            stopped.write_core(Contents::Usual, &file).map_err(|error| chain(&error))
        });
        caught = Some(written.map(|_stats| started.elapsed()));
        // It would die of its signal now, and whoever gets cores on this machine
        // would get this one.
        let _gone = kill(Pid::from_raw(stopped.pid()), NixSignal::SIGKILL);
    });
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(why) => return Proof::failed("ptrace", why),
    };
    remove_kernel_core(&outcome.0);
    match caught {
        Some(Ok(took)) => Proof::of("ptrace", &path, outcome.0.pid, took),
        Some(Err(why)) => Proof::failed("ptrace", format!("its core could not be written: {why}")),
        None => {
            let why = outcome.1.into_iter().next();
            let why = why.unwrap_or_else(|| "the tracer saw nothing of it".to_owned());
            Proof::failed("ptrace", format!("a child crashed unseen: {why}"))
        }
    }
}

/// Crashes the child without a tracer, in `directory`, with `core_pattern` as
/// it is. Not tried where the core would go to somebody else, or would replace
/// one that is there.
pub fn by_kernel(victim: &Victim, directory: &Path) -> Proof {
    let place = match destination() {
        Destination::File(place) => place,
        Destination::Pipe(..) | Destination::Socket(..) => {
            return Proof::not_tried("kernel", "core_pattern gives cores to others");
        }
        Destination::Nowhere => {
            return Proof::failed("kernel", "core_pattern is empty".to_owned());
        }
        Destination::Unreadable(why) => {
            return Proof::not_tried("kernel", &format!("core_pattern cannot be read ({why})"));
        }
    };
    if place.directory.is_absolute() && !place.has_pid {
        let why = "its core would replace the last one, since the name has no pid";
        return Proof::not_tried("kernel", why);
    }
    let there = match There::go(directory) {
        Ok(there) => there,
        Err(error) => {
            return Proof::not_tried("kernel", &format!("no directory for it ({error})"));
        }
    };
    let started = Instant::now();
    let launched = launched(victim, Capture::KernelCore, &mut |_| ());
    let took = started.elapsed();
    let proof = match &launched {
        Err(why) => Proof::failed("kernel", why.clone()),
        Ok((outcome, _)) => match &outcome.kernel_core {
            Some(KernelCore::Found(path)) => Proof::of("kernel", path, outcome.pid, took),
            Some(KernelCore::Missing(why)) => Proof::failed("kernel", why.clone()),
            None => Proof::failed("kernel", ended(&outcome.end)),
        },
    };
    if let Ok((outcome, _)) = &launched {
        remove_kernel_core(outcome);
    }
    drop(there);
    proof
}

/// Runs the child. Also returns what the user would have been told.
fn launched(
    victim: &Victim,
    capture: Capture,
    on_crash: &mut dyn FnMut(&Stopped),
) -> Result<(Outcome, Vec<String>), String> {
    let options = RunOptions {
        program: victim.program.clone(),
        arguments: victim.arguments.clone(),
        capture,
        orphans: Orphans::Report,
        other_stores: "/".into(),
        environment: Vec::new(),
        limit: None,
    };
    let mut notices = Vec::new();
    let outcome = launch::run(&options, &mut |event| match event {
        Event::Decided(_) => (),
        Event::Notice(notice) => notices.push(notice),
        Event::Crash(stopped) => on_crash(stopped),
        // It has no time limit.
        Event::Overdue(..) => (),
    });
    let outcome = outcome.map_err(|error| chain(&error))?;
    Ok((outcome, notices))
}

/// What the kernel wrote of the child, wherever it is; only if it is the
/// child's.
fn remove_kernel_core(outcome: &Outcome) {
    if let Some(KernelCore::Found(path)) = &outcome.kernel_core
        && pid_of(path).is_some_and(|pid| i32::try_from(pid) == Ok(outcome.pid))
    {
        let _gone = fs::remove_file(path);
    }
}

fn pid_of(core: &Path) -> Option<u32> {
    let store = FileStore::new();
    let process = dump::open(core, &store, &Limits::default(), &Gaps::new()).ok()?;
    process.identity.pid
}

impl Proof {
    fn failed(rung: &'static str, why: String) -> Self {
        Self { rung, state: State::Bad, says: why, core: None }
    }

    fn not_tried(rung: &'static str, why: &str) -> Self {
        Self { rung, state: State::Unknown, says: format!("not tried: {why}"), core: None }
    }

    /// Opens the core that the child `pid` left.
    fn of(rung: &'static str, path: &Path, pid: i32, took: Duration) -> Self {
        let store = FileStore::new();
        let gaps = Gaps::new();
        let process = match dump::open(path, &store, &Limits::default(), &gaps) {
            Ok(process) => process,
            Err(error) => {
                return Self::failed(rung, format!("a core came, but: {}", chain(&error)));
            }
        };
        let named = process.identity.pid.and_then(|pid| i32::try_from(pid).ok());
        let is_ours = named == Some(pid);
        let threads = process.threads.iter().filter(|it| it.registers.is_some()).count();
        // Blocks are of 512 bytes, whatever the file system has (stat(2)).
        let bytes = path.metadata().map_or(0, |file| file.blocks().saturating_mul(512));
        let core = Some(CoreFound { threads, bytes, took });
        let (state, says) = match threads {
            _ if !is_ours => (State::Bad, "a core came, but of another process".to_owned()),
            THREADS if process.source.complete => {
                (State::Ok, format!("a child crashed, and its core has all {THREADS} threads"))
            }
            THREADS => (State::Warning, "a core came with all threads, but cut off".to_owned()),
            _ => (State::Warning, format!("a core came with {threads} of {THREADS} threads")),
        };
        Self { rung, state, says, core }
    }
}

/// Another working directory, until it is dropped.
struct There {
    former: File,
}

impl There {
    fn go(directory: &Path) -> io::Result<Self> {
        // Unlike its path this works for a directory that was removed.
        let former = File::open(".")?;
        std::env::set_current_dir(directory)?;
        Ok(Self { former })
    }
}

impl Drop for There {
    fn drop(&mut self) {
        let _back = fchdir(&self.former);
    }
}

fn ended(end: &End) -> String {
    match end {
        End::Exited(status) => format!("the child did not crash, but exited with {status}"),
        End::Killed { signal, .. } => format!("the child was ended by {}", signal.name()),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
