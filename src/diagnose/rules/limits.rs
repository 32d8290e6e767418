//! `cpu-limit` and `file-size-limit`: the process used up what it was given.

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
        "The process used up its limit of processor time (RLIMIT_CPU)."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGXCPU, sent by the kernel"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let what = "the limit of processor time (RLIMIT_CPU, `ulimit -t`) is used up";
        limit(scene, self.id(), Signal::XCPU, "processor time used up", what)
    }
}

pub(super) struct FileSizeLimit;

impl Rule for FileSizeLimit {
    fn id(&self) -> &'static str {
        "file-size-limit"
    }

    fn doc(&self) -> &'static str {
        "The process wrote to a file beyond its limit of file sizes (RLIMIT_FSIZE)."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGXFSZ, sent by the kernel"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let what = "a file would become larger than the limit (RLIMIT_FSIZE, `ulimit -f`)";
        limit(scene, self.id(), Signal::XFSZ, "file size limit", what)
    }
}

fn limit(
    scene: &Scene<'_, '_>,
    id: &'static str,
    signal: Signal,
    title: &str,
    what: &str,
) -> Option<Finding> {
    // The same signal can be sent by anybody.
    if !scene.crash.died_of(signal) || matches!(scene.sender(), Sender::Other { .. }) {
        return None;
    }
    let is_kernel = scene.sender() == Sender::Kernel;
    let mut finding = Finding::new(id, if is_kernel { 0.99 } else { 0.6 }, title);
    let call = scene.own_call(0).map(|(index, _)| index);
    finding.explanation = format!("{what}, while the program was{}", scene.at(call));
    finding.call = call;
    finding.severity = Severity::Info;
    finding.next_step = Some("raise the limit, or look for what does not end".to_owned());
    Some(finding)
}
