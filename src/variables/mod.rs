//! From a frame and its debug information to values.

pub mod calls;
pub mod value;

use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::dump::process::Process;
use crate::symbols::Symbols;
use crate::symbols::functions::Call;
use crate::unwind::frame::Frame;
use crate::variables::value::Variable;

/// What reading values needs.
pub struct Context<'a, 'f> {
    /// The process; its first thread's vector registers hold floating-point
    /// values.
    pub process: &'a Process<'f>,
    /// Its memory, with the matching bytes of mapped files.
    pub memory: &'a dyn Memory,
    /// Names and types.
    pub symbols: &'a Symbols<'f>,
    /// How far values are followed.
    pub limits: &'a Limits,
}

/// The variables of `call`, one of the calls of `frames[index]`. The frames
/// above it are its callers, who know what they passed.
pub fn variables(
    _context: &Context<'_, '_>,
    _frames: &[&Frame],
    _index: usize,
    _call: &Call,
) -> Vec<Variable> {
    Vec::new()
}
