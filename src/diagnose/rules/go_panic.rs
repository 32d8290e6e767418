//! `go-panic`: a panic that no goroutine recovered from.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::go::{is_go, panic};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;

pub(super) struct GoPanic;

impl Rule for GoPanic {
    fn id(&self) -> &'static str {
        "go-panic"
    }

    fn doc(&self) -> &'static str {
        "A Go program panicked, and nothing recovered. It leaves a core only under \
         GOTRACEBACK=crash; otherwise it ends with exit status 2."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT of a Go program, and a panic in the record of the goroutine that its thread ran",
            "the panic's value, where it is a text, an error (which the runtime has turned into its \
             text) or a number",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        if !scene.crash.died_of(Signal::ABRT) || !is_own || !is_go(scene.crash) {
            return None;
        }
        let found = panic(scene.crash, &scene.context())?;
        let gopanic =
            scene.crash.calls().iter().position(|call| call.function() == Some("runtime.gopanic"));
        let own = gopanic.and_then(|at| own_go_call(scene, at));
        let confidence = if found.is_described { 0.97 } else { 0.85 };
        let mut finding = Finding::new(self.id(), confidence, "panic");
        let at = scene.at(own);
        let says = match (&found.text, &found.type_name) {
            (Some(text), Some(name)) if name != "string" => format!(": {name}({})", quote(text)),
            (Some(text), _) => format!(": {}", quote(text)),
            (None, _) => String::new(),
        };
        finding.explanation = format!("panic{at}{says}");
        finding.quoted = found.text.as_deref().map(quote);
        let goroutine =
            found.goroutine.map(|id| format!("goroutine {id} holds the panic")).unwrap_or_default();
        finding.evidence.push(goroutine);
        if !found.is_described {
            finding.evidence.push("[heuristic] the runtime's layout is that of Go 1.19".to_owned());
        }
        finding.call = own;
        Some(finding)
    }
}

/// The first call from here on that is not of Go's runtime.
pub(super) fn own_go_call(scene: &Scene<'_, '_>, from: usize) -> Option<usize> {
    let mut calls = scene.crash.calls().iter().enumerate().skip(from);
    let is_own = |name: &str| !name.starts_with("runtime.") && !name.starts_with("internal/");
    calls.find(|(_, call)| call.function().is_some_and(is_own)).map(|(index, _)| index)
}
