//! `cpu-limit` and `file-size-limit`: the process used up what it was given.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::call::system_call;
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
        &[
            "SIGXFSZ, sent by the kernel, which looks like kill() by the process itself within a write",
        ]
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
    let confidence = match scene.sender() {
        Sender::Kernel => 0.99,
        _ if signal == Signal::XFSZ && is_writing(scene) => 0.96,
        _ => 0.6,
    };
    let mut finding = Finding::new(id, confidence, title);
    let call = scene.own_call(0).map(|(index, _)| index);
    finding.explanation = format!("{what}, while the program was{}", scene.at(call));
    finding.call = call;
    finding.severity = Severity::Info;
    finding.next_step = Some("raise the limit, or look for what does not end".to_owned());
    Some(finding)
}

/// Whether the crashed thread is in a system call that makes a file larger: for
/// a file that is too large the kernel sends the signal as if the process had
/// done so with kill() (Linux `fs/read_write.c`, `generic_write_check_limits`).
fn is_writing(scene: &Scene<'_, '_>) -> bool {
    /// write, pwrite64, writev, pwritev, pwritev2, truncate, ftruncate, sendfile,
    /// splice, fallocate, copy_file_range (Linux `syscall_64.tbl`).
    const CALLS: [u64; 11] = [1, 18, 20, 296, 328, 76, 77, 40, 275, 285, 326];
    const SI_USER: i32 = 0;
    let is_user = scene.crash.signal().is_some_and(|info| info.code == Some(SI_USER));
    let call = system_call(scene.crash, 0);
    is_user && call.is_some_and(|call| CALLS.contains(&call.number))
}
