//! Containers and namespaces: whose machine this is.

use std::fs;
use std::path::Path;

use crate::capture::doctor::{Check, State, settings};

const GROUP: &str = "container";

pub(super) fn checks() -> Vec<Check> {
    let mut checks = vec![container(), pid_namespace()];
    checks.extend(user_namespace());
    checks
}

/// What says that this is a container, if anything does.
pub(super) fn found() -> Option<String> {
    // Each of the tools leaves its own mark. Sources: `systemd-detect-virt(1)`,
    // the container interface of systemd; podman's /run/.containerenv.
    let marks = [
        ("/.dockerenv", "docker"),
        ("/run/.containerenv", "podman"),
        ("/run/systemd/container", "a container of systemd's kind"),
    ];
    let marked = marks.iter().find(|(path, _)| Path::new(path).symlink_metadata().is_ok());
    if let Some((path, what)) = marked {
        return Some(format!("{what} (by {path})"));
    }
    if let Some(name) = std::env::var_os("container").filter(|name| !name.is_empty()) {
        return Some(format!("{} (by $container)", name.to_string_lossy()));
    }
    is_wsl().then(|| "WSL (by the kernel's name)".to_owned())
}

fn is_wsl() -> bool {
    let release = settings::text("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.to_ascii_lowercase().contains("microsoft")
}

fn container() -> Check {
    let check = |state, says: String| Check::new(GROUP, "container", state, says);
    match found() {
        None => check(State::Ok, "no sign of a container".to_owned()),
        Some(what) => {
            let says = format!("this is {what}: core_pattern belongs to the host");
            check(State::Warning, says).remedy(
                "install the handler on the host, or run programs in here with `coretool run`",
            )
        }
    }
}

/// Inode of the first pid namespace. Source: Linux `include/linux/proc_ns.h`,
/// `PROC_PID_INIT_INO`.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
/// The same for users: `PROC_USER_INIT_INO`.
const FIRST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

fn namespace(kind: &str) -> Option<u64> {
    let target = fs::read_link(format!("/proc/self/ns/{kind}")).ok()?;
    let target = target.to_str()?;
    target.split_once('[')?.1.strip_suffix(']')?.parse().ok()
}

fn pid_namespace() -> Check {
    let check = |state, says: String| Check::new(GROUP, "pid-namespace", state, says);
    match namespace("pid") {
        None => check(State::Unknown, "the pid namespace cannot be read".to_owned()),
        Some(FIRST_PID_NAMESPACE) => {
            check(State::Ok, "process ids are those of the machine".to_owned())
        }
        Some(_) => check(
            State::Ok,
            "process ids are those of a pid namespace: the host's handler sees others".to_owned(),
        ),
    }
}

fn user_namespace() -> Option<Check> {
    let inode = namespace("user")?;
    (inode != FIRST_USER_NAMESPACE).then(|| {
        let says = "root in here is a user namespace's: settings of the kernel may be out of reach";
        Check::new(GROUP, "user-namespace", State::Ok, says)
    })
}
