//! `check-failed`: a CHECK() of glog, Abseil or Chromium found its condition
//! false.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::last_words::{in_memory, on_stack};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::{hedge, quote};

/// Parts of the names of functions that end a program with words.
const FUNCTIONS: [&str; 6] = [
    "google::LogMessage",
    "LogMessageFatal",
    "log_internal::LogMessage",
    "logging::LogMessage",
    "logging::CheckError",
    "raw_log_internal",
];

const WORDS: [&str; 1] = ["Check failed: "];

pub(super) struct CheckFailed;

impl Rule for CheckFailed {
    fn id(&self) -> &'static str {
        "check-failed"
    }

    fn doc(&self) -> &'static str {
        "A CHECK() or LOG(FATAL) of glog, Abseil or Chromium ended the program."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "functions of these libraries on the stack of an abort: google::LogMessage, \
             absl::log_internal, logging::LogMessage",
            "the text `Check failed: ` on that stack, or in writable memory",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        let signal = scene.crash.signal()?.signal;
        if !matches!(signal, Signal::ABRT | Signal::TRAP | Signal::ILL) || !is_own {
            return None;
        }
        let logs = scene.call_of(|name| FUNCTIONS.iter().any(|part| name.contains(part)));
        let text = on_stack(scene.crash, &WORDS);
        let text = text.or_else(|| logs.and_then(|_| in_memory(scene.crash, &WORDS)));
        let confidence = match (&logs, &text) {
            (Some(_), Some(_)) => 0.97,
            (Some(_), None) => 0.9,
            (None, Some(_)) if signal == Signal::ABRT && scene.message.is_none() => 0.8,
            _ => return None,
        };
        let from = logs.map_or(0, |(index, _)| index.saturating_add(1));
        let mut own = scene.calls().skip(from).filter(|(_, call)| {
            let is_log = call
                .function()
                .is_some_and(|name| FUNCTIONS.iter().any(|part| name.contains(part)));
            !is_log && !scene.is_library(call)
        });
        let own = own.next().map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), confidence, "check failed");
        let hedge = hedge(confidence);
        finding.explanation = match &text {
            Some(words) => {
                format!("{hedge}a check failed{}: {}", scene.at(own), quote(&words.line))
            }
            None => format!("{hedge}a fatal message was logged{}", scene.at(own)),
        };
        if let Some(words) = &text {
            finding.quoted = Some(quote(&words.line));
            finding.evidence.push(format!("in memory at {}: {}", words.at, quote(&words.line)));
        }
        if let Some((_, call)) = logs {
            finding
                .evidence
                .push(format!("`{}` is on the stack", call.function().unwrap_or_default()));
        }
        finding.call = own;
        Some(finding)
    }
}
