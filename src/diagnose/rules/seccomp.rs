//! `seccomp`: a filter refused a system call.

use crate::base::arch::Arch;
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

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGSYS by a filter: the system call's number and architecture, from the signal or the registers",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let info = scene.crash.signal().filter(|info| info.signal == Signal::SYS)?;
        let (number, arch, address) = match info.cause {
            SignalCause::Syscall { address, number, arch } => (number, arch, Some(address)),
            // A filter that kills at once leaves no siginfo; the registers
            // keep the number of the call.
            SignalCause::None => (from_registers(scene)?, syscalls::AUDIT_ARCH_X86_64, None),
            _ => return None,
        };
        let mut finding = Finding::new(self.id(), 0.99, "forbidden system call");
        let name = syscalls::name(arch, number);
        let call = scene.own_call(0).map(|(index, _)| index);
        finding.explanation =
            format!("a seccomp filter forbids the system call {name}, made{}", scene.at(call));
        finding.evidence.push(format!("the number is {number}, the architecture {arch:#x}"));
        finding.evidence.push(match address {
            Some(address) => format!("the system call was made just before {address}"),
            None => "the filter killed without a signal".to_owned(),
        });
        finding.call = call;
        finding.severity = Severity::Info;
        finding.next_step = Some(format!("allow {name} in the filter, or do without it"));
        Some(finding)
    }
}

/// The system call that the crashed thread was in.
fn from_registers(scene: &Scene<'_, '_>) -> Option<i32> {
    let registers = scene.crash.thread()?.registers.as_ref()?;
    let arch = scene.crash.process.arch;
    if arch != Arch::X86_64 {
        return None;
    }
    let number = registers.word(arch.syscall_index())?;
    // All ones: in none.
    i32::try_from(number).ok()
}
