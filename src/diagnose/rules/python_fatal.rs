//! `python-fatal-error`: the Python interpreter gave up.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::last_words::on_stack;
use crate::diagnose::passed_text::passed_text;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;

/// Functions that end the interpreter, and which argument is the message.
/// Source: CPython `Python/pylifecycle.c`.
const FATAL: [(&str, usize); 4] = [
    ("_Py_FatalErrorFunc", 1),
    ("Py_FatalError", 0),
    ("fatal_error", 3),
    ("_Py_FatalErrorFormat", 1),
];

pub(super) struct PythonFatal;

impl Rule for PythonFatal {
    fn id(&self) -> &'static str {
        "python-fatal-error"
    }

    fn doc(&self) -> &'static str {
        "The Python interpreter found itself in a state in which it cannot go on, and aborted: the \
         GIL is not held, an extension damaged an object, memory is used up."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGABRT within Py_FatalError() or one of its kin, and the message that was passed"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        if !scene.crash.died_of(Signal::ABRT) || !is_own {
            return None;
        }
        let named = |name: &str| FATAL.iter().any(|(fatal, _)| *fatal == name);
        let fatal = scene.calls().filter(|(_, call)| call.function().is_some_and(named));
        let all: Vec<usize> = fatal.map(|(index, _)| index).collect();
        let last = *all.last()?;
        let passed = all.iter().rev().find_map(|index| {
            let name = scene.crash.calls().get(*index)?.function()?;
            let (_, number) = FATAL.iter().find(|(fatal, _)| *fatal == name)?;
            passed_text(scene, *index, *number)
        });
        let printed = on_stack(scene.crash, &["Fatal Python error: "]).map(|words| words.line);
        let text = passed.or(printed);
        let caller = scene.own_call(last.saturating_add(1)).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.96, "fatal error of Python");
        let at = scene.at(caller);
        finding.explanation = match &text {
            Some(text) => format!("fatal Python error: {}, found{at}", quote(text)),
            None => format!("fatal Python error, found{at}"),
        };
        let name = scene.crash.calls().get(last).and_then(|call| call.function());
        finding.quoted = text.as_deref().map(quote);
        finding.evidence.extend(name.map(|name| format!("`{name}` is on the stack")));
        finding.call = caller;
        finding.next_step = Some(
            "run it with `python3 -X dev -X faulthandler`; look at extensions that are written in C"
                .to_owned(),
        );
        Some(finding)
    }
}
