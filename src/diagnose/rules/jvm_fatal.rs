//! `jvm-fatal-error`: the Java virtual machine handled a crash of its own.

use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;

pub(super) struct JvmFatal;

impl Rule for JvmFatal {
    fn id(&self) -> &'static str {
        "jvm-fatal-error"
    }

    fn doc(&self) -> &'static str {
        "The Java virtual machine met a fault or a failed check, wrote hs_err_pid*.log and aborted."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["VMError::report_and_die() or os::abort() of libjvm on the stack"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        scene.crash.signal()?;
        let in_jvm =
            scene.crash.process.modules.iter().any(|module| module.path.ends_with(b"/libjvm.so"));
        let (index, call) = scene.call_of(|name| name.contains("VMError::report"))?;
        in_jvm.then_some(())?;
        // The fault itself, if a handler of the machine caught one, is the cause.
        let is_fault = scene.fault.is_some();
        let mut finding = Finding::new(
            self.id(),
            if is_fault { 0.8 } else { 0.95 },
            "crash of the Java virtual machine",
        );
        finding.explanation =
            "the Java virtual machine wrote a report of a crash, and aborted".to_owned();
        finding.evidence.push(format!("`{}` is on the stack", call.function().unwrap_or_default()));
        finding.call = Some(index);
        finding.next_step =
            Some("read hs_err_pid*.log in the working directory of the process".to_owned());
        Some(finding)
    }
}
