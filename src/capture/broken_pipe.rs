//! Why a process was sent `SIGPIPE`: the pipe that it wrote to, and who had
//! read from that.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use libc::{c_int, pid_t};

use crate::base::facts::{Access, DescriptorKind};
use crate::base::signal::Signal;
use crate::base::text::text;
use crate::capture::status::ThreadState;
use crate::capture::sys;
use crate::dump::sidecar::Sidecar;

/// Readers that are remembered.
const MOST: usize = 1024;

/// Processes that have ended, with the pipes that they read.
#[derive(Default)]
pub(super) struct PipeReaders {
    ended: VecDeque<Reader>,
}

struct Reader {
    /// `pipe:[1234]`.
    pipe: String,
    pid: pid_t,
    command: String,
    end: End,
}

/// How a reader ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Exited(c_int),
    Killed(Signal),
}

impl PipeReaders {
    /// A process dies of a signal; `sidecar` has what it read.
    pub(super) fn killed(&mut self, pid: pid_t, signal: Signal, sidecar: &Sidecar) {
        let command = command(pid);
        let pipes = sidecar.ipc.descriptors.iter().filter(|found| {
            found.kind == DescriptorKind::Pipe && found.access == Some(Access::Read)
        });
        for found in pipes {
            let end = End::Killed(signal);
            self.add(Reader { pipe: found.target.clone(), pid, command: command.clone(), end });
        }
    }

    /// A thread is at its exit stop. Only standard input is looked at: that is
    /// what a pipeline is made of, and ends are frequent.
    pub(super) fn exits(&mut self, tid: pid_t) {
        let Some(pipe) = pipe(tid, 0) else { return };
        if ThreadState::read(tid).is_none_or(|state| state.process != tid) {
            return;
        }
        let Ok(status) = sys::event_message(tid) else { return };
        let status = status as c_int;
        let end = if libc::WIFSIGNALED(status) {
            End::Killed(Signal(libc::WTERMSIG(status)))
        } else {
            End::Exited(libc::WEXITSTATUS(status))
        };
        self.add(Reader { pipe, pid: tid, command: command(tid), end });
    }

    fn add(&mut self, reader: Reader) {
        if self.ended.iter().any(|it| it.pipe == reader.pipe && it.pid == reader.pid) {
            return;
        }
        if self.ended.len() >= MOST {
            self.ended.pop_front();
        }
        self.ended.push_back(reader);
    }

    /// What to tell of a thread that is about to get `SIGPIPE`, if it dies of
    /// it. That a reader has read enough is usual, as with `head`: that is told
    /// of the `main` program only.
    pub(super) fn explain(&self, tid: pid_t, main: pid_t) -> Option<String> {
        /// `user_regs_struct`: `rdi`, `orig_rax`.
        const RDI: usize = 14;
        const ORIG_RAX: usize = 15;
        let state = ThreadState::read(tid)?;
        if state.catches(Signal(libc::SIGPIPE)) || state.ignores(Signal(libc::SIGPIPE)) {
            return None;
        }
        let registers = sys::register_set(tid, 1).ok()?;
        let register = |index: usize| {
            let word = registers.get(index * 8..)?.first_chunk().copied()?;
            Some(u64::from_le_bytes(word))
        };
        // write, pwrite64, writev, sendto, sendmsg, splice and so on have the
        // descriptor first; splice and tee second.
        let is_write = matches!(register(ORIG_RAX)?, 1 | 18 | 20 | 44 | 46 | 296 | 307 | 328);
        let fd = is_write.then(|| register(RDI)).flatten().map(|fd| fd as u32);
        let pipe = fd.and_then(|fd| pipe(tid, fd));
        let reader = pipe.as_ref().and_then(|pipe| self.ended.iter().rfind(|it| it.pipe == *pipe));
        let is_main = state.process == main;
        let is_told = is_main || reader.is_some_and(|it| matches!(it.end, End::Killed(_)));
        if !is_told {
            return None;
        }
        let who =
            format!("\"{}\" (process {})", command(state.process).escape_debug(), state.process);
        let what = match (fd, &pipe) {
            (Some(fd), Some(_)) => format!("it wrote to fd {fd}, a pipe"),
            (Some(fd), None) => format!("it wrote to fd {fd}"),
            (None, _) => "it wrote to a pipe or socket".to_owned(),
        };
        let why = match reader {
            Some(reader) => {
                let how = match reader.end {
                    End::Killed(signal) => format!("was ended by {}", signal.name()),
                    End::Exited(status) => format!("had ended with status {status}"),
                };
                let name = reader.command.escape_debug();
                format!(" whose reader \"{name}\" (process {}) {how}", reader.pid)
            }
            None => " that nobody reads any more".to_owned(),
        };
        Some(format!("{who} gets SIGPIPE: {what}{why}"))
    }
}

/// The pipe that a descriptor of a thread is for.
fn pipe(tid: pid_t, fd: u32) -> Option<String> {
    let link = fs::read_link(Path::new(&format!("/proc/{tid}/fd/{fd}"))).ok()?;
    let link = link.to_str().filter(|link| link.starts_with("pipe:["))?;
    Some(link.to_owned())
}

fn command(pid: pid_t) -> String {
    let mut name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.pop_if(|last| *last == b'\n');
    text(&name)
}
