//! Which frames of a deep stack are shown, and what stands for the others.

use crate::report::model::{Frame, NameSource, Thread, Trust};

/// One entry of a stack as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry<'r> {
    /// A frame.
    Frame(&'r Frame),
    /// Frames that are not shown.
    Fold(Fold<'r>),
    /// The frames with which the C library starts each program or thread.
    Start(&'r [Frame]),
}

/// Frames that are not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fold<'r> {
    /// How many.
    pub(super) count: u64,
    /// The functions that repeat in them, in the order of the calls; empty
    /// when they do not repeat.
    pub(super) cycle: Vec<&'r str>,
}

/// The longest cycle of calls that is recognized.
const LONGEST_CYCLE: usize = 16;

/// A cycle that saves fewer lines than this is not folded.
const LEAST_SAVED: usize = 4;

/// Functions of glibc and musl that call `main`, or a thread's function.
const STARTERS: [&str; 8] = [
    "__libc_start_call_main",
    "__libc_start_main_impl",
    "__libc_start_main",
    "libc_start_main_stage2",
    "_start",
    "start_thread",
    "clone3",
    "__clone",
];

/// The entries to show of a thread's stack, at most about `most`.
pub(super) fn entries(thread: &Thread, most: usize) -> Vec<Entry<'_>> {
    let (frames, start) = without_start(&thread.frames);
    let mut entries = shortened(folded(thread, frames), most);
    if !start.is_empty() {
        entries.push(Entry::Start(start));
    }
    entries
}

/// Splits off the frames that start the program or thread, if no doubt and no
/// value is lost by not showing them, and if anything is left.
fn without_start(frames: &[Frame]) -> (&[Frame], &[Frame]) {
    let is_start = |frame: &Frame| {
        frame.function.as_deref().is_some_and(|name| STARTERS.contains(&name))
            && matches!(frame.trust, Trust::Context | Trust::Cfi)
            && frame.name_source != Some(NameSource::Nearest)
    };
    let count = frames.iter().rev().take_while(|frame| is_start(frame)).count();
    match frames.len().checked_sub(count) {
        Some(split) if split > 0 => frames.split_at_checked(split).unwrap_or((frames, &[])),
        _ => (frames, &[]),
    }
}

/// The frames of `thread`, of which only `frames` are shown, with each deep
/// recursion folded.
fn folded<'r>(thread: &'r Thread, frames: &'r [Frame]) -> Vec<Entry<'r>> {
    let Some(folded) = thread.folded.as_ref().filter(|folded| folded.count > 0) else {
        return folded_cycles(frames);
    };
    let split = frames.partition_point(|frame| frame.index <= folded.after_index);
    let (inner, outer) = frames.split_at_checked(split).unwrap_or((frames, &[]));
    let mut entries = folded_cycles(inner);
    let mut middle =
        Fold { count: folded.count, cycle: folded.cycle.iter().map(String::as_str).collect() };
    // The cycle goes on from the inner frames through those left out.
    if let Some(Entry::Fold(last)) = entries.last()
        && middle.cycle.iter().all(|name| last.cycle.contains(name))
    {
        middle.count = middle.count.saturating_add(last.count);
        middle.cycle.clone_from(&last.cycle);
        entries.pop();
    }
    let repeats =
        |frame: &&Frame| frame.function.as_deref().is_some_and(|name| middle.cycle.contains(&name));
    let absorbed = outer.iter().take_while(repeats).count();
    middle.count = middle.count.saturating_add(absorbed as u64);
    entries.push(Entry::Fold(middle));
    entries.extend(folded_cycles(outer.get(absorbed..).unwrap_or_default()));
    entries
}

/// The first round of each cycle is shown, the others are folded.
fn folded_cycles(frames: &[Frame]) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut rest = frames;
    while let Some((first, after)) = rest.split_first() {
        let (round, repeated) = cycle_at(rest);
        if repeated == 0 {
            entries.push(Entry::Frame(first));
            rest = after;
            continue;
        }
        let (shown, others) = rest.split_at_checked(round).unwrap_or((rest, &[]));
        entries.extend(shown.iter().map(Entry::Frame));
        let cycle = shown.iter().rev().map(|frame| frame.function.as_deref().unwrap_or("??"));
        entries.push(Entry::Fold(Fold { count: repeated as u64, cycle: cycle.collect() }));
        rest = others.get(repeated..).unwrap_or_default();
    }
    entries
}

/// The shortest cycle that `frames` begin with: its length, and how many
/// frames after the first round repeat it. Zero: there is none.
fn cycle_at(frames: &[Frame]) -> (usize, usize) {
    for round in 1..=LONGEST_CYCLE {
        let shifted = frames.get(round..).unwrap_or_default();
        let same = |(one, other): &(&Frame, &Frame)| key(one) == key(other);
        let repeated = frames.iter().zip(shifted).take_while(same).count();
        if repeated >= LEAST_SAVED.max(round.saturating_mul(2)) {
            return (round, repeated);
        }
    }
    (0, 0)
}

/// Frames with the same key are the same step of a recursion. Lines may
/// differ: the innermost frame stands elsewhere in its function.
fn key(frame: &Frame) -> (Option<&str>, Option<u64>) {
    match frame.function.as_deref() {
        Some(name) => (Some(name), None),
        None => (None, Some(frame.pc.0)),
    }
}

/// Leaves out the middle of a stack that is long without repeating itself.
fn shortened(mut entries: Vec<Entry<'_>>, most: usize) -> Vec<Entry<'_>> {
    if entries.len() <= most {
        return entries;
    }
    let outermost = most / 5;
    let start = most.saturating_sub(outermost).saturating_sub(1);
    let end = entries.len().saturating_sub(outermost);
    let hidden = entries.drain(start..end).map(|entry| match entry {
        Entry::Frame(_) => 1,
        Entry::Fold(fold) => fold.count,
        Entry::Start(frames) => frames.len() as u64,
    });
    let count = hidden.fold(0, u64::saturating_add);
    entries.insert(start, Entry::Fold(Fold { count, cycle: Vec::new() }));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Folded;

    fn stack(names: &str) -> Thread {
        let frames = names.split_whitespace().zip(0..).map(|(name, index)| Frame {
            index,
            function: Some(name.to_owned()),
            ..Frame::default()
        });
        Thread { frames: frames.collect(), ..Thread::default() }
    }

    fn shown(thread: &Thread, most: usize) -> String {
        let entries = entries(thread, most).into_iter().map(|entry| match entry {
            Entry::Frame(frame) => frame.function.clone().unwrap_or_default(),
            Entry::Fold(fold) => format!("({} {})", fold.count, fold.cycle.join(">")),
            Entry::Start(frames) => format!("[{}]", frames.len()),
        });
        entries.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn cycles() {
        let cases = [
            ("nothing repeats", "a b c main", "a b c main"),
            ("three times is no recursion worth folding", "f f f main", "f f f main"),
            ("one function", "f f f f f f main", "f (5 f) main"),
            // g calls f, which calls g.
            ("two functions", "x f g f g f g f main", "x f g (5 g>f) main"),
            ("two cycles", "f f f f f g g g g g", "f (4 f) g (4 g)"),
            ("the start of a program", "f main __libc_start_main _start", "f main [2]"),
            ("which is shown when nothing else is", "_start", "_start"),
        ];
        for (name, names, want) in cases {
            assert_eq!(shown(&stack(names), 60), want, "{name}");
        }
    }

    #[test]
    fn frames_that_the_analysis_left_out() {
        // (name, frames, last index before, left out, its cycle, want)
        let cases: [(&str, &str, u64, &[&str], &str); 4] = [
            ("one cycle", "f f f f f f f f main", 5, &["f"], "f (1007 f) main"),
            ("in another phase", "f g f g f g f g f main", 6, &["f", "g"], "f g (1007 g>f) main"),
            ("not enough inner frames", "f g f g main", 1, &["f", "g"], "f g (1002 f>g) main"),
            ("no cycle", "a b c d main", 2, &[], "a b c (1000 ) d main"),
        ];
        for (name, names, after_index, cycle, want) in cases {
            let mut thread = stack(names);
            let cycle = cycle.iter().map(|name| (*name).to_owned()).collect();
            thread.folded = Some(Folded { after_index, count: 1000, cycle });
            for frame in &mut thread.frames {
                frame.index += if frame.index > after_index { 1000 } else { 0 };
            }
            assert_eq!(shown(&thread, 60), want, "{name}");
        }
    }

    #[test]
    fn long_stacks_without_a_cycle() {
        let names: Vec<String> = (0..100).map(|number| format!("f{number}")).collect();
        let want = "f0 f1 f2 f3 f4 f5 f6 (91 ) f98 f99";
        assert_eq!(shown(&stack(&names.join(" ")), 10), want);
    }
}
