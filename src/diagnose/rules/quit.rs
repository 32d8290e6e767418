//! `quit`: somebody wanted to see where the program hangs.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender, described};
use crate::dump::process::Thread;
use crate::variables::calls::{FrameCall, ThreadCalls};

pub(super) struct Quit;

impl Rule for Quit {
    fn id(&self) -> &'static str {
        "quit"
    }

    fn doc(&self) -> &'static str {
        "SIGQUIT, by Ctrl-\\ or kill -QUIT: not a defect by itself, but a question: what was each \
         thread doing?"
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        /// Threads described one by one.
        const MOST: usize = 16;
        if !scene.crash.died_of(Signal::QUIT) {
            return None;
        }
        let by = match scene.sender() {
            Sender::Kernel => "at the terminal (Ctrl-\\)".to_owned(),
            Sender::Itself => "by the process itself".to_owned(),
            Sender::Other { pid, uid } => format!("by process {pid} of user {uid}"),
            Sender::Unknown => "by an unknown sender".to_owned(),
        };
        let crash = scene.crash;
        let mut finding = Finding::new(self.id(), 0.99, "quit on request");
        let doing = crash.threads.first().and_then(|calls| doing(scene, calls));
        let doing = doing.map(|doing| format!("; it was {doing}")).unwrap_or_default();
        finding.explanation = format!("asked to quit {by}{doing}");
        let threads = crash.process.threads.iter().zip(crash.threads);
        for (thread, calls) in threads.take(MOST) {
            finding.evidence.extend(evidence(scene, thread, calls));
        }
        let more = crash.threads.len().saturating_sub(MOST);
        if more > 0 {
            finding.evidence.push(format!("{more} more threads: see the stacks"));
        }
        finding.call = scene.own_call(0).map(|(index, _)| index);
        finding.severity = Severity::Info;
        Some(finding)
    }
}

fn evidence(scene: &Scene<'_, '_>, thread: &Thread, calls: &ThreadCalls) -> Option<String> {
    let doing = doing(scene, calls)?;
    let name = thread.name.as_deref().map(|name| format!(" \"{}\"", String::from_utf8_lossy(name)));
    Some(format!("thread {}{} was {doing}", thread.tid, name.unwrap_or_default()))
}

/// "in pthread_mutex_lock, called by `transfer` at bank.c:31".
fn doing(scene: &Scene<'_, '_>, calls: &ThreadCalls) -> Option<String> {
    let own = calls.same_as.and_then(|first| scene.crash.threads.get(first)).unwrap_or(calls);
    let is_own = |call: &&FrameCall| !scene.is_library_in(own, call);
    let caller = own.calls.iter().find(is_own);
    let innermost = own.calls.first()?;
    match caller {
        Some(caller) if std::ptr::eq(caller, innermost) => {
            Some(format!("running {}", described(caller)))
        }
        Some(caller) => {
            // The library's function that the program called: the last one
            // before the program's own.
            let before = own.calls.iter().take_while(|call| !std::ptr::eq(*call, caller)).last();
            let name = before.and_then(FrameCall::function).unwrap_or("a library");
            Some(format!("in `{name}`, called by {}", described(caller)))
        }
        None => Some(format!("in {}", described(innermost))),
    }
}
