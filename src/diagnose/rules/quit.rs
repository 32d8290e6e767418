//! `quit`: somebody asked the program to quit and leave a core, mostly because
//! it hangs. What was each thread doing?

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::rules::Rule;
use crate::diagnose::rules::signal_external::who;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::waits::{Activity, activities};
use crate::diagnose::wording::counted;

/// Groups of threads that the sentence names; the evidence has them all.
const NAMED: usize = 3;

pub(super) struct Quit;

impl Rule for Quit {
    fn id(&self) -> &'static str {
        "quit"
    }

    fn doc(&self) -> &'static str {
        "SIGQUIT: Ctrl-\\ at the terminal, or kill -QUIT. Nothing went wrong at that moment; the \
         finding says what each thread was doing."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !scene.crash.died_of(Signal::QUIT) {
            return None;
        }
        let mut finding = Finding::new(self.id(), 0.97, "quit on request");
        let by = match scene.sender() {
            Sender::Other { pid, uid } => format!("sent by {}", who(pid, uid)),
            // The terminal's driver sends it in the kernel's name.
            Sender::Kernel => "very likely Ctrl-\\ at the terminal".to_owned(),
            Sender::Itself => "sent by the program itself".to_owned(),
            Sender::Unknown => "it was asked to quit".to_owned(),
        };
        let groups = activities(scene);
        let count = scene.crash.threads.len() as u64;
        let mut said: Vec<String> = groups.iter().take(NAMED).map(short).collect();
        let rest: usize = groups.iter().skip(NAMED).map(|group| group.threads.len()).sum();
        if rest > 0 {
            said.push(format!("{rest} elsewhere"));
        }
        finding.explanation = match count {
            0 => by,
            1 => format!("{by}, while the program {}", said.join("")),
            _ => format!("{by}; of {}, {}", counted(count, "thread"), said.join(", ")),
        };
        finding.evidence = groups.iter().flat_map(long).collect();
        finding.call = scene.own_call(0).map(|(index, _)| index);
        finding.severity = Severity::Info;
        Some(finding)
    }
}

/// "2 wait in pthread_mutex_lock, called by `pool_get` at pool.c:40".
fn short(group: &Activity) -> String {
    match group.threads.len() {
        1 if group.is_only => group.words.clone(),
        1 => format!("one {}", group.words),
        many => format!("{many} {}", group.plural()),
    }
}

fn long(group: &Activity) -> Vec<String> {
    const MOST: usize = 10;
    let mut lines: Vec<String> = Vec::new();
    for name in group.threads.iter().take(MOST) {
        lines.push(format!("{name} {}", group.words));
    }
    let more = group.threads.len().saturating_sub(MOST);
    if more > 0 {
        lines.push(format!("and {} at the same place", counted(more as u64, "thread")));
    }
    lines
}
