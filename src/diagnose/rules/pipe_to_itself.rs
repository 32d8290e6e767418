//! `pipe-to-itself`: a thread reads from a pipe into which only its own process
//! can write.

use crate::base::facts::{Access, Descriptor, DescriptorKind, PeerState};
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::call::system_call;
use crate::diagnose::hang::sentences::{asked_at, asked_in, is_asked, name};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::syscalls;
use crate::diagnose::wording::hedge;

pub(super) struct PipeToItself;

impl Rule for PipeToItself {
    fn id(&self) -> &'static str {
        "pipe-to-itself"
    }

    fn doc(&self) -> &'static str {
        "A thread waits for input from a pipe whose only writer is its own process: mostly the \
         end for writing was not closed after a fork, so that the end of the file never comes."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "a thread is in `read` of a pipe",
            "no other process has the end for writing (known where the process was captured alive)",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !is_asked(scene) {
            return None;
        }
        let (crash, hang) = (scene.crash, scene.crash.hang());
        let descriptors = &crash.process.sidecar.as_ref()?.ipc.descriptors;
        let threads = crash.process.threads.len();
        let own = |thread: usize| {
            let call = system_call(crash, thread)?;
            let reads = matches!(syscalls::find(call.number)?, "read" | "readv" | "recvfrom");
            let [fd, ..] = call.arguments;
            let is_it = |found: &&Descriptor| {
                u64::from(found.fd) == fd
                    && found.kind == DescriptorKind::Pipe
                    && found.access != Some(Access::Write)
                    && found.peer_state == Some(PeerState::Own)
            };
            descriptors.iter().find(is_it).filter(|_| reads)
        };
        let (thread, found) = (0..threads).find_map(|thread| Some((thread, own(thread)?)))?;
        // Another thread may write into it one day.
        let confidence = if threads == 1 { 0.9 } else { 0.4 };
        let mut finding = Finding::new(self.id(), confidence, "a pipe to itself");
        let writes = |other: &&Descriptor| {
            other.inode == found.inode
                && other.access == Some(Access::Write)
                && found.inode.is_some()
        };
        let writer = descriptors.iter().find(writes).map(|other| other.fd);
        let open = match writer {
            Some(fd) => format!("its end for writing, fd {fd}, is open in this process alone"),
            None => "its end for writing is open in this process alone".to_owned(),
        };
        let at = asked_at(crash, hang, thread);
        finding.explanation = format!(
            "{} waits{at} for input from fd {}, a pipe that {}nobody will write to: {open}",
            name(crash, thread),
            found.fd,
            hedge(confidence)
        );
        let end = match writer {
            Some(fd) => format!("its other end, fd {fd},"),
            None => "its other end".to_owned(),
        };
        let who = if threads == 1 { "it".to_owned() } else { name(crash, thread) };
        finding.brief.push(format!(
            "{who} waits{} for fd {}, a pipe that {}nobody will write to: {end} is open in this process alone",
            asked_in(crash, hang, thread),
            found.fd,
            hedge(confidence)
        ));
        finding.evidence.push(format!("no other process has {} open", found.target));
        finding.thread = thread;
        finding.call = hang.wait_of(thread).and_then(|wait| wait.asked);
        finding.severity = Severity::Low;
        finding.next_step = Some("close the end for writing where it is not needed".to_owned());
        Some(finding)
    }
}
