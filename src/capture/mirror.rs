//! Dying as the program has died.

use std::io;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal as NixSignal};

use crate::base::signal::Signal;
use crate::capture::sys;

/// Ends this process by `signal`, without a core of its own: whoever waits for
/// it sees the signal, and no core.
///
/// Returns where that is not possible: the first process of a pid namespace
/// does not die of signals of its own, and nobody of those that do nothing or
/// stop.
///
/// # Errors
///
/// When a core could not be kept from being written: then we do not die.
pub fn die_of(signal: Signal) -> io::Result<()> {
    // A limit of 0 does not keep a core from a handler in `core_pattern`.
    sys::become_undumpable()?;
    if let Ok(known) = NixSignal::try_from(signal.0) {
        let by_default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        // SIGKILL has no other action, and may not be set.
        let _kept = sys::set_action(known, &by_default);
        let mut set = SigSet::empty();
        set.add(known);
        set.thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
    }
    sys::kill(std::process::id().cast_signed(), signal.0)
}
