//! Open descriptors: `/proc/PID/fd` and `/proc/PID/fdinfo`.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt};

use crate::base::facts::{Access, Descriptor, DescriptorKind, Ipc};
use crate::capture::facts::proc_file::ProcDir;

/// Descriptors of which all is told; the rest is counted.
const MOST: usize = 4096;

/// Descriptors that one epoll is said to watch.
const MOST_WATCHED: usize = 1024;

/// Fills in the descriptors of a process.
pub(super) fn descriptors(process: &ProcDir<'_>, ipc: &mut Ipc) {
    let Some(numbers) = process.numbers("fd") else {
        ipc.unknown.push("its descriptors: /proc does not show them to this user".to_owned());
        return;
    };
    let omitted = numbers.len().saturating_sub(MOST);
    ipc.descriptors_omitted = (omitted > 0).then_some(omitted as u64);
    let found = numbers.iter().take(MOST).filter_map(|fd| descriptor(process, *fd));
    ipc.descriptors = found.collect();
}

fn descriptor(process: &ProcDir<'_>, fd: u32) -> Option<Descriptor> {
    let target = process.link(&format!("fd/{fd}"))?;
    let kind = kind(process, fd, &target);
    let mut found = Descriptor { fd, kind, inode: inode(&target), target, ..Descriptor::default() };
    let info = process.read(&format!("fdinfo/{fd}")).unwrap_or_default();
    for line in info.split(|byte| *byte == b'\n') {
        let Ok(line) = str::from_utf8(line) else { continue };
        let Some((key, value)) = line.split_once(':') else { continue };
        fact(&mut found, key, value.trim());
    }
    match kind {
        DescriptorKind::File => {
            found.size = fs::metadata(process.path(&format!("fd/{fd}"))).ok().map(|it| it.len());
        }
        DescriptorKind::Memfd => {
            let file = fs::metadata(process.path(&format!("fd/{fd}"))).ok();
            found.size = file.as_ref().map(MetadataExt::size);
            found.inode = file.as_ref().map(MetadataExt::ino);
        }
        DescriptorKind::MessageQueue => {
            // Reading it tells its state, and takes no message.
            let state = process.line(&format!("fd/{fd}")).unwrap_or_default();
            found.details.extend(state.split_whitespace().map(str::to_owned));
            found.position = None;
        }
        _ => found.position = None,
    }
    Some(found)
}

/// One line of `fdinfo`.
fn fact(found: &mut Descriptor, key: &str, value: &str) {
    match key {
        "pos" => found.position = value.parse().ok(),
        "flags" => {
            let flags = i32::from_str_radix(value, 8).unwrap_or(0);
            found.access = match flags & libc::O_ACCMODE {
                libc::O_RDONLY => Some(Access::Read),
                libc::O_WRONLY => Some(Access::Write),
                libc::O_RDWR => Some(Access::ReadWrite),
                _ => None,
            };
            let known = [
                (libc::O_NONBLOCK, "nonblock"),
                (libc::O_APPEND, "append"),
                (libc::O_CLOEXEC, "cloexec"),
                (libc::O_DIRECT, "direct"),
            ];
            let set = known.iter().filter(|(bit, _)| flags & bit != 0);
            found.flags = set.map(|(_, name)| (*name).to_owned()).collect();
        }
        // `tfd:        5 events:       19 data: ...`
        "tfd" if found.watches.len() < MOST_WATCHED => {
            let watched = value.split_whitespace().next();
            let watched = watched.and_then(|fd| fd.parse::<u32>().ok());
            found.watches.extend(watched);
        }
        "eventfd-count" | "eventfd-id" | "Pid" | "sigmask" | "it_value" | "inotify wd"
            if found.details.len() < MOST_WATCHED =>
        {
            found.details.push(format!("{key}: {value}"));
        }
        _ => (),
    }
}

/// `pipe:[1234]`, `socket:[1234]`.
pub(super) fn inode(target: &str) -> Option<u64> {
    let (_, number) = target.split_once(":[")?;
    number.strip_suffix(']')?.parse().ok()
}

fn kind(process: &ProcDir<'_>, fd: u32, target: &str) -> DescriptorKind {
    let anonymous = target.strip_prefix("anon_inode:");
    let anonymous = anonymous.map(|name| name.trim_start_matches('[').trim_end_matches(']'));
    match anonymous {
        Some("eventfd") => return DescriptorKind::Eventfd,
        Some("eventpoll") => return DescriptorKind::Epoll,
        Some("timerfd") => return DescriptorKind::Timerfd,
        Some("signalfd") => return DescriptorKind::Signalfd,
        Some("inotify") => return DescriptorKind::Inotify,
        Some("pidfd") => return DescriptorKind::Pidfd,
        Some(_) => return DescriptorKind::Other,
        None => (),
    }
    if target.starts_with("pipe:[") {
        return DescriptorKind::Pipe;
    }
    if target.starts_with("socket:[") {
        return DescriptorKind::Socket;
    }
    // pidfds have a file system of their own since Linux 6.9.
    if target.starts_with("pidfd:[") {
        return DescriptorKind::Pidfd;
    }
    if target.starts_with("/memfd:") {
        return DescriptorKind::Memfd;
    }
    let path = process.path(&format!("fd/{fd}"));
    let Ok(file) = fs::metadata(&path) else { return DescriptorKind::Other };
    let kind = file.file_type();
    if kind.is_dir() {
        DescriptorKind::Directory
    } else if kind.is_fifo() {
        DescriptorKind::Fifo
    } else if kind.is_char_device() || kind.is_block_device() {
        let is_terminal = target.starts_with("/dev/pts/") || target.starts_with("/dev/tty");
        if is_terminal { DescriptorKind::Terminal } else { DescriptorKind::Device }
    } else if kind.is_file() && is_message_queue(&path, target) {
        DescriptorKind::MessageQueue
    } else if kind.is_file() {
        DescriptorKind::File
    } else {
        DescriptorKind::Other
    }
}

/// Whether a file is a POSIX message queue: `/NAME` on a file system of their
/// own, which need not be mounted.
fn is_message_queue(path: &std::path::Path, target: &str) -> bool {
    /// `MQUEUE_MAGIC`; Linux `ipc/mqueue.c`.
    const MQUEUE: i64 = 0x1980_0202;
    let is_name = target.strip_prefix('/').is_some_and(|name| !name.contains('/'));
    is_name && nix::sys::statfs::statfs(path).is_ok_and(|it| it.filesystem_type().0 == MQUEUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_fdinfo() {
        let mut found = Descriptor::default();
        for (key, value) in [
            ("pos", "42"),
            ("flags", "02004001"),
            ("tfd", "5 events:       19 data: 5"),
            ("eventfd-id", "7"),
            ("mnt_id", "15"),
        ] {
            fact(&mut found, key, value);
        }
        assert_eq!((found.position, found.access), (Some(42), Some(Access::Write)));
        assert_eq!(found.flags, ["nonblock", "cloexec"]);
        assert_eq!((found.watches, found.details), (vec![5], vec!["eventfd-id: 7".to_owned()]));
    }

    #[test]
    fn inodes() {
        let cases = [
            ("pipe:[12]", Some(12)),
            ("socket:[7]", Some(7)),
            ("/a:[7]", Some(7)),
            ("pipe:[x]", None),
            ("/dev/null", None),
        ];
        for (target, want) in cases {
            assert_eq!(inode(target), want, "{target}");
        }
    }
}
