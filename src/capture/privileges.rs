//! Programs that would run with less privilege under a tracer.

use std::env;
use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::capture::sys;

/// Why this program would not be itself under an unprivileged tracer: a
/// set-user-id program runs without its privilege there.
pub(super) fn lost_under_trace(program: &OsStr) -> Option<String> {
    if nix::unistd::geteuid().is_root() {
        return None;
    }
    let path = executable(program)?;
    let what = gained(&path)?;
    Some(format!("`{}` is {what}, which it would lose under a tracer", path.display()))
}

/// Why the kernel dumps no such program: its executable is not readable, or it
/// gains privileges and `fs.suid_dumpable` is 0. Source: Linux `fs/exec.c`,
/// `would_dump()` and `begin_new_exec()`; `kernel/cred.c`, `commit_creds()`.
pub(super) fn undumpable(program: &OsStr) -> Option<String> {
    let path = executable(program)?;
    let path = path.canonicalize().unwrap_or(path);
    let shown = path.display();
    if path.exists() && access(&path, AccessFlags::R_OK).is_err() {
        return Some(format!("`{shown}` is not readable, and the kernel dumps no such program"));
    }
    let what = gained(&path)?;
    let forbids = fs::read("/proc/sys/fs/suid_dumpable").is_ok_and(|text| text.starts_with(b"0"));
    forbids.then(|| format!("`{shown}` is {what}, and fs.suid_dumpable is 0"))
}

/// What privilege a program gets from its file that we do not have.
fn gained(path: &Path) -> Option<&'static str> {
    const SET_UID: u32 = 0o4000;
    const SET_GID: u32 = 0o2000;
    let metadata = path.metadata().ok()?;
    let mode = metadata.permissions().mode();
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    Some(match mode {
        mode if mode & SET_UID != 0 && metadata.uid() != uid => "set-user-id",
        mode if mode & SET_GID != 0 && metadata.gid() != gid => "set-group-id",
        // Root has them all.
        _ if uid != 0 && has_capabilities(path) => "given capabilities",
        _ => return None,
    })
}

/// Whether the file gives capabilities to who executes it (`capabilities(7)`).
pub(super) fn has_capabilities(path: &Path) -> bool {
    let path = CString::new(path.as_os_str().as_bytes());
    path.is_ok_and(|path| sys::has_attribute(&path, c"security.capability"))
}

/// The file that the program's name means: a path, or the first executable
/// file of that name in `$PATH`.
pub(super) fn executable(program: &OsStr) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 || program.as_encoded_bytes().contains(&b'/') {
        return Some(path.to_owned());
    }
    let is_executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(path)).find(is_executable)
}
