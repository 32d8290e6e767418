//! `cpu-limit` and `file-size-limit`: a resource limit was reached.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};

pub(super) struct CpuLimit;

impl Rule for CpuLimit {
    fn id(&self) -> &'static str {
        "cpu-limit"
    }

    fn doc(&self) -> &'static str {
        "The process has used as much CPU time as its limit (RLIMIT_CPU) allows."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        check(scene, self.id(), Signal::XCPU, "CPU time", "ulimit -t")
    }
}

pub(super) struct FileSizeLimit;

impl Rule for FileSizeLimit {
    fn id(&self) -> &'static str {
        "file-size-limit"
    }

    fn doc(&self) -> &'static str {
        "The process wanted to make a file larger than its limit (RLIMIT_FSIZE) allows."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        check(scene, self.id(), Signal::XFSZ, "file size", "ulimit -f")
    }
}

fn check(
    scene: &Scene<'_, '_>,
    id: &'static str,
    signal: Signal,
    what: &str,
    command: &str,
) -> Option<Finding> {
    // Anybody may send the signal; only the kernel means the limit.
    let is_meant = matches!(scene.sender(), Sender::Kernel | Sender::Unknown);
    // The kernel writes SIGXFSZ as if the process had sent it to itself.
    let is_meant = is_meant || signal == Signal::XFSZ && scene.sender() == Sender::Itself;
    if !scene.crash.died_of(signal) || !is_meant {
        return None;
    }
    let call = scene.own_call(0).map(|(index, _)| index);
    let mut finding = Finding::new(id, 0.9, format!("limit of {what}"));
    finding.explanation = format!("the limit of {what} was reached{}", scene.at(call));
    finding.evidence.push(signal.meaning().to_owned());
    finding.call = call;
    finding.severity = Severity::Info;
    finding.next_step = Some(format!("`{command}` shows the limit of the shell"));
    Some(finding)
}
