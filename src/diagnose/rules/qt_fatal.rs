//! `qt-fatal`: qFatal(), or an assertion of Qt.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::last_words::on_stack;
use crate::diagnose::passed_text::passed_text;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;

pub(super) struct QtFatal;

impl Rule for QtFatal {
    fn id(&self) -> &'static str {
        "qt-fatal"
    }

    fn doc(&self) -> &'static str {
        "Qt ended the program: qFatal(), Q_ASSERT(), or a plugin of the platform that cannot be loaded."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGABRT within QMessageLogger::fatal(), qt_assert() or qt_assert_x()",
            "the text that was passed, or the line `ASSERT: \"...\" in file ...` on the stack",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        if !scene.crash.died_of(Signal::ABRT) || !is_own {
            return None;
        }
        let is_fatal = |name: &str| {
            name.contains("QMessageLogger::fatal")
                || matches!(name.split('(').next(), Some("qFatal" | "qt_assert" | "qt_assert_x"))
        };
        let (index, call) = scene.call_of(is_fatal)?;
        let name = call.function().unwrap_or_default();
        // qt_assert(assertion, file, line); the others have `this` first.
        let number = if name.starts_with("qt_assert") { 0 } else { 1 };
        let passed = passed_text(scene, index, number);
        let printed = || on_stack(scene.crash, &["ASSERT: \"", "ASSERT failure in "]);
        let text = passed.or_else(|| printed().map(|words| words.line));
        let mut own = scene.calls().skip(index.saturating_add(1));
        let own = own.find(|(_, call)| !scene.is_library(call)).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.95, "fatal message of Qt");
        let at = scene.at(own);
        finding.explanation = match &text {
            Some(text) => format!("fatal message of Qt{at}: {}", quote(text)),
            None => format!("fatal message of Qt{at}"),
        };
        finding.quoted = text.as_deref().map(quote);
        finding.evidence.push(format!("`{name}` is on the stack"));
        finding.call = own;
        finding.next_step = Some("set QT_FATAL_WARNINGS=1 to stop at the first warning".to_owned());
        Some(finding)
    }
}
