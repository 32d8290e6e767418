//! Causes of death, one a file.

mod abort_assertion;
mod abort_explicit;
mod abort_libc;
mod alive;
mod allocator_fault;
mod bad_jump;
mod bad_pointer;
mod bit_flip;
mod buffer_overrun;
mod bus;
mod bus_alignment;
mod busy_loop;
mod check_failed;
mod compiler_trap;
mod cxx;
mod deadlock;
mod divide;
mod double_free;
mod floating_point;
mod forbidden;
mod freed_block_overwritten;
mod glib_fatal;
mod go_fatal;
mod go_panic;
mod heap_corruption;
mod heap_overflow;
mod illegal_instruction;
mod impossible_fault;
mod invalid_free;
mod jvm_fatal;
mod limits;
mod lock_held;
mod lock_owner_gone;
mod nobody_wakes;
mod node_fatal;
mod null_call;
mod null_pointer;
mod pipe_to_itself;
mod poisoned_pointer;
mod process_deadlock;
mod python_fatal;
mod qt_fatal;
mod quit;
mod refused;
mod rust_panic;
mod sanitizer_report;
mod seccomp;
mod self_deadlock;
mod signal_external;
mod signal_itself;
mod stack_overflow;
mod truncated_pointer;
mod unsupported_instruction;
mod use_after_free;
mod use_after_unmap;

use crate::diagnose::finding::Finding;
use crate::diagnose::scene::Scene;

/// What tells most of defects of the heap.
const ASK_SANITIZER: &str = "run it with -fsanitize=address, or under valgrind";

/// One way in which programs die.
pub trait Rule: Sync {
    /// Stable name, as written in reports: `null-pointer`.
    fn id(&self) -> &'static str;
    /// What has happened, in a sentence or two.
    fn doc(&self) -> &'static str;
    /// The facts that the rule looks for, one a line.
    fn signs(&self) -> &'static [&'static str] {
        &[]
    }
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
    &process_deadlock::ProcessDeadlock,
    &pipe_to_itself::PipeToItself,
    &lock_held::LockHeld,
    &busy_loop::BusyLoop,
    &sanitizer_report::SanitizerReport,
    &signal_external::SignalExternal,
    &seccomp::Seccomp,
    &limits::CpuLimit,
    &limits::FileSizeLimit,
    &quit::Quit,
    &alive::Alive,
    &divide::DivideByZero,
    &divide::DivideOverflow,
    &floating_point::FloatingPoint,
    &bus::BrokenMemory,
    &bus::TruncatedFile,
    &bus_alignment::BusAlignment,
    &abort_assertion::Assertion,
    &rust_panic::RustPanic,
    &cxx::CxxPureVirtual,
    &cxx::CxxException,
    &abort_libc::StackSmashing,
    &abort_libc::BufferOverflow,
    &double_free::DoubleFree,
    &invalid_free::InvalidFree,
    &heap_overflow::HeapOverflow,
    &freed_block_overwritten::FreedBlockOverwritten,
    &heap_corruption::HeapCorruption,
    &go_panic::GoPanic,
    &go_fatal::GoFatal,
    &python_fatal::PythonFatal,
    &node_fatal::NodeFatal,
    &jvm_fatal::JvmFatal,
    &glib_fatal::GlibFatal,
    &qt_fatal::QtFatal,
    &check_failed::CheckFailed,
    &stack_overflow::StackOverflow,
    &use_after_free::UseAfterFree,
    &poisoned_pointer::PoisonedPointer,
    &truncated_pointer::TruncatedPointer,
    &allocator_fault::AllocatorFault,
    &buffer_overrun::BufferOverrun,
    &null_call::NullCall,
    &bad_jump::BadReturn,
    &bad_jump::JumpToData,
    &bad_jump::BadCall,
    &refused::PrivilegedInstruction,
    &compiler_trap::CompilerTrap,
    &unsupported_instruction::UnsupportedInstruction,
    &illegal_instruction::IllegalInstruction,
    &refused::Breakpoint,
    &null_pointer::NullPointer,
    &bad_pointer::BadPointer,
    &refused::MisalignedAccess,
    &forbidden::WriteReadonly,
    &forbidden::ForbiddenAccess,
    &bad_pointer::WildPointer,
    &use_after_unmap::UseAfterUnmap,
    &impossible_fault::ImpossibleFault,
    &bit_flip::BitFlip,
    &signal_itself::SignalItself,
    &abort_explicit::AbortExplicit,
];
