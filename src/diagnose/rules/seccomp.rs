//! `seccomp`: a filter forbids a system call.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::system_calls::name;
use crate::dump::siginfo::SignalCause;

pub(super) struct Seccomp;

impl Rule for Seccomp {
    fn id(&self) -> &'static str {
        "seccomp"
    }

    fn doc(&self) -> &'static str {
        "A seccomp filter does not allow a system call that the program made."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        /// `AUDIT_ARCH_X86_64`: the numbers mean what the table says.
        const X86_64: u32 = 0xc000_003e;
        if !scene.crash.died_of(Signal::SYS) {
            return None;
        }
        let (number, evidence) = match scene.crash.signal()?.cause {
            SignalCause::Syscall { number, arch, .. } => {
                let number = u64::try_from(number).ok().filter(|_| arch == X86_64);
                (number, format!("SYS_SECCOMP, architecture {arch:#x}"))
            }
            // A filter that kills at once leaves no siginfo; the registers
            // keep the call.
            SignalCause::None => {
                let index = scene.crash.process.arch.syscall_index();
                let registers = scene.crash.thread()?.registers.as_ref()?;
                let number = registers.general.get(index).copied();
                (number.filter(|number| *number != u64::MAX), "killed by the filter".to_owned())
            }
            _ => return None,
        };
        let call = scene.own_call(0).map(|(index, _)| index);
        let what = match number {
            Some(number) => match name(number) {
                Some(name) => format!("the system call {name}()"),
                None => format!("system call {number}"),
            },
            None => "a system call".to_owned(),
        };
        let mut finding = Finding::new(self.id(), 0.99, "forbidden system call");
        finding.explanation = format!("a seccomp filter forbids {what}, made{}", scene.at(call));
        finding.evidence.push(evidence);
        finding.call = call;
        finding.severity = Severity::Info;
        finding.next_step =
            Some("allow it in the filter, or do without: strace shows it, too".to_owned());
        Some(finding)
    }
}
