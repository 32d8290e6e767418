//! Programs to which nothing is attached: they are started and waited for, and
//! so are their descendants where that is wanted.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use libc::pid_t;
use rustc_hash::FxHashSet;

use crate::base::count::span;
use crate::base::signal::Signal;
use crate::capture::error::CaptureError;
use crate::capture::facts::children;
use crate::capture::launch::{Event, RunOptions, command, start_error};
use crate::capture::orphans;
use crate::capture::orphans::Orphans;
use crate::capture::pass_on::PassOn;
use crate::capture::status::ThreadState;
use crate::capture::sys;
use crate::capture::sys::BeforeExec;
use crate::capture::timeout::{Ending, Runtime, Step};
use crate::capture::trace::Traced;

/// Descendants that are known.
const MOST: usize = 4096;
/// How often a program with a time limit is looked after.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Starts the program and only waits for it. One that has not ended in the time
/// that it was given is ended.
pub(super) fn untraced(
    options: &RunOptions,
    before: BeforeExec,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Traced, CaptureError> {
    let system = |what| move |source| CaptureError::System { what, source };
    let strays = Strays::watch();
    let child = command(options, before).spawn().map_err(|source| start_error(options, source))?;
    let main = pid_t::try_from(child.id()).unwrap_or(0);
    let pass_on = PassOn::to(main);
    let start_time = start_time(main);
    let mut ending = options.limit.map(Ending::new);
    let status = loop {
        let news = match &mut ending {
            None => sys::wait_any(),
            Some(ending) if Instant::now() < ending.next => match sys::wait_now() {
                // The kernel tells a waiting parent of no time.
                Ok(None) => {
                    thread::sleep(BETWEEN_LOOKS);
                    continue;
                }
                news => news,
            },
            Some(ending) => {
                strays.overdue(main, ending, on_event);
                continue;
            }
        };
        match news {
            Ok(Some((pid, status))) if pid == main => break Some(status),
            // Those that have lost their parent are ours to wait for, too.
            Ok(Some(_)) => (),
            Ok(None) => break None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(source) => return Err(system("wait for the program")(source)),
        }
    };
    let settled = strays.settle(options.orphans, &pass_on, on_event);
    settled.map_err(system("wait for the program's descendants"))?;
    let timed_out = ending.is_some_and(|ending| ending.has_begun());
    Ok(Traced { main, status, killer: None, timed_out, start_time })
}

/// When a child that we have not waited for started: field 22 of
/// `/proc/PID/stat`, in clock ticks since boot.
fn start_time(child: pid_t) -> Option<u64> {
    let stat = procfs::process::Process::new(child).and_then(|process| process.stat()).ok()?;
    Some(stat.starttime)
}

/// Descendants of a program to which nothing is attached: those that have lost
/// their parent have become our children, and what they have started is below
/// them.
pub(super) struct Strays {
    /// Children that we had before.
    before: FxHashSet<u32>,
}

impl Strays {
    /// To be made before the program starts.
    pub(super) fn watch() -> Self {
        // Without it they are nobody's that we know of.
        let _theirs = sys::become_subreaper();
        Self { before: children(std::process::id()).into_iter().collect() }
    }

    /// Those that live.
    fn found(&self) -> Vec<pid_t> {
        let mut next: Vec<u32> = children(std::process::id());
        next.retain(|child| !self.before.contains(child));
        let mut found: Vec<pid_t> = Vec::new();
        while let Some(pid) = next.pop()
            && found.len() < MOST
        {
            found.push(pid.cast_signed());
            next.extend(children(pid));
        }
        found.retain(|pid| {
            let state = ThreadState::read(*pid);
            state.is_some_and(|state| !state.has_ended)
        });
        found.sort_unstable();
        found
    }

    /// The time has run out: each process is named with what it waits in, and
    /// then gets a signal.
    fn overdue(&self, main: pid_t, ending: &mut Ending, on_event: &mut dyn FnMut(Event<'_>)) {
        let mut tell = |line| on_event(Event::Notice(line));
        let runtime = Runtime::of(main);
        match ending.step(runtime) {
            Step::Look(after) => {
                tell(format!(
                    "it runs still, after {}; what its threads do is not looked at, since nothing \
                     is attached:",
                    span(after)
                ));
                let found = orphans::alive(&self.found());
                orphans::each(&found, |_| String::new()).into_iter().for_each(tell);
            }
            Step::Send(signal) => {
                // The program itself is a child that has not been waited for.
                let is_ours = |pid: pid_t| pid == main || self.found().contains(&pid);
                let sent = |pid: &pid_t| orphans::send(*pid, signal, is_ours).is_ok();
                let sent: Vec<String> =
                    self.found().iter().filter(|pid| sent(pid)).map(pid_t::to_string).collect();
                let what = if signal == libc::SIGQUIT { runtime.on_quit() } else { "" };
                let name = Signal(signal).name();
                tell(format!("it runs still: {name} sent to process {}{what}", sent.join(", ")));
            }
        }
    }

    /// Names those who live on, and does with them what is wanted.
    pub(super) fn settle(
        &self,
        wanted: Orphans,
        pass_on: &PassOn,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> io::Result<()> {
        let found = self.found();
        // As PID 1 we also get those of whom nobody here has heard.
        let is_init = std::process::id() == 1;
        let origin = match is_init {
            true => "a child of process 1 now, whoever started it",
            false => "an orphan; who started it was not seen, since nothing is attached",
        };
        for line in orphans::named(&orphans::alive(&found), |_| origin.to_owned()) {
            on_event(Event::Notice(line));
        }
        match wanted {
            Orphans::Report => Ok(()),
            Orphans::Wait => {
                pass_on.to_others(&found);
                while !self.found().is_empty() {
                    match sys::wait_any() {
                        Ok(None) => break,
                        Ok(Some(_)) => (),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
            Orphans::Kill(_) if is_init && !found.is_empty() => {
                on_event(Event::Notice(
                    "none of them is killed: without a tracer, process 1 cannot tell whose they are"
                        .to_owned(),
                ));
                Ok(())
            }
            Orphans::Kill(grace) => {
                let mut ending = orphans::Ending::new(grace);
                loop {
                    while let Ok(Some(_)) = sys::wait_now() {}
                    let left = self.found();
                    let is_ours = |pid: pid_t| self.found().contains(&pid);
                    let (said, goes_on) = ending.look(&left, is_ours);
                    if let Some(said) = said {
                        on_event(Event::Notice(said));
                    }
                    if !goes_on {
                        return Ok(());
                    }
                }
            }
        }
    }
}
