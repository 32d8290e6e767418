//! `assertion-failed`: `assert` found its condition false.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::messages::assertion;
use crate::diagnose::passed_text::passed_text;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::quote;

pub(super) struct Assertion;

impl Rule for Assertion {
    fn id(&self) -> &'static str {
        "assertion-failed"
    }

    fn doc(&self) -> &'static str {
        "An assert() of the program, or of a library, found its condition false."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT within __assert_fail() or g_assertion_message(), or the C library's or GLib's words for it",
            "the expression, file, line and function, from memory or from what was passed",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !scene.crash.died_of(Signal::ABRT) {
            return None;
        }
        let assert = scene.call_of(|name| {
            matches!(name, "__assert_fail" | "__assert" | "__assert_perror_fail")
                || name.starts_with("g_assertion_message")
        });
        let failed = scene.message.as_ref().and_then(|message| assertion(&message.text));
        if assert.is_none() && failed.is_none() {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.99, "assertion failed");
        let from = assert.map_or(0, |(index, _)| index.saturating_add(1));
        let call = scene.own_call(from).map(|(index, _)| index);
        finding.explanation = match (&failed, &scene.message) {
            (Some(failed), _) => {
                let expression = quote(&failed.expression);
                finding.quoted = Some(expression.clone());
                format!("assertion `{expression}` failed{}", scene.at(call))
            }
            (None, Some(message)) => {
                finding.quoted = Some(quote(&message.text));
                format!("an assertion failed{}: {}", scene.at(call), quote(&message.text))
            }
            // musl keeps no words, but the function was given them.
            (None, None) => {
                let expression = assert.and_then(|(index, _)| passed_text(scene, index, 0));
                match expression {
                    Some(expression) => {
                        let expression = quote(&expression);
                        finding.quoted = Some(expression.clone());
                        format!("assertion `{expression}` failed{}", scene.at(call))
                    }
                    None => format!("an assertion failed{}", scene.at(call)),
                }
            }
        };
        if let Some(message) = &scene.message {
            finding.evidence.push(format!("{} holds: {}", message.variable, quote(&message.text)));
        }
        if let Some((_, function)) = assert {
            let name = function.function().unwrap_or_default();
            finding.evidence.push(format!("`{name}` is on the stack"));
        }
        finding.call = call;
        Some(finding)
    }
}
