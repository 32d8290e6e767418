//! Asking the kernel from within a process's namespaces.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::thread;

use nix::sched::{CloneFlags, setns};

use crate::capture::facts::proc_file::ProcDir;

/// Runs `ask` where the namespace `kind` (`net`, `ipc`) is that of the process.
/// A thread of its own enters it, so nobody else of us does.
///
/// # Errors
///
/// A sentence, when the namespace is another one and we may not enter it.
pub(super) fn inside<T: Send>(
    process: &ProcDir<'_>,
    kind: &str,
    flag: CloneFlags,
    ask: impl FnOnce() -> T + Send,
) -> Result<T, String> {
    let theirs = File::open(process.path(&format!("ns/{kind}")));
    let ours = File::open(format!("/proc/self/ns/{kind}"));
    let inode = |file: &File| file.metadata().ok().map(|it| (it.dev(), it.ino()));
    let theirs = match (theirs, ours) {
        (Ok(theirs), Ok(ours)) if inode(&theirs) == inode(&ours) => return Ok(ask()),
        (Ok(theirs), _) => theirs,
        (Err(error), _) => return Err(format!("its {kind} namespace cannot be seen: {error}")),
    };
    let answer = thread::scope(|scope| {
        let entered = scope.spawn(|| {
            setns(&theirs, flag).map_err(|error| {
                format!("its {kind} namespace is another one, and cannot be entered: {error}")
            })?;
            Ok(ask())
        });
        entered.join()
    });
    answer.unwrap_or_else(|_| Err(format!("its {kind} namespace could not be asked")))
}
