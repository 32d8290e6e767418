//! `seccomp`: a filter refused a system call.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::syscalls;
use crate::dump::siginfo::SignalCause;

pub(super) struct Seccomp;

impl Rule for Seccomp {
    fn id(&self) -> &'static str {
        "seccomp"
    }

    fn doc(&self) -> &'static str {
        "A seccomp filter forbids the system call that the program made: its own sandbox, or \
         that of its container or service manager."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let info = scene.crash.signal().filter(|info| info.signal == Signal::SYS)?;
        let SignalCause::Syscall { address, number, arch } = info.cause else { return None };
        let mut finding = Finding::new(self.id(), 0.99, "forbidden system call");
        let name = syscalls::name(arch, number);
        let call = scene.own_call(0).map(|(index, _)| index);
        finding.explanation =
            format!("a seccomp filter forbids the system call {name}, made{}", scene.at(call));
        finding.evidence.push(format!("the number is {number}, the architecture {arch:#x}"));
        finding.evidence.push(format!("the system call was made just before {address}"));
        finding.call = call;
        finding.severity = Severity::Info;
        finding.next_step = Some(format!("allow {name} in the filter, or do without it"));
        Some(finding)
    }
}
