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
        let doing = Doing::of(scene);
        finding.explanation = match doing.threads {
            0 => by,
            1 => format!("{by}, while the program {}", doing.said),
            many => format!("{by}; of {}, {}", counted(many, "thread"), doing.said),
        };
        finding.evidence = doing.lines;
        finding.call = scene.own_call(0).map(|(index, _)| index);
        finding.severity = Severity::Info;
        Some(finding)
    }
}

/// What all threads were doing.
pub(super) struct Doing {
    /// How many threads there are.
    pub(super) threads: u64,
    /// The largest groups: "2 wait in pthread_mutex_lock, called by `get` at
    /// pool.c:40, one runs in `spin`"; of one thread only what it does.
    pub(super) said: String,
    /// All of them, a line each.
    pub(super) lines: Vec<String>,
}

impl Doing {
    pub(super) fn of(scene: &Scene<'_, '_>) -> Self {
        let groups = activities(scene);
        let mut said: Vec<String> = groups.iter().take(NAMED).map(short).collect();
        let rest: usize = groups.iter().skip(NAMED).map(|group| group.threads.len()).sum();
        if rest > 0 {
            said.push(format!("{rest} elsewhere"));
        }
        Self {
            threads: scene.crash.threads.len() as u64,
            said: said.join(", "),
            lines: groups.iter().flat_map(long).collect(),
        }
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
