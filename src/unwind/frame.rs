//! Physical frames: one per activation record on the stack.

use crate::base::addr::{FrameAddr, RunAddr};
use crate::unwind::registers::Registers;

/// How a frame was found, from sure to doubtful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The thread's own registers, or those that a signal frame saved.
    Context,
    /// Call frame information of the module.
    Cfi,
    /// The frame pointer chain, or what the function's first instructions do.
    FramePointer,
    /// A guess: a word on the stack that looks like a return address.
    Scan,
}

/// One activation. Inlined calls are not frames of their own here: see
/// [`crate::symbols::functions`].
#[derive(Clone, Debug)]
pub struct Frame {
    /// Where it stands.
    pub at: FrameAddr,
    /// How it was found.
    pub trust: Trust,
    /// Its registers, as far as they are known.
    pub registers: Registers,
    /// Its canonical frame address: the stack pointer of the caller just after
    /// it gave control away. `None` for frames without tables.
    pub cfa: Option<RunAddr>,
    /// Whether this is the trampoline that the kernel put between a signal
    /// handler and the code that the signal interrupted.
    pub is_signal_frame: bool,
}

/// One thread's frames, innermost first.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// The innermost frames: all of them, unless [`Stack::middle`] is some.
    pub inner: Vec<Frame>,
    /// Addresses of the frames between: those of a deep recursion, and those
    /// of a stack too deep to keep all frames.
    pub middle: Vec<FrameAddr>,
    /// The length of the cycle in which [`Stack::middle`] repeats itself.
    pub period: Option<usize>,
    /// The outermost frames, when [`Stack::middle`] is not empty.
    pub outer: Vec<Frame>,
    /// Why there are no more.
    pub end: StackEnd,
}

impl Stack {
    /// How many frames there are in all.
    pub fn depth(&self) -> usize {
        self.inner.len() + self.middle.len() + self.outer.len()
    }

    /// Where all frames stand, innermost first.
    pub fn addresses(&self) -> impl Iterator<Item = FrameAddr> {
        let inner = self.inner.iter().map(|frame| frame.at);
        let outer = self.outer.iter().map(|frame| frame.at);
        inner.chain(self.middle.iter().copied()).chain(outer)
    }

    /// The frames that are known in full, innermost first.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.inner.iter().chain(&self.outer)
    }
}

/// Why a stack ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StackEnd {
    /// The tables say that this frame was called by nobody: the thread's
    /// start, or `_start`. The stack is whole.
    Outermost,
    /// The thread's registers are not known.
    #[default]
    NoRegisters,
    /// The stack's memory is not in the dump at this address.
    NotDumped(RunAddr),
    /// The next frame would lie at or below this one: the stack is damaged.
    NoProgress(RunAddr),
    /// The return address points at no code: it has been overwritten.
    BadReturn(RunAddr),
    /// No table, no frame pointer and no plausible word led further.
    NoWay(RunAddr),
    /// More frames than [`frames`](crate::base::limits::Limits::frames).
    Limit(usize),
}

impl StackEnd {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        *self == Self::Outermost
    }
}
