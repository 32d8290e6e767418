//! `process-deadlock`: processes wait for each other, at locks of files or at
//! pipes and sockets.

use crate::base::facts::{Descriptor, Ipc, PeerWait, words};
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::call::system_call;
use crate::diagnose::hang::sentences::{asked_at, asked_in, is_asked};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::syscalls;
use crate::diagnose::wording::hedge;

/// Calls that wait for input, and those that wait for room.
const READING: &[&str] = &["read", "readv", "recvfrom", "recvmsg"];
const WRITING: &[&str] = &["write", "writev", "sendto", "sendmsg"];

pub(super) struct ProcessDeadlock;

impl Rule for ProcessDeadlock {
    fn id(&self) -> &'static str {
        "process-deadlock"
    }

    fn doc(&self) -> &'static str {
        "Processes wait for each other: each for the lock of a file that the other one has, or at \
         the two ends of pipes or sockets, for input or for room. Known where the process was \
         captured alive."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "the process waits in flock() or fcntl(), and /proc/locks leads from owner to owner back \
             to it",
            "or it waits at a pipe or socket for the only process at the other end, and that one \
             waits at one of which this process has the other end",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !is_asked(scene) {
            return None;
        }
        let ipc = &scene.crash.process.sidecar.as_ref()?.ipc;
        by_locks(scene, ipc, self.id()).or_else(|| by_pipes(scene, ipc, self.id()))
    }
}

fn by_locks(scene: &Scene<'_, '_>, ipc: &Ipc, id: &'static str) -> Option<Finding> {
    let crash = scene.crash;
    let own = crash.process.identity.pid?;
    let first = ipc.file_locks.first().filter(|it| it.waiter == own)?;
    ipc.file_locks.last().filter(|it| it.owner == Some(own))?;
    let is_waiting = |thread: &usize| {
        let call = system_call(crash, *thread).and_then(|call| syscalls::find(call.number));
        matches!(call, Some("flock" | "fcntl"))
    };
    let thread = (0..crash.process.threads.len()).find(is_waiting)?;
    // Another thread may give the lock back one day.
    let confidence = if crash.process.threads.len() == 1 { 0.96 } else { 0.4 };
    let mut finding = Finding::new(id, confidence, "processes that wait for each other");
    let start = match hedge(confidence) {
        "" => "deadlock of processes".to_owned(),
        hedge => format!("{hedge}a deadlock of processes"),
    };
    let at = asked_in(crash, crash.hang(), thread);
    let file = ipc.descriptors.iter().find(|it| first.descriptors.contains(&it.fd));
    let file = file.map(|it| format!(" on {}", words::descriptor(it))).unwrap_or_default();
    let process = |pid: Option<u32>, command: Option<&String>| match (pid, command) {
        (Some(pid), Some(command)) => format!("process {pid} \"{command}\""),
        (Some(pid), None) => format!("process {pid}"),
        (None, _) => "another process".to_owned(),
    };
    let owner = process(first.owner, first.command.as_ref());
    let back = match ipc.file_locks.len() {
        1 => "which it has itself through another descriptor".to_owned(),
        2 => format!("held by {owner}, which waits for one that this process has"),
        more => format!("held by {owner}, and so on through {more} processes back to it"),
    };
    finding.explanation = format!("{start}: it waits{at} for a lock{file}, {back}");
    finding.brief.push(format!("{start}: it waits for a lock, {back}"));
    let steps = ipc.file_locks.iter().map(|it| {
        let owner = process(it.owner, it.command.as_ref());
        let waiter = it.waiter;
        format!("process {waiter} waits for a lock ({}) that {owner} has: /proc/locks", it.kind)
    });
    finding.evidence = steps.collect();
    finish(scene, finding, thread, "take the locks in the same order in all programs")
}

fn by_pipes(scene: &Scene<'_, '_>, ipc: &Ipc, id: &'static str) -> Option<Finding> {
    let crash = scene.crash;
    let threads = crash.process.threads.len();
    let (thread, found, wait) = (0..threads).find_map(|thread| {
        let call = system_call(crash, thread)?;
        let name = syscalls::find(call.number)?;
        let fd = call.arguments.first().copied()? as u32;
        let found = ipc.descriptors.iter().find(|it| it.fd == fd)?;
        let [peer] = found.peers.as_slice() else { return None };
        let wait = ipc.peer_waits.iter().find(|it| it.pid == peer.pid)?;
        is_circle(ipc, found, name, wait).then_some((thread, found, wait))
    })?;
    // The other threads may read or write there one day; and who else has the
    // end that the other process waits at is not known.
    let confidence = if threads == 1 { 0.8 } else { 0.4 };
    let mut finding = Finding::new(id, confidence, "processes that wait for each other");
    let at = asked_in(crash, crash.hang(), thread);
    let for_what = |call: &str| if READING.contains(&call) { "input" } else { "room for output" };
    let call = system_call(crash, thread).and_then(|call| syscalls::find(call.number));
    let own = for_what(call.unwrap_or_default());
    let peer = found.peers.first().map_or("", |peer| peer.command.as_str());
    finding.explanation = format!(
        "{}a deadlock of processes: it waits{at} for {own} at fd {}, and process {} \"{peer}\" at the other \
         end waits for {} from it at fd {}",
        hedge(confidence),
        found.fd,
        wait.pid,
        for_what(&wait.call),
        wait.fd
    );
    finding.brief.push(format!(
        "{}a deadlock of processes: it waits{at} for {own} at fd {}, and process {} there waits for {} from it",
        hedge(confidence),
        found.fd,
        wait.pid,
        for_what(&wait.call)
    ));
    finding.evidence = vec![
        format!(
            "fd {}, {}, is waited at{}",
            found.fd,
            words::descriptor(found),
            asked_at(crash, crash.hang(), thread)
        ),
        format!("process {} was in {} of its fd {}", wait.pid, wait.call, wait.fd),
    ];
    finish(scene, finding, thread, "let one side read before it writes, or use poll()")
}

/// Whether the process at the other end of `found`, at which this process is in
/// `call`, waits for this process.
fn is_circle(ipc: &Ipc, found: &Descriptor, call: &str, wait: &PeerWait) -> bool {
    let leads = |it: &&Descriptor| {
        it.peers.iter().any(|peer| peer.pid == wait.pid && peer.fd == Some(wait.fd))
    };
    let Some(back) = ipc.descriptors.iter().find(leads) else { return false };
    let reads = |call: &str| READING.contains(&call);
    let waits = |call: &str| reads(call) || WRITING.contains(&call);
    // At one object, who reads is served by who writes.
    let is_same = back.fd == found.fd || back.inode.is_some() && back.inode == found.inode;
    waits(call) && waits(&wait.call) && (!is_same || reads(call) == reads(&wait.call))
}

fn finish(
    scene: &Scene<'_, '_>,
    mut finding: Finding,
    thread: usize,
    next_step: &str,
) -> Option<Finding> {
    finding.thread = thread;
    finding.call = scene.crash.hang().wait_of(thread).and_then(|wait| wait.asked);
    finding.severity = Severity::Low;
    finding.next_step = Some(next_step.to_owned());
    Some(finding)
}
