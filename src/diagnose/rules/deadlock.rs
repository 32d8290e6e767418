//! `deadlock`: threads that wait for each other in a circle.

use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::Subject;
use crate::diagnose::hang::graph::Circle;
use crate::diagnose::hang::sentences::{is_asked, name, short_name, step, wanted};
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{counted, hedge};

/// Threads of a circle that the sentence names, and that the evidence has.
const NAMED: usize = 3;
const MOST: usize = 16;

pub(super) struct Deadlock;

impl Rule for Deadlock {
    fn id(&self) -> &'static str {
        "deadlock"
    }

    fn doc(&self) -> &'static str {
        "Threads wait for each other in a circle: each for a lock that the next one holds, or for \
         its end. The locks' own memory says who holds them, in stripped programs, too; where it \
         does not (Rust's locks, readers), guards and references on the stacks are evidence."
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        if !is_asked(scene) {
            return None;
        }
        let hang = scene.crash.hang();
        let circles: Vec<&Circle> = hang.circles.iter().filter(|it| it.threads.len() > 1).collect();
        let best = circles.iter().max_by(|one, other| one.confidence.total_cmp(&other.confidence));
        let circle = *best?;
        let mut finding = Finding::new(self.id(), circle.confidence, "deadlock");
        finding.explanation = match circle.confidence {
            sure if sure >= 0.95 => "deadlock: ".to_owned(),
            sure => format!("{}a deadlock: ", hedge(sure)),
        };
        finding.explanation += &said(scene, circle);
        let pairs = circle.threads.iter().zip(circle.threads.iter().cycle().skip(1));
        let steps = pairs.map(|(thread, next)| step(scene, hang, *thread, *next));
        finding.evidence = steps.take(MOST).collect();
        if circle.threads.iter().any(|thread| is_timed(scene, *thread)) {
            finding.evidence.push("one of these waits ends by itself after a time".to_owned());
        }
        let others = behind(scene, circle);
        if others > 0 {
            let more = counted(others as u64, "other thread");
            finding.evidence.push(format!("{more} in all cannot go on before these threads"));
        }
        for other in circles.iter().filter(|it| **it != circle) {
            finding.evidence.push(format!("there is another circle: {}", said(scene, other)));
        }
        let thread = circle.threads.iter().copied().find(|it| *it == 0);
        finding.thread = thread.or(circle.threads.first().copied()).unwrap_or(0);
        finding.call = hang.wait_of(finding.thread).and_then(|wait| wait.asked);
        finding.severity = Severity::Low;
        let joins = |thread: &usize| {
            matches!(hang.wait_of(*thread).map(|wait| &wait.on), Some(Subject::EndOf(_)))
        };
        finding.next_step = Some(match circle.threads.iter().any(joins) {
            true => "release the locks that a thread needs before waiting for its end".to_owned(),
            false => {
                "take these locks in the same order everywhere, or all of them at once".to_owned()
            }
        });
        Some(finding)
    }
}

/// "thread 12 waits for the mutex `b`, held by thread 13, which waits for the
/// mutex `a`, held by thread 12".
fn said(scene: &Scene<'_, '_>, circle: &Circle) -> String {
    let (crash, hang) = (scene.crash, scene.crash.hang());
    let Some(first) = circle.threads.first().copied() else { return String::new() };
    let mut words = format!("{} waits for ", name(crash, first));
    for (number, thread) in circle.threads.iter().copied().enumerate().take(NAMED) {
        if number > 0 {
            words += ", which waits for ";
        }
        let next = circle.threads.get(number.saturating_add(1)).copied();
        let other = next.map_or_else(|| short_name(crash, first), |next| name(crash, next));
        words += &wanted(crash, hang, thread, &other);
    }
    let more = circle.threads.len().saturating_sub(NAMED);
    if more > 0 {
        words += &format!(", and so on through {more} more back to {}", short_name(crash, first));
    }
    words
}

fn is_timed(scene: &Scene<'_, '_>, thread: usize) -> bool {
    scene.crash.hang().wait_of(thread).is_some_and(|wait| wait.is_timed)
}

/// How many threads wait for one of a circle, through others or not.
fn behind(scene: &Scene<'_, '_>, circle: &Circle) -> usize {
    let edges = &scene.crash.hang().edges;
    let mut leads: Vec<Option<bool>> = vec![None; edges.len()];
    for thread in &circle.threads {
        if let Some(leads) = leads.get_mut(*thread) {
            *leads = Some(true);
        }
    }
    for start in 0..edges.len() {
        let mut path = Vec::new();
        let mut at = start;
        let answer = loop {
            match leads.get(at).copied().flatten() {
                Some(answer) => break answer,
                None if path.len() > edges.len() => break false,
                None => (),
            }
            path.push(at);
            // What comes back to itself leads into another circle.
            if let Some(leads) = leads.get_mut(at) {
                *leads = Some(false);
            }
            match edges.get(at).and_then(|edges| edges.first()) {
                Some(edge) => at = edge.to,
                None => break false,
            }
        };
        for thread in path {
            if let Some(leads) = leads.get_mut(thread) {
                *leads = Some(answer);
            }
        }
    }
    let all = leads.iter().filter(|leads| **leads == Some(true)).count();
    all.saturating_sub(circle.threads.len())
}
