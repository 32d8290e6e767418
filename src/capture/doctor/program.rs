//! What is particular about one program's file.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use nix::unistd::{AccessFlags, access, getegid, geteuid};

use crate::capture::doctor::{Check, State};
use crate::capture::privileges;

const GROUP: &str = "program";

/// The file that a program's name means, as a shell finds it.
pub(super) fn file(program: &OsStr) -> Option<PathBuf> {
    privileges::executable(program).and_then(|path| path.canonicalize().ok())
}

pub(super) fn checks(program: &OsStr) -> Vec<Check> {
    let check = |name, state, says: String| Check::new(GROUP, name, state, says);
    let Some(path) = file(program) else {
        let says = format!("there is no program `{}`", program.to_string_lossy());
        return vec![
            check("file", State::Bad, says)
                .remedy("give its path: names without a slash are looked for in $PATH"),
        ];
    };
    let shown = path.display();
    let Ok(metadata) = path.metadata() else {
        return vec![check("file", State::Unknown, format!("`{shown}` cannot be looked at"))];
    };
    let mut checks = Vec::new();
    if metadata.is_file() && access(&path, AccessFlags::X_OK).is_ok() {
        checks.push(check("file", State::Ok, format!("`{shown}` can be executed")));
    } else {
        let says = format!("`{shown}` cannot be executed");
        checks.push(check("file", State::Bad, says).remedy(format!("`chmod +x {shown}`")));
    }
    let what = match metadata.mode() {
        mode if mode & 0o4000 != 0 && metadata.uid() != geteuid().as_raw() => "set-user-id",
        mode if mode & 0o2000 != 0 && metadata.gid() != getegid().as_raw() => "set-group-id",
        _ if privileges::has_capabilities(&path) => "given capabilities",
        _ => "",
    };
    if what.is_empty() {
        checks.push(check(
            "privileges",
            State::Ok,
            "it runs with the user's own rights".to_owned(),
        ));
    } else {
        let says = format!("it is {what}: it leaves no core while fs.suid_dumpable is 0");
        let remedy = "run coretool as root, or a copy of it without these rights";
        checks.push(check("privileges", State::Warning, says).remedy(remedy));
    }
    if access(&path, AccessFlags::R_OK).is_err() {
        let says = "its file is not readable: the kernel hides its memory from its user";
        checks.push(
            check("readable", State::Warning, says.to_owned()).remedy("run coretool as root"),
        );
    }
    checks
}
