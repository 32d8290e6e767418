//! Causes of death, one a file.

mod abort_assertion;
mod abort_explicit;
mod abort_libc;
mod alive;
mod bad_jump;
mod bad_pointer;
mod bus;
mod busy_loop;
mod cxx;
mod deadlock;
mod divide;
mod forbidden;
mod illegal_instruction;
mod limits;
mod lock_held;
mod lock_owner_gone;
mod nobody_wakes;
mod null_call;
mod null_pointer;
mod pipe_to_itself;
mod quit;
mod refused;
mod rust_panic;
mod seccomp;
mod self_deadlock;
mod signal_external;
mod signal_itself;
mod stack_overflow;

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
    &deadlock::Deadlock,
    &self_deadlock::SelfDeadlock,
    &lock_owner_gone::LockOwnerGone,
    &nobody_wakes::NobodyWakes,
    &pipe_to_itself::PipeToItself,
    &lock_held::LockHeld,
    &busy_loop::BusyLoop,
    &signal_external::SignalExternal,
    &seccomp::Seccomp,
    &limits::CpuLimit,
    &limits::FileSizeLimit,
    &quit::Quit,
    &alive::Alive,
    &divide::DivideByZero,
    &divide::DivideOverflow,
    &bus::BrokenMemory,
    &bus::TruncatedFile,
    &abort_assertion::Assertion,
    &rust_panic::RustPanic,
    &cxx::CxxPureVirtual,
    &cxx::CxxException,
    &abort_libc::StackSmashing,
    &abort_libc::BufferOverflow,
    &abort_libc::HeapCorruption,
    &stack_overflow::StackOverflow,
    &null_call::NullCall,
    &bad_jump::BadReturn,
    &bad_jump::JumpToData,
    &bad_jump::BadCall,
    &refused::PrivilegedInstruction,
    &illegal_instruction::IllegalInstruction,
    &refused::Breakpoint,
    &null_pointer::NullPointer,
    &bad_pointer::BadPointer,
    &refused::MisalignedAccess,
    &forbidden::WriteReadonly,
    &forbidden::ForbiddenAccess,
    &bad_pointer::WildPointer,
    &signal_itself::SignalItself,
    &abort_explicit::AbortExplicit,
];
