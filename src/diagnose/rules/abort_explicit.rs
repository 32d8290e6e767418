//! `abort`: the program called `abort`, and left no words.

use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::rules::signal_itself::sent_to_itself;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;

pub(super) struct AbortExplicit;

impl Rule for AbortExplicit {
    fn id(&self) -> &'static str {
        "abort"
    }

    fn doc(&self) -> &'static str {
        "The program ended itself with abort(), for none of the reasons that other rules know."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["SIGABRT that the process sent to itself, and no narrower cause"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !scene.crash.died_of(Signal::ABRT) || matches!(scene.sender(), Sender::Other { .. }) {
            return None;
        }
        let abort = scene.call_of(|name| name == "abort");
        // Any other finding of an abort is more than this one knows.
        let mut finding = Finding::new(self.id(), 0.6, "abort");
        let from = abort.map_or(0, |(index, _)| index.saturating_add(1));
        let caller = scene.own_call(from).map(|(index, _)| index);
        finding.explanation = match (&abort, caller) {
            (Some(_), Some(_)) => format!("abort() was called{}", scene.at(caller)),
            (Some(_), None) => "abort() was called".to_owned(),
            (None, _) => sent_to_itself(scene, caller),
        };
        if let Some(message) = &scene.message {
            let text = quote(&message.text);
            finding.explanation = format!("{}: {text}", finding.explanation);
            finding.quoted = Some(text.clone());
            finding.evidence.push(format!("{} holds: {text}", message.variable));
        }
        finding.is_observed = true;
        finding.call = caller;
        Some(finding)
    }
}
