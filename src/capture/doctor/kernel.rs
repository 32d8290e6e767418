//! What the kernel does with cores: `core_pattern` and its neighbors.

use std::env;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use crate::capture::doctor::outlook::{Destination, FilePlace};
use crate::capture::doctor::{Check, State, settings};

const GROUP: &str = "kernel";

/// Less room than this is too little for the core of a small server.
const ROOM: u64 = 256 << 20;

/// What follows from a pattern that loses everything.
const INSTALL: &str =
    "as root `coretool handler install`, or `sysctl kernel.core_pattern=core.%e.%p`";

/// The handler has its own proof.
const PROVE: &str = "nothing; `coretool handler test` crashes a child to prove it";

pub(super) fn checks(to: &Destination) -> Vec<Check> {
    let mut checks = pattern(to);
    checks.extend(pipe_limit(to));
    checks.push(modes());
    checks.extend(log());
    checks
}

fn pattern(to: &Destination) -> Vec<Check> {
    let check = |state, says: String| Check::new(GROUP, "core-pattern", state, says);
    match to {
        Destination::Unreadable(why) => {
            vec![check(State::Unknown, format!("core_pattern cannot be read ({why})"))]
        }
        Destination::Nowhere => {
            let says = "core_pattern is empty: every crash of this machine is lost".to_owned();
            vec![check(State::Bad, says).remedy(INSTALL)]
        }
        Destination::Pipe(program, is_ours) => vec![pipe(program, *is_ours)],
        Destination::Socket(path, _, is_ours) => vec![socket(path, *is_ours)],
        Destination::File(place) => file(place),
    }
}

fn pipe(program: &Path, is_ours: bool) -> Check {
    let check = |state, says: String| Check::new(GROUP, "core-pattern", state, says);
    let path = program.display();
    if in_container() {
        let says =
            format!("the kernel hands cores to `{path}` of the host, outside of this container");
        return check(State::Unknown, says).remedy("look there, or use `coretool run` in here");
    }
    let file = match program.metadata() {
        Ok(file) => file,
        Err(error) => {
            let says =
                format!("cores go to `{path}`, which cannot be started ({error}): all are lost");
            return check(State::Bad, says).remedy(INSTALL);
        }
    };
    if !file.is_file() || file.mode() & 0o111 == 0 {
        let says = format!("cores go to `{path}`, which is not executable: all are lost");
        return check(State::Bad, says).remedy(INSTALL);
    }
    if is_ours {
        return check(State::Ok, format!("cores go to coretool's handler, `{path}`")).remedy(PROVE);
    }
    let name = program.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
    let (whose, how) = match name.as_slice() {
        b"systemd-coredump" => ("systemd-coredump", "`coredumpctl list` shows what it has"),
        b"apport" => {
            ("apport", "look in /var/crash; it leaves out unpackaged programs and SIGQUIT")
        }
        b"abrt-hook-ccpp" => ("abrt", "look in /var/spool/abrt"),
        _ => ("another program", "look in its documentation for where it puts cores"),
    };
    let says = format!("cores go to {whose}, `{path}`");
    let how = format!("{how}; to use coretool's: `coretool handler install`");
    check(State::Warning, says).remedy(how)
}

fn socket(path: &Path, is_ours: bool) -> Check {
    let check = |state, says: String| Check::new(GROUP, "core-pattern", state, says);
    let shown = path.display();
    if in_container() {
        let says =
            format!("the kernel hands cores to the socket `{shown}` of the host, outside of here");
        return check(State::Unknown, says).remedy("look there, or use `coretool run` in here");
    }
    let is_socket = path.metadata().map(|file| file.file_type().is_socket());
    match is_socket {
        Ok(true) => (),
        Ok(false) => {
            let says = format!("cores go to `{shown}`, which is not a socket: all are lost");
            return check(State::Bad, says).remedy(INSTALL);
        }
        Err(error) => {
            let says = format!("cores go to the socket `{shown}` ({error}): all are lost");
            return check(State::Bad, says).remedy(INSTALL);
        }
    }
    match listens(path) {
        Some(true) if is_ours => {
            check(State::Ok, format!("cores go to coretool's handler, at `{shown}`")).remedy(PROVE)
        }
        Some(true) => check(State::Warning, format!("cores go to the socket `{shown}`"))
            .remedy("look at who listens there: `ss -xlp`"),
        Some(false) => {
            let says = format!("cores go to `{shown}`, where nobody listens: all are lost");
            check(State::Bad, says).remedy(INSTALL)
        }
        None => check(
            State::Unknown,
            format!("cores go to `{shown}`; who listens there cannot be seen"),
        ),
    }
}

/// Whether a process listens on a socket's path, by the kernel's table: to
/// connect would be taken for a crash. Source: Linux `net/unix/af_unix.c`,
/// `unix_seq_show()`: flag 0x10000 is `SO_ACCEPTCON`.
fn listens(path: &Path) -> Option<bool> {
    let table = fs::read("/proc/net/unix").ok()?;
    let mut lines = table.split(|byte| *byte == b'\n').skip(1);
    Some(lines.any(|line| {
        let fields: Vec<&[u8]> =
            line.split(|byte| *byte == b' ').filter(|field| !field.is_empty()).collect();
        let flags = fields.get(3).and_then(|flags| str::from_utf8(flags).ok());
        let flags = flags.and_then(|flags| u32::from_str_radix(flags, 16).ok()).unwrap_or(0);
        flags & 0x1_0000 != 0 && fields.get(7) == Some(&path.as_os_str().as_bytes())
    }))
}

fn file(place: &FilePlace) -> Vec<Check> {
    let check = |name, state, says: String| Check::new(GROUP, name, state, says);
    let relative = !place.directory.is_absolute();
    let name = "core-pattern";
    let mut checks = vec![if relative {
        let says = format!(
            "a core goes into the working directory of the program, as `{}`",
            place.pattern
        );
        check(name, State::Ok, says)
    } else {
        check(name, State::Ok, format!("a core goes into `{}`", place.pattern))
    }];
    if !place.has_pid {
        let says = "the name of a core has no pid: the next crash replaces it".to_owned();
        checks.push(
            check("core-name", State::Warning, says).remedy("`sysctl kernel.core_uses_pid=1`"),
        );
    }
    checks.push(directory(place));
    checks
}

/// The directory that a core would go to now.
fn directory(place: &FilePlace) -> Check {
    let check = |state, says: String| Check::new(GROUP, "core-directory", state, says);
    let here = match env::current_dir() {
        Ok(here) => here,
        Err(_) if place.directory.is_absolute() => "/".into(),
        Err(error) => {
            let says = format!("the working directory is gone ({error}): no core comes");
            return check(State::Bad, says).remedy("start the program in another directory");
        }
    };
    let path = here.join(&place.directory);
    let shown = path.display();
    if !path.is_dir() {
        let says = format!("the directory for cores, `{shown}`, does not exist");
        let remedy = format!("`mkdir -p {shown}` and `chmod 1777 {shown}`");
        return check(State::Bad, says).remedy(remedy);
    }
    if access(&path, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
        let says = format!("the directory for cores, `{shown}`, cannot be written by this user");
        return check(State::Bad, says)
            .remedy("start the program in another directory, or as another user");
    }
    let free = free_bytes(&path);
    match free {
        Some(free) if free < ROOM => {
            let says = format!("`{shown}` has room for {} MB of cores", free >> 20);
            check(State::Warning, says).remedy("make room: a core that does not fit is cut off")
        }
        Some(free) => {
            let varies =
                if place.varies { "; the rest of its name depends on the crash" } else { "" };
            check(
                State::Ok,
                format!("`{shown}` can be written, {} GB are free{varies}", free >> 30),
            )
        }
        None => check(State::Unknown, format!("how much room `{shown}` has is not known")),
    }
}

/// What a user who is not root may still write.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let found = statvfs(path).ok()?;
    found.blocks_available().checked_mul(found.fragment_size())
}

/// `core_pipe_limit`. Source: Linux `fs/coredump.c`, `coredump_pipe()`: crashes
/// beyond the limit are dropped; with 0 nobody waits for the reader, whose
/// `/proc/PID` is then gone.
fn pipe_limit(to: &Destination) -> Option<Check> {
    const ENOUGH: i64 = 32;
    let Destination::Pipe(_, is_ours) = to else { return None };
    let check = |state, says: String| Check::new(GROUP, "core-pipe-limit", state, says);
    let remedy = "as root `sysctl kernel.core_pipe_limit=64`";
    Some(match settings::number("/proc/sys/kernel/core_pipe_limit") {
        None => check(State::Unknown, "core_pipe_limit cannot be read".to_owned()),
        Some(0) => {
            let says = "core_pipe_limit is 0: /proc/PID of a crash may be gone before it is read";
            let state = if *is_ours { State::Warning } else { State::Ok };
            check(state, says.to_owned()).remedy(remedy)
        }
        Some(limit) if limit < ENOUGH => {
            let says = format!("core_pipe_limit is {limit}: of more crashes at once some are lost");
            check(State::Warning, says).remedy(remedy)
        }
        Some(limit) => check(State::Ok, format!("{limit} crashes at once are served")),
    })
}

/// `core_modes` lists what a pattern may begin with; since Linux 6.16.
fn modes() -> Check {
    let check = |state, says: String| Check::new(GROUP, "core-modes", state, says);
    match settings::text("/proc/sys/kernel/core_modes") {
        Ok(modes) if modes.split_whitespace().any(|mode| mode == "socket") => {
            check(State::Ok, "the kernel can hand cores to a socket".to_owned())
        }
        _ => {
            check(State::Ok, "the kernel can hand cores to a program, but to no socket".to_owned())
        }
    }
}

/// The kernel's log says where a program died of which no core came.
fn log() -> Vec<Check> {
    let check = |name, state, says: String| Check::new(GROUP, name, state, says);
    let readable = fs::File::options().read(true).open("/dev/kmsg");
    let first = match readable {
        Ok(_) => check("kernel-log", State::Ok, "the kernel's log can be read".to_owned()),
        Err(error) => {
            let says = format!(
                "the kernel's log cannot be read ({error}): a crash without a core stays \
                         without its address"
            );
            check("kernel-log", State::Warning, says)
                .remedy("as root `sysctl kernel.dmesg_restrict=0`, or run coretool as root")
        }
    };
    let quiet = settings::number("/proc/sys/debug/exception-trace") == Some(0);
    let second = quiet.then(|| {
        let says = "the kernel does not log crashes (debug.exception-trace is 0)".to_owned();
        check("exception-trace", State::Warning, says)
            .remedy("as root `sysctl debug.exception-trace=1`")
    });
    std::iter::once(first).chain(second).collect()
}

/// Whether the pattern means files that are not ours: it is resolved in the
/// namespaces of the machine's init.
fn in_container() -> bool {
    crate::capture::doctor::container::found().is_some()
}
