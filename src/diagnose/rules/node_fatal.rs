//! `node-fatal-error`: Node.js or V8 gave up.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::last_words::on_stack;
use crate::diagnose::passed_text::passed_text;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;

/// What a function of these names means, and which of its arguments is a text.
const FATAL: [(&str, &str, Option<usize>); 8] = [
    ("V8::FatalProcessOutOfMemory", "the heap of JavaScript is used up", Some(1)),
    ("node::OOMErrorHandler", "the heap of JavaScript is used up", Some(0)),
    ("node::OnFatalError", "a fatal error of Node.js or V8", Some(1)),
    ("node::FatalError", "a fatal error of Node.js", Some(1)),
    ("V8_Fatal", "a check of V8 failed", Some(2)),
    ("node::Assert", "a check of Node.js failed", None),
    ("node::process::Abort", "process.abort() was called", None),
    ("node::Abort", "Node.js aborted", None),
];

pub(super) struct NodeFatal;

impl Rule for NodeFatal {
    fn id(&self) -> &'static str {
        "node-fatal-error"
    }

    fn doc(&self) -> &'static str {
        "Node.js or V8 ended the process: the heap of JavaScript is used up, a check failed, or the \
         script called process.abort()."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGABRT, SIGTRAP or SIGILL within node::Abort(), node::OnFatalError(), V8_Fatal() or \
             V8::FatalProcessOutOfMemory(), and the text that was passed"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let signal = scene.crash.signal()?.signal;
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        if !matches!(signal, Signal::ABRT | Signal::TRAP | Signal::ILL) || !is_own {
            return None;
        }
        let found = FATAL.iter().find_map(|(name, meaning, number)| {
            let (index, call) = scene.call_of(|found| {
                let bare = found.split('(').next().unwrap_or(found);
                bare == *name || bare.strip_suffix(name).is_some_and(|path| path.ends_with("::"))
            })?;
            Some((index, call, *meaning, *number))
        });
        let (index, call, meaning, number) = found?;
        let passed = number.and_then(|number| passed_text(scene, index, number));
        let printed = || on_stack(scene.crash, &["FATAL ERROR: "]).map(|words| words.line);
        let text = passed.or_else(printed);
        let mut finding = Finding::new(self.id(), 0.95, "fatal error of Node.js");
        finding.explanation = match &text {
            Some(text) => format!("{meaning}: {}", quote(text)),
            None => meaning.to_owned(),
        };
        finding.quoted = text.as_deref().map(quote);
        finding.evidence.push(format!("`{}` is on the stack", call.function().unwrap_or_default()));
        finding.call = Some(index);
        finding.next_step = Some(
            "run it with --report-on-fatalerror; if the heap is used up, look at what grows \
             (--heapsnapshot-near-heap-limit) or allow more (--max-old-space-size)"
                .to_owned(),
        );
        Some(finding)
    }
}
