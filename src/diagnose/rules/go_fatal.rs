//! `go-fatal-error`: Go's runtime gave up.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::go::is_go;
use crate::diagnose::rules::Rule;
use crate::diagnose::rules::go_panic::own_go_call;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;
use crate::variables::value::ValueKind;

/// Functions of the runtime that end the program with a text.
const FATAL: [&str; 2] = ["runtime.throw", "runtime.fatal"];

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
        let index = calls
            .iter()
            .position(|call| call.function().is_some_and(|name| FATAL.contains(&name)))?;
        let call = calls.get(index)?;
        let text = call.variable("s").filter(|it| it.value.kind == ValueKind::String);
        let text = text.map(|it| it.value.text.trim_matches('"').to_owned());
        let own = own_go_call(scene, index);
        let mut finding = Finding::new(self.id(), 0.96, "fatal error");
        let at = scene.at(own);
        finding.explanation = match &text {
            Some(text) => format!("fatal error{at}: {}", quote(text)),
            None => format!("a fatal error of Go's runtime{at}"),
        };
        finding.evidence.push(format!("`{}` is on the stack", call.function().unwrap_or_default()));
        finding.call = own;
        Some(finding)
    }
}
