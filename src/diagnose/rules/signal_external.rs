//! `signal-from-outside`: another process sent the fatal signal.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};

pub(super) struct SignalExternal;

impl Rule for SignalExternal {
    fn id(&self) -> &'static str {
        "signal-from-outside"
    }

    fn doc(&self) -> &'static str {
        "Another process sent the fatal signal. Where the program stood then says what it was \
         doing, not what was wrong with it."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["a signal with a sender that is not the process itself"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let Sender::Other { pid, uid } = scene.sender() else { return None };
        let info = scene.crash.signal()?;
        // A request to quit has a rule of its own, which says what all
        // threads were doing.
        if info.signal == Signal::QUIT {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.97, "signal from another process");
        let call = info.code.and_then(|code| info.signal.code(code));
        let by = match call {
            Some(("SI_QUEUE", _)) => " with sigqueue()",
            Some(("SI_USER", _)) => " with kill()",
            _ => "",
        };
        finding.explanation = format!(
            "sent by {}{by}, while the program was{}",
            who(pid, uid),
            match scene.own_call(0) {
                Some((index, _)) => scene.at(Some(index)),
                None => " running".to_owned(),
            }
        );
        if let Some((name, meaning)) = call {
            finding.evidence.push(format!("the signal's code is {name}: {meaning}"));
        }
        let own = scene.crash.process.identity.pid;
        if let Some(own) = own {
            finding.evidence.push(format!("the sender is process {pid}, not {own} itself"));
        }
        finding.call = scene.own_call(0).map(|(index, _)| index);
        finding.severity = Severity::Info;
        finding.next_step = Some(match pid {
            0 => "look for the sender outside of the container".to_owned(),
            pid => {
                format!("find out what process {pid} was: a supervisor, a watchdog, a user's shell")
            }
        });
        Some(finding)
    }
}

/// "process 17 (user id 1000)".
pub(super) fn who(pid: i32, uid: u32) -> String {
    match pid {
        0 => format!("a process outside of its pid namespace (user id {uid})"),
        pid => format!("process {pid} (user id {uid})"),
    }
}
