//! `go-fatal-error`: Go's runtime gave up.

use crate::base::arch::Register;
use crate::base::signal::Signal;
use crate::diagnose::culprit::passed_in;
use crate::diagnose::finding::Finding;
use crate::diagnose::go::{is_go, panic, text_of};
use crate::diagnose::rules::Rule;
use crate::diagnose::rules::go_panic::own_go_call;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;
use crate::variables::value::ValueKind;

/// Functions of the runtime that end the program with a text.
const FATAL: [&str; 2] = ["runtime.throw", "runtime.fatal"];

/// Where a function of Go gets a string that is its first argument: pointer in
/// %rax, length in %rbx (Go `cmd/compile/abi-internal.md`).
const STRING: [Register; 2] = [Register(0), Register(3)];

pub(super) struct GoFatal;

impl Rule for GoFatal {
    fn id(&self) -> &'static str {
        "go-fatal-error"
    }

    fn doc(&self) -> &'static str {
        "Go's runtime ended the program with an error that cannot be recovered from: all goroutines \
         wait, a map is used by several at once, memory is used up, the runtime's own data is damaged."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT of a Go program within runtime.throw() or runtime.fatal(), and the text that was passed",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        if !scene.crash.died_of(Signal::ABRT) || !is_own || !is_go(scene.crash) {
            return None;
        }
        let calls = scene.crash.calls();
        let is_fatal = |name: &str| FATAL.contains(&name);
        let index = calls.iter().position(|call| call.function().is_some_and(is_fatal));
        let Some(index) = index else { return nameless(scene, self.id()) };
        let call = calls.get(index)?;
        let text = call.variable("s").filter(|it| it.value.kind == ValueKind::String);
        let text = text.map(|it| it.value.text.trim_matches('"').to_owned());
        let text = text.or_else(|| {
            let caller = call.frame.checked_add(1)?;
            let [at, len] = STRING.map(|register| passed_in(scene, caller, register));
            text_of(scene.crash, at?.value, len?.value)
        });
        let own = own_go_call(scene, index);
        let mut finding = Finding::new(self.id(), 0.96, "fatal error");
        let at = scene.at(own);
        finding.explanation = match &text {
            Some(text) => format!("fatal error{at}: {}", quote(text)),
            None => format!("a fatal error of Go's runtime{at}"),
        };
        finding.quoted = text.as_deref().map(quote);
        finding.evidence.push(format!("`{}` is on the stack", call.function().unwrap_or_default()));
        finding.call = own;
        Some(finding)
    }
}

/// A Go program without symbols that ended itself, and not by a panic.
fn nameless(scene: &Scene<'_, '_>, id: &'static str) -> Option<Finding> {
    let (_, call) = scene.calls().next()?;
    if call.function().is_some() || panic(scene.crash, &scene.context()).is_some() {
        return None;
    }
    let mut finding = Finding::new(id, 0.7, "fatal error");
    finding.explanation =
        "very likely a fatal error of Go's runtime: no goroutine panicked".to_owned();
    finding.evidence.push("the program is one of Go, and sent the signal to itself".to_owned());
    Some(finding)
}
