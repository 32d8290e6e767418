//! What threads were doing: where each one waits, and for whom.

use std::collections::BTreeMap;

use crate::base::arch::Arch;
use crate::base::memory::Memory;
use crate::diagnose::crash::Crash;
use crate::diagnose::hang::call::call_of;
use crate::diagnose::hang::calls_of;
use crate::diagnose::scene::{Scene, described};
use crate::diagnose::syscalls;
use crate::dump::process::Thread;
use crate::variables::calls::FrameCall;

/// A holder less sure than this is not named in passing.
const SURE: f32 = 0.7;

/// Groups of threads that are told apart.
const MOST_GROUPS: usize = 100;

/// What one or more threads were doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The threads, as [`thread_name`] writes them.
    pub threads: Vec<String>,
    /// "waits in pthread_mutex_lock, called by `pool_get` at pool.c:40"; "runs
    /// in `spin` at work.c:7".
    pub words: String,
    /// Whether these are all threads of the process.
    pub is_only: bool,
}

impl Activity {
    /// The words for several threads: "wait in ...".
    pub fn plural(&self) -> String {
        let verbs = [("waits ", "wait "), ("runs ", "run "), ("is ", "are ")];
        let found = verbs.iter().find_map(|(one, many)| {
            self.words.strip_prefix(one).map(|rest| format!("{many}{rest}"))
        });
        found.unwrap_or_else(|| self.words.clone())
    }
}

/// What all threads were doing: those that did the same together, the largest
/// group first.
pub fn activities(scene: &Scene<'_, '_>) -> Vec<Activity> {
    let crash = scene.crash;
    let mut groups: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for (index, thread) in crash.process.threads.iter().enumerate() {
        let words = activity(scene, index, thread);
        if groups.len() < MOST_GROUPS || groups.contains_key(&words) {
            groups.entry(words).or_default().push((index, thread_name(crash, thread)));
        }
    }
    let is_only = groups.len() == 1;
    let mut groups: Vec<(String, Vec<(usize, String)>)> = groups.into_iter().collect();
    // Equal groups in the order of the threads.
    groups.sort_by_key(|(_, threads)| {
        (usize::MAX - threads.len(), threads.first().map(|(index, _)| *index))
    });
    let named = |(words, threads): (String, Vec<(usize, String)>)| Activity {
        threads: threads.into_iter().map(|(_, name)| name).collect(),
        words,
        is_only,
    };
    groups.into_iter().map(named).collect()
}

/// What one thread was doing, and for what it waits: "waits in read, called by
/// `main` at a.c:9, for input from fd 0".
pub fn activity(scene: &Scene<'_, '_>, index: usize, thread: &Thread) -> String {
    let crash = scene.crash;
    let mut words = doing(scene, index, thread);
    let hang = crash.hang();
    if let Some(wait) = hang.words(crash, index) {
        words += &format!(", for {wait}");
        let holder = hang.lock_of(index).and_then(|lock| lock.holder());
        let holder = holder.filter(|holder| holder.confidence >= SURE);
        if let Some(holder) = holder.and_then(|it| crash.process.threads.get(it.thread)) {
            words += &format!(", held by thread {}", holder.tid);
        }
    }
    words
}

/// What the process's first thread was doing.
pub fn main_activity(scene: &Scene<'_, '_>) -> Option<String> {
    let process = scene.crash.process;
    let is_first = |thread: &Thread| Some(thread.tid) == process.identity.pid;
    let (index, thread) = process.threads.iter().enumerate().find(|(_, it)| is_first(it))?;
    Some(doing(scene, index, thread))
}

/// `thread 12 "worker"`.
pub fn thread_name(crash: &Crash<'_, '_>, thread: &Thread) -> String {
    let identity = &crash.process.identity;
    let main = (identity.pid == Some(thread.tid)).then_some(identity.command.as_slice());
    let name = thread.name.as_deref().or(main).filter(|name| !name.is_empty());
    match name {
        Some(name) => format!("thread {} \"{}\"", thread.tid, String::from_utf8_lossy(name)),
        None => format!("thread {}", thread.tid),
    }
}

/// What one thread was doing.
fn doing(scene: &Scene<'_, '_>, index: usize, thread: &Thread) -> String {
    let threads = scene.crash.threads;
    let Some(own) = threads.get(index) else { return "is not known".to_owned() };
    let calls = calls_of(scene.crash, index);
    let frames: Vec<_> = own.stack.frames().collect();
    let is_library = |call: &&FrameCall| {
        let at = frames.get(call.frame).map(|frame| frame.at);
        at.is_some_and(|at| scene.is_library_at(at, call))
    };
    let library: Vec<&FrameCall> = calls.iter().take_while(is_library).collect();
    let caller = calls.get(library.len());
    let by = caller.map(|call| format!(", called by {}", described(call)));
    let by = by.unwrap_or_default();
    let syscall = syscall_name(scene.crash.process.arch, scene.crash.memory, thread);
    // The outermost of the library's functions is the one that the program
    // called; those within are the library's own business.
    let called = library.iter().rev().find_map(|call| call.function());
    // The C library's own names for what it exports begin with underscores.
    let called = called.map(|name| name.trim_start_matches('_'));
    match (called, syscall, caller) {
        (Some(called), Some(_), _) => format!("waits in {called}{by}"),
        (None, Some(name), Some(call)) => {
            format!("waits in the system call {name} of {}", described(call))
        }
        (None, Some(name), None) => format!("waits in the system call {name}"),
        (Some(called), None, _) => format!("runs in {called}{by}"),
        (None, None, Some(call)) => format!("runs in {}", described(call)),
        (None, None, None) => "is at a place without a name".to_owned(),
    }
}

/// The system call that a thread is in.
fn syscall_name(arch: Arch, memory: &dyn Memory, thread: &Thread) -> Option<String> {
    let number = call_of(arch, memory, thread)?.number;
    Some(syscalls::find(number).map_or_else(|| format!("number {number}"), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::tests::Bytes;
    use crate::dump::process::ThreadRegisters;

    #[test]
    fn one_and_many() {
        let cases = [
            ("waits in read", "wait in read"),
            ("runs in `f`", "run in `f`"),
            ("is not known", "are not known"),
        ];
        for (words, want) in cases {
            let group = Activity { threads: vec![], words: words.to_owned(), is_only: false };
            assert_eq!(group.plural(), want);
        }
    }

    #[test]
    fn system_calls() {
        let arch = Arch::X86_64;
        let thread = |number| {
            let mut general = vec![0; arch.general_registers().len()];
            general[arch.syscall_index()] = number;
            let registers = Some(ThreadRegisters { general, ..ThreadRegisters::default() });
            Thread { tid: 1, name: None, registers }
        };
        let cases = [
            (0, Some("read")),
            (202, Some("futex")),
            (4000, Some("number 4000")),
            (u64::MAX, None),
        ];
        for (number, want) in cases {
            let found = syscall_name(arch, &Bytes(0, &[]), &thread(number));
            assert_eq!(found.as_deref(), want);
        }
    }
}
