//! The limit on the size of files, `ulimit -f`: of the program that is run, and
//! of what is written about it.

use std::io;

use crate::capture::sys;

/// Makes a write beyond the limit an error, "file too large". By default the
/// process that writes is killed, and what it had to tell is lost. Programs
/// that are started later are not concerned.
///
/// # Errors
///
/// What the system says of `sigaction`.
pub fn survive() -> io::Result<()> {
    sys::file_limit::survive()
}
