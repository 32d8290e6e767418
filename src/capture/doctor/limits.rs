//! Resource limits: `ulimit -c`, `ulimit -f`, and which memory the kernel dumps.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use crate::capture::doctor::outlook::Destination;
use crate::capture::doctor::{Check, State, settings};

const GROUP: &str = "limits";

/// One page: below it the kernel writes no core at all. Source: Linux
/// `fs/coredump.c`, `coredump_file()`: `limit < binfmt->min_coredump`.
const SMALLEST_CORE: u64 = 4096;

pub(super) fn checks(to: &Destination) -> Vec<Check> {
    vec![core_size(to), file_size(), filter()]
}

fn core_size(to: &Destination) -> Check {
    let check = |state, says: String| Check::new(GROUP, "core-limit", state, says);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_CORE) else {
        return check(State::Unknown, "the limit on core files cannot be read".to_owned());
    };
    let (soft_is, hard_is) = (size(soft), size(hard));
    let is_ours = match to {
        Destination::Pipe(_, is_ours) | Destination::Socket(_, _, is_ours) => Some(*is_ours),
        _ => None,
    };
    // A program or a socket gets cores whatever the limit, but for the one
    // value by which the kernel keeps handlers from dumping themselves.
    // Source: Linux `fs/coredump.c`, `coredump_pipe()`.
    match is_ours {
        Some(true) if soft != 1 => {
            let says = format!("the soft limit on core files, {soft_is}, is not the handler's");
            return check(State::Ok, says);
        }
        Some(false) if soft != RLIM_INFINITY && soft != 1 => {
            let says = format!(
                "the soft limit on core files is {soft_is}: whoever gets them may keep to it"
            );
            return check(State::Warning, says).remedy(raise(hard));
        }
        _ => (),
    }
    match (soft, hard) {
        (RLIM_INFINITY, _) => check(State::Ok, "core files may have any size".to_owned()),
        (_, hard) if hard < SMALLEST_CORE => {
            let says = format!("the hard limit on core files is {hard_is}: the kernel writes none");
            check(State::Bad, says).remedy(
                "as root raise it where the session starts: `LimitCORE=infinity` in a systemd \
                 unit, `* hard core unlimited` in /etc/security/limits.conf, `docker run --ulimit \
                 core=-1`; `coretool run` does not need it",
            )
        }
        (1, _) => {
            let says = "the soft limit on core files is 1 byte: neither a file nor a piped core \
                        comes";
            check(State::Bad, says.to_owned()).remedy(raise(hard))
        }
        (soft, _) if soft < SMALLEST_CORE => {
            let says = format!(
                "the soft limit on core files is {soft_is}: the kernel writes no core file (the \
                 hard limit is {hard_is})"
            );
            check(State::Bad, says).remedy(raise(hard))
        }
        _ => {
            let says = format!(
                "the soft limit on core files is {soft_is}: a larger core is cut off without a word"
            );
            check(State::Warning, says).remedy(raise(hard))
        }
    }
}

fn raise(hard: u64) -> String {
    let value = if hard == RLIM_INFINITY { "unlimited".to_owned() } else { "hard".to_owned() };
    format!("`ulimit -S -c {value}` in the shell that starts the program, or `coretool run`")
}

fn file_size() -> Check {
    let check = |state, says: String| Check::new(GROUP, "file-limit", state, says);
    match getrlimit(Resource::RLIMIT_FSIZE) {
        Ok((RLIM_INFINITY, _)) => check(State::Ok, "files may have any size".to_owned()),
        Ok((soft, _)) => {
            let says = format!("files end at {}, cores too (RLIMIT_FSIZE)", size(soft));
            let state = if soft < SMALLEST_CORE { State::Bad } else { State::Warning };
            check(state, says).remedy("`ulimit -f unlimited`")
        }
        Err(_) => check(State::Unknown, "the limit on file sizes cannot be read".to_owned()),
    }
}

/// `/proc/PID/coredump_filter`. Source: `core(5)`; bit 0 is private anonymous
/// memory, without which there are no stacks.
fn filter() -> Check {
    const PRIVATE_ANONYMOUS: i64 = 1 << 0;
    const SHARED_ANONYMOUS: i64 = 1 << 1;
    const ELF_HEADERS: i64 = 1 << 4;
    let check = |state, says: String| Check::new(GROUP, "core-filter", state, says);
    let filter = settings::text("/proc/self/coredump_filter").ok();
    let Some(bits) = filter.and_then(|text| i64::from_str_radix(&text, 16).ok()) else {
        return check(State::Unknown, "which memory the kernel dumps cannot be read".to_owned());
    };
    let remedy = "`echo 0x33 > /proc/self/coredump_filter` in the shell that starts the program";
    let lacks = match bits {
        bits if bits & PRIVATE_ANONYMOUS == 0 => "stacks and heap",
        bits if bits & SHARED_ANONYMOUS == 0 => "shared anonymous memory",
        bits if bits & ELF_HEADERS == 0 => "the headers of libraries, with their build IDs",
        _ => {
            let says = format!("cores of the kernel hold stacks, heap and headers ({bits:#x})");
            return check(State::Ok, says);
        }
    };
    let state = if bits & PRIVATE_ANONYMOUS == 0 { State::Bad } else { State::Warning };
    let says = format!("cores of the kernel lack {lacks} (coredump_filter is {bits:#x})");
    check(state, says).remedy(remedy)
}

fn size(limit: u64) -> String {
    match limit {
        RLIM_INFINITY => "unlimited".to_owned(),
        1 => "1 byte".to_owned(),
        bytes => format!("{bytes} bytes"),
    }
}
