//! A thread's stack as the source has it: calls, inlined ones too, with their
//! variables.

use crate::symbols::functions::Call;
use crate::unwind::frame::Stack;
use crate::variables::value::Variable;

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
