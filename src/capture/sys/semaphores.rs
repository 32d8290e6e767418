//! Values of SysV semaphores.

use std::io;

use libc::c_int;

/// `GETPID`, `GETVAL`; Linux `include/uapi/linux/sem.h`.
const LAST_PROCESS: c_int = 11;
const VALUE: c_int = 12;

/// One semaphore of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::capture) struct Semaphore {
    /// Its value.
    pub(in crate::capture) value: u32,
    /// The process that changed it last; 0: none yet.
    pub(in crate::capture) last_process: u32,
}

/// Asks the `index`th semaphore of the set with this id, in our own IPC
/// namespace.
///
/// # Errors
///
/// `EACCES` when we may not read the set.
pub(in crate::capture) fn semaphore(id: c_int, index: c_int) -> io::Result<Semaphore> {
    let ask = |command: c_int| {
        // SAFETY: these commands take no fourth argument and touch no memory of
        // ours; what they tell is the return value.
        let answer = unsafe { libc::semctl(id, index, command) };
        u32::try_from(answer).map_err(|_| io::Error::last_os_error())
    };
    Ok(Semaphore { value: ask(VALUE)?, last_process: ask(LAST_PROCESS)? })
}
