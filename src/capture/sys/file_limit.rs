//! `SIGXFSZ`: what a process is sent that writes beyond `ulimit -f`.

use std::io;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Does nothing: that it is there keeps the signal from killing.
extern "C" fn nothing(_signal: libc::c_int) {}

/// Makes writes beyond the limit fail with `EFBIG` instead of killing us. A
/// handler, other than `SIG_IGN`, is not inherited through exec: our children
/// get what we got. Where the signal is ignored it stays so.
/// Source: Linux `mm/filemap.c`, `generic_write_check_limits()`; execve(2).
pub(in crate::capture) fn survive() -> io::Result<()> {
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: unsafe because a handler may do what is not safe in one; ours
    // does nothing.
    let before = unsafe { sigaction(Signal::SIGXFSZ, &action) }?;
    if matches!(before.handler(), SigHandler::SigIgn) {
        super::set_action(Signal::SIGXFSZ, &before)?;
    }
    Ok(())
}
