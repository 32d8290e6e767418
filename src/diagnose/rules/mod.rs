//! Causes of death, one a file.

mod abort_explicit;
mod abort_message;
mod cxx;
mod divide;
mod instruction;
mod limit;
mod null_pointer;
mod quit;
mod rust_panic;
mod seccomp;
mod signal_external;
mod stack_overflow;
mod truncated_file;

use crate::diagnose::finding::Finding;
use crate::diagnose::scene::Scene;

/// One way in which programs die.
pub trait Rule: Sync {
    /// Stable name, as written in reports: `null-pointer`.
    fn id(&self) -> &'static str;
    /// What the rule looks for, in a sentence or two.
    fn doc(&self) -> &'static str;
    /// The finding, if the facts fit.
    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding>;
}

/// Every rule. The order decides between findings of equal confidence: the
/// more specific first.
pub const RULES: &[&dyn Rule] = &[
    &signal_external::SignalExternal,
    &stack_overflow::StackOverflow,
    &divide::DivideByZero,
    &divide::DivideOverflow,
    &null_pointer::NullPointer,
    &instruction::PrivilegedInstruction,
    &instruction::MisalignedAccess,
    &instruction::IllegalInstruction,
    &instruction::Breakpoint,
    &truncated_file::TruncatedFile,
    &seccomp::Seccomp,
    &limit::CpuLimit,
    &limit::FileSizeLimit,
    &abort_message::AssertionFailed,
    &abort_message::HeapCorruption,
    &abort_message::StackSmashing,
    &abort_message::BufferOverflow,
    &rust_panic::RustPanic,
    &cxx::CxxPureVirtual,
    &cxx::CxxException,
    &quit::Quit,
    &abort_explicit::AbortExplicit,
];
