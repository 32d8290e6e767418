//! The threads that did not crash.

use std::fmt;

use super::verdict::name_of;
use super::{Threads, frames, is_own, main_thread};
use crate::base::count::counted;
use crate::report::model::{Frame, Report, SourceKind, Thread, WaitsFor};
use crate::report::render::layout::{Lines, Span, span};
use crate::report::render::theme::Role;

/// Different stacks that are shown.
const MOST_LINES: usize = 12;
const MOST_STACKS: usize = 20;
/// Threads of one stack that are named.
const MOST_NAMES: usize = 3;

/// Threads that stand at the same place.
struct Group<'r> {
    /// One of them that has the frames.
    stack: &'r Thread,
    /// All of them.
    members: Vec<&'r Thread>,
}

/// All threads but the crashed one, those with the same stack together, the
/// odd ones first.
pub(super) fn others(report: &Report, threads: Threads, lines: &mut Lines<'_>) -> fmt::Result {
    let groups = groups(report);
    let count: usize = groups.iter().map(|group| group.members.len()).sum();
    if count == 0 {
        return Ok(());
    }
    // Who sends SIGQUIT, or looks at a live process, asks what all threads
    // were doing.
    let is_alive = report.signal.is_none() && report.source.kind == SourceKind::Live;
    let asked = is_alive || report.signal.as_ref().is_some_and(|signal| signal.name == "SIGQUIT");
    if threads == Threads::Full || asked {
        return stacks(report, &groups, lines);
    }
    lines.end()?;
    lines.line(2, Role::Heading, &format!("{}:", counted(count as u64, "other thread")))?;
    let digits = groups.iter().map(|group| group.members.len().to_string().len()).max();
    for group in groups.iter().take(MOST_LINES) {
        line(report, group, digits.unwrap_or(1), lines)?;
    }
    left_out(&groups, MOST_LINES, lines)
}

/// One line for one stack.
fn line(report: &Report, group: &Group<'_>, digits: usize, lines: &mut Lines<'_>) -> fmt::Result {
    lines.begin(4, digits.saturating_add(5))?;
    lines.word(0, &[span(Role::Plain, &format!("{:>digits$}", group.members.len()))])?;
    let frames = &group.stack.frames;
    let own = frames.iter().position(|frame| is_own(report, frame) && frame.function.is_some());
    // The library function that the program called, not what that goes through.
    let called = own.and_then(|own| frames.get(own.checked_sub(1)?));
    match (own.and_then(|own| frames.get(own)), frames.first()) {
        (Some(own), _) => {
            let mut spans = vec![span(Role::Plain, "in ")];
            spans.push(name(own, Role::OwnFunction));
            if let Some(called) = called.filter(|frame| frame.function.is_some()) {
                spans.push(span(Role::Plain, " -> "));
                spans.push(name(called, Role::Function));
            }
            lines.word(1, &spans)?;
            if let (Some(file), Some(line)) = (&own.file, own.line) {
                let place = lines.place(file, line);
                lines.word(1, &[span(Role::Plain, "at "), place])?;
            }
        }
        (None, Some(first)) => {
            lines.word(1, &[span(Role::Plain, "in "), name(first, Role::Function)])?;
        }
        (None, None) => {
            let why = group.stack.why_it_ends.as_deref().unwrap_or("its registers are not known");
            lines.sentence(1, Role::Unknown, &format!("with an unknown stack: {why}"))?;
        }
    }
    if let Some(waits) = common_wait(group) {
        let held = waits.held_by.map(|tid| format!(", held by thread {tid}"));
        let text = format!("waiting for {}{}", waits.text, held.unwrap_or_default());
        lines.sentence(1, Role::Plain, &text)?;
    }
    let same = if group.members.len() > 1 { "identical stacks: " } else { "" };
    lines.word(2, &[span(Role::Dim, &format!("({same}{})", names(report, group)))])?;
    lines.end()
}

/// What all threads of a group wait for. Equal stacks may wait at different
/// descriptors.
fn common_wait<'r>(group: &Group<'r>) -> Option<&'r WaitsFor> {
    let first = group.stack.waits_for.as_ref()?;
    group.members.iter().all(|it| it.waits_for.as_ref() == Some(first)).then_some(first)
}

fn name(frame: &Frame, role: Role) -> Span {
    match &frame.function {
        Some(name) => span(role, name).cut(40),
        None => span(Role::Unknown, &frame.pc.to_string()),
    }
}

/// The stacks in full.
fn stacks(report: &Report, groups: &[Group<'_>], lines: &mut Lines<'_>) -> fmt::Result {
    for group in groups.iter().take(MOST_STACKS) {
        lines.end()?;
        let head = match group.members.len() {
            1 => format!("Thread {}:", names(report, group)),
            many => format!("{many} threads with identical stacks, {}:", names(report, group)),
        };
        lines.line(0, Role::Heading, &head)?;
        if let Some(waits) = common_wait(group) {
            let held = waits.held_by.map(|tid| format!(", held by thread {tid}"));
            let text = format!("waits for {}{}", waits.text, held.unwrap_or_default());
            lines.line(2, Role::Plain, &text)?;
        }
        frames::other_stack(report, group.stack, lines)?;
    }
    left_out(groups, MOST_STACKS, lines)
}

fn left_out(groups: &[Group<'_>], shown: usize, lines: &mut Lines<'_>) -> fmt::Result {
    let hidden = groups.get(shown..).unwrap_or_default();
    if hidden.is_empty() {
        return Ok(());
    }
    let threads: usize = hidden.iter().map(|group| group.members.len()).sum();
    let stacks = counted(hidden.len() as u64, "other stack");
    let text = format!("... {} with {stacks}", counted(threads as u64, "more thread"));
    lines.line(4, Role::Dim, &format!("{text} (--format json has them all)"))
}

fn names(report: &Report, group: &Group<'_>) -> String {
    let mut text = String::new();
    for (number, thread) in group.members.iter().take(MOST_NAMES).enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        text.push_str(&name_of(report, thread));
    }
    if group.members.len() > MOST_NAMES {
        text.push_str(", ...");
    }
    text
}

fn groups(report: &Report) -> Vec<Group<'_>> {
    let main = main_thread(report).map(|thread| thread.tid);
    let mut groups: Vec<Group<'_>> = Vec::new();
    // Of threads that repeat each other's stack, the first one has it.
    let mut index_of = std::collections::BTreeMap::new();
    for thread in &report.threads {
        let like = thread.same_stack_as.unwrap_or(thread.tid);
        if Some(thread.tid) == main {
            continue;
        }
        let index = *index_of.entry(like).or_insert_with(|| {
            let stack = report.threads.iter().find(|thread| thread.tid == like).unwrap_or(thread);
            groups.push(Group { stack, members: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(index) {
            group.members.push(thread);
        }
    }
    // Those that wait for each other first, then the odd ones. A stable sort:
    // among equally large ones the order of the report stays.
    let cycles = report.wait_graph.iter().flat_map(|graph| graph.cycles.iter().flatten());
    let in_cycles: std::collections::BTreeSet<u32> = cycles.copied().collect();
    groups.sort_by_key(|group| {
        let is_in_one = group.members.iter().any(|thread| in_cycles.contains(&thread.tid));
        (!is_in_one, group.members.len())
    });
    groups
}
