//! `alive`: nothing has happened to the process; it was looked at, perhaps
//! because it had run for too long. What is each thread doing?

use crate::base::count::span;
use crate::diagnose::crash::Occasion;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::rules::quit::Doing;
use crate::diagnose::scene::Scene;
use crate::diagnose::waits::main_activity;
use crate::diagnose::wording::counted;

pub(super) struct Alive;

impl Rule for Alive {
    fn id(&self) -> &'static str {
        "alive"
    }

    fn doc(&self) -> &'static str {
        "A process that runs was looked at, with `stack` or `snapshot`, or because it had not \
         ended in the time that `run --timeout` gives. The finding says what each thread was doing."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let crash = scene.crash;
        if crash.signal().is_some() {
            return None;
        }
        let title = match crash.occasion {
            Occasion::Death => return None,
            Occasion::Look => "alive",
            Occasion::Timeout(_) => "still running",
        };
        let mut finding = Finding::new(self.id(), 0.97, title);
        let doing = Doing::of(scene);
        let what = match doing.threads {
            0 => "none of its threads could be looked at".to_owned(),
            1 => format!("it {}", doing.said),
            many => {
                // Whose end the program's end is.
                let main = main_activity(scene).map(|words| format!("its main thread {words}; "));
                let main = main.unwrap_or_default();
                format!("{main}of {}, {}", counted(many, "thread"), doing.said)
            }
        };
        finding.explanation = match crash.occasion {
            Occasion::Timeout(after) => format!("still running after {}; {what}", span(after)),
            _ => what,
        };
        finding.evidence = doing.lines;
        finding.call = scene.own_call(0).map(|(index, _)| index);
        finding.severity = Severity::Info;
        Some(finding)
    }
}
