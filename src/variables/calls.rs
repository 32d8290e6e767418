//! A thread's stack as the source has it: calls, inlined ones too, with their
//! variables.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::base::addr::FrameAddr;
use crate::symbols::functions::Call;
use crate::unwind::frame::{Frame, Stack};
use crate::variables::value::Variable;
use crate::variables::{Context, Which, variables};

/// One thread's stack, ready to be judged and reported.
#[derive(Clone, Debug, Default)]
pub struct ThreadCalls {
    /// The physical frames.
    pub stack: Stack,
    /// The calls of the frames that are known in full, innermost first.
    pub calls: Vec<FrameCall>,
    /// The index of an earlier thread whose frames stand at the same
    /// addresses. Its calls are this thread's, too; [`ThreadCalls::calls`] is
    /// then empty.
    pub same_as: Option<usize>,
}

/// One call of one physical frame.
#[derive(Clone, Debug)]
pub struct FrameCall {
    /// Which frame: an index into [`Stack::frames`].
    pub frame: usize,
    /// The function, the line, the scope.
    pub call: Call,
    /// Its arguments, in order, then its locals, innermost scope first.
    pub variables: Vec<Variable>,
}

impl FrameCall {
    /// The function's name, for people.
    pub fn function(&self) -> Option<&str> {
        self.call.function.as_ref().map(|function| function.display.as_str())
    }

    /// The variable of this name that the source means at this place: the one
    /// of the innermost scope.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        let locals = self.variables.iter().filter(|variable| !variable.is_argument);
        let arguments = self.variables.iter().filter(|variable| variable.is_argument);
        locals.chain(arguments).find(|variable| variable.name == name)
    }
}

/// Whose local variables are read. Arguments are read of all calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locals {
    /// Those of the crashed thread, which is the first one.
    #[default]
    Crashed,
    /// Those of all threads.
    All,
    /// None are reported. A cause may still be found by those of the crashed
    /// thread.
    None,
}

/// Symbolizes all stacks and reads the variables of each.
///
/// Threads that stand at the same addresses as an earlier one share its calls:
/// a pool of a thousand waiting threads is symbolized and read once.
pub fn thread_calls(
    context: &Context<'_, '_>,
    stacks: Vec<Stack>,
    locals: Locals,
) -> Vec<ThreadCalls> {
    let mut first_with: FxHashMap<Vec<FrameAddr>, usize> = FxHashMap::default();
    let same_as: Vec<Option<usize>> = stacks
        .iter()
        .enumerate()
        .map(|(index, stack)| {
            let first = *first_with.entry(stack.addresses().collect()).or_insert(index);
            (first != index).then_some(first)
        })
        .collect();
    stacks
        .into_par_iter()
        .zip(same_as)
        .enumerate()
        .map(|(index, (stack, same_as))| {
            let has_locals = index == 0 || locals == Locals::All;
            let which = if has_locals { Which::All } else { Which::Arguments };
            let calls = match same_as {
                Some(_) => Vec::new(),
                None => frame_calls(context, &stack, which),
            };
            ThreadCalls { stack, calls, same_as }
        })
        .collect()
}

fn frame_calls(context: &Context<'_, '_>, stack: &Stack, which: Which) -> Vec<FrameCall> {
    let frames: Vec<&Frame> = stack.frames().collect();
    let mut found = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        for call in context.symbols.calls(frame.at).iter() {
            let variables = variables(context, &frames, index, call, which);
            found.push(FrameCall { frame: index, call: call.clone(), variables });
        }
    }
    found
}
