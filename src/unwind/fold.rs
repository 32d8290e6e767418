//! Recursion, folded: the part of a stack that repeats itself.

use crate::base::addr::{FrameAddr, RunAddr};
use crate::unwind::frame::Stack;

/// The longest cycle of frames that is recognized.
const LONGEST_CYCLE: usize = 16;

/// Fewer frames than this are not worth folding.
const WORTH_FOLDING: usize = 32;

/// Moves the repeating frames of a deep recursion into [`Stack::middle`], but
/// for the first two rounds and the last one. What a very deep stack had there
/// already stays, in a cycle or not.
pub(super) fn fold(mut stack: Stack) -> Stack {
    let places: Vec<RunAddr> = stack.addresses().map(FrameAddr::addr).collect();
    let (inner, gone) = (stack.inner.len(), stack.inner.len() + stack.middle.len());
    let run = longest_run(&places);
    let (first, last) = match &run {
        Some(run) => (run.start + 2 * run.period, run.end - run.period),
        None => (inner, gone),
    };
    // Frames that are kept as addresses only cannot come back.
    let is_kept = stack.middle.is_empty();
    let (first, last) = if is_kept { (first, last) } else { (first.min(inner), last.max(gone)) };
    if last < first + WORTH_FOLDING {
        return stack;
    }
    let all_in_run = run.filter(|run| run.start <= first && last <= run.end).map(|run| run.period);
    if is_kept {
        let mut frames = std::mem::take(&mut stack.inner);
        stack.outer = frames.split_off(last);
        stack.middle = frames.drain(first..).map(|frame| frame.at).collect();
        stack.inner = frames;
    } else {
        let from_inner = stack.inner.drain(first..).map(|frame| frame.at);
        let middle = std::mem::take(&mut stack.middle);
        let from_outer = stack.outer.drain(..last - gone).map(|frame| frame.at);
        stack.middle = from_inner.chain(middle).chain(from_outer).collect();
    }
    stack.period = all_in_run;
    stack
}

/// Frames `start..end` that repeat with `period`.
#[derive(Debug, PartialEq)]
struct Run {
    start: usize,
    end: usize,
    period: usize,
}

impl Run {
    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// The longest part that repeats with a period, if it is worth folding.
fn longest_run(places: &[RunAddr]) -> Option<Run> {
    let mut best: Option<Run> = None;
    for period in 1..=LONGEST_CYCLE {
        let mut start = 0;
        while start < places.len() {
            let rest = places.get(start..).unwrap_or_default();
            let later = rest.get(period..).unwrap_or_default();
            let equal = rest.iter().zip(later).take_while(|(one, next)| one == next).count();
            let run = Run { start, end: start + equal + period, period };
            let longest = best.as_ref().map_or(WORTH_FOLDING + 3 * period - 1, Run::len);
            if run.len() > longest.max(WORTH_FOLDING + 3 * period - 1) && equal > 0 {
                best = Some(run);
            }
            start += equal + 1;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arch::Arch;
    use crate::unwind::frame::{Frame, StackEnd, Trust};
    use crate::unwind::registers::Registers;

    fn stack(inner: &[u64], middle: &[u64], outer: &[u64]) -> Stack {
        let at = |pc: &u64| FrameAddr::Return(RunAddr(*pc));
        let frames = |pcs: &[u64]| {
            let registers = Registers::unknown(Arch::X86_64);
            let frame = |pc| Frame {
                at: at(pc),
                trust: Trust::Cfi,
                registers,
                cfa: None,
                is_signal_frame: false,
            };
            pcs.iter().map(frame).collect()
        };
        Stack {
            inner: frames(inner),
            middle: middle.iter().map(at).collect(),
            outer: frames(outer),
            period: None,
            end: StackEnd::Outermost,
        }
    }

    fn repeat(cycle: &[u64], times: usize) -> Vec<u64> {
        cycle.repeat(times)
    }

    #[test]
    fn folds() {
        let deep = [vec![9], repeat(&[1, 2], 30), vec![7, 8]].concat();
        let cut: (Vec<u64>, Vec<u64>, Vec<u64>) =
            ([vec![9], repeat(&[1, 2], 20)].concat(), repeat(&[1, 2], 500), vec![1, 2, 1, 2, 7]);
        let lost = (0..1000).collect::<Vec<u64>>();
        let cases = [
            // Two rounds stay at the inner end, one at the outer end.
            ("mutual recursion", stack(&deep, &[], &[]), (5, 54, 4), Some(2)),
            ("very deep recursion", stack(&cut.0, &cut.1, &cut.2), (5, 1038, 3), Some(2)),
            ("little recursion", stack(&[1; 20], &[], &[]), (20, 0, 0), None),
            ("a deep stack without a cycle", stack(&[1, 2], &lost, &[3]), (2, 1000, 1), None),
            ("no frames", stack(&[], &[], &[]), (0, 0, 0), None),
        ];
        for (name, stack, lens, period) in cases {
            let depth = stack.depth();
            let folded = fold(stack);
            let found = (folded.inner.len(), folded.middle.len(), folded.outer.len());
            assert_eq!((found, folded.period), (lens, period), "{name}");
            assert_eq!(folded.depth(), depth, "{name}: no frame is lost");
        }
    }
}
