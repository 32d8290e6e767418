//! Who has what open: one pass over the descriptors of all processes.

use std::fs;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::facts::Access;
use crate::capture::facts::descriptors::inode;
use crate::capture::facts::relatives::is_our_copy;

/// Holders of one object that are kept.
const MOST_HOLDERS: usize = 64;

/// An object that descriptors may refer to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Object {
    /// A pipe or socket: its link as a whole, `pipe:[7]`.
    Link(String),
    /// A file: device and inode.
    File(u64, u64),
    /// An eventfd, by the number that the kernel gave it.
    Event(u64),
}

/// A descriptor of some process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) pid: u32,
    pub(super) fd: u32,
}

/// What is looked for, and who has it.
#[derive(Default)]
pub(super) struct Holders {
    found: FxHashMap<Object, Vec<Holder>>,
    /// Links of files that are looked for, to save most calls of `stat`.
    paths: FxHashSet<Vec<u8>>,
    has_events: bool,
    /// Processes whose descriptors may not be seen.
    pub(super) hidden: usize,
    /// Whether time ran out.
    pub(super) is_cut: bool,
}

impl Holders {
    /// Looks for an object, too.
    pub(super) fn want(&mut self, object: Object, link: &str) {
        match object {
            Object::File(..) => {
                self.paths.insert(link.as_bytes().to_vec());
            }
            Object::Event(_) => self.has_events = true,
            Object::Link(_) => (),
        }
        self.found.entry(object).or_default();
    }

    /// Looks at all processes, as far as there is time.
    pub(super) fn scan(&mut self, deadline: Instant) {
        if self.found.is_empty() {
            return;
        }
        for pid in processes() {
            if Instant::now() > deadline {
                self.is_cut = true;
                break;
            }
            self.process(pid);
        }
    }

    fn process(&mut self, pid: u32) {
        let path = PathBuf::from(format!("/proc/{pid}/fd"));
        let (directory, entries) = match (File::open(&path), fs::read_dir(&path)) {
            (Ok(directory), Ok(entries)) => (directory, entries),
            (Err(error), _) | (_, Err(error)) => {
                let is_hidden = error.kind() == std::io::ErrorKind::PermissionDenied;
                self.hidden += usize::from(is_hidden);
                return;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(fd) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(link) = nix::fcntl::readlinkat(&directory, name.as_os_str()) else { continue };
            let Some(object) = self.object(&path, fd, link.as_bytes()) else { continue };
            if let Some(holders) = self.found.get_mut(&object)
                && holders.len() < MOST_HOLDERS
            {
                holders.push(Holder { pid, fd });
            }
        }
    }

    /// What a link means, if that may be looked for.
    fn object(&self, directory: &Path, fd: u32, link: &[u8]) -> Option<Object> {
        if link.starts_with(b"pipe:[") || link.starts_with(b"socket:[") {
            return Some(Object::Link(str::from_utf8(link).ok()?.to_owned()));
        }
        if link == b"anon_inode:[eventfd]" {
            let is_wanted = self.has_events;
            return is_wanted.then(|| event_id(directory.parent()?, fd)).flatten();
        }
        if !self.paths.contains(link) {
            return None;
        }
        let file = fs::metadata(directory.join(fd.to_string())).ok()?;
        Some(Object::File(file.dev(), file.ino()))
    }

    /// Who has an object open.
    pub(super) fn of(&self, object: &Object) -> &[Holder] {
        self.found.get(object).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The number of an eventfd, which `fdinfo` tells.
fn event_id(process: &Path, fd: u32) -> Option<Object> {
    let info = super::proc_file::read(&process.join(format!("fdinfo/{fd}")))?;
    let info = str::from_utf8(&info).ok()?;
    let id = info.lines().find_map(|line| line.strip_prefix("eventfd-id:"))?;
    id.trim().parse().ok().map(Object::Event)
}

/// What a descriptor may be used for.
pub(super) fn access(holder: Holder) -> Option<Access> {
    let path = format!("/proc/{}/fdinfo/{}", holder.pid, holder.fd);
    let info = super::proc_file::read(Path::new(&path))?;
    let info = str::from_utf8(&info).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    match i32::from_str_radix(flags.trim(), 8).ok()? & libc::O_ACCMODE {
        libc::O_RDONLY => Some(Access::Read),
        libc::O_WRONLY => Some(Access::Write),
        libc::O_RDWR => Some(Access::ReadWrite),
        _ => None,
    }
}

/// All processes that `/proc` shows.
pub(super) fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // A copy has all that the process has which it is a copy of.
    pids.filter(|pid| !is_our_copy(*pid)).collect()
}

/// The object that a descriptor of ours-to-explain refers to by its link.
pub(super) fn link_object(link: &str) -> Option<Object> {
    inode(link).map(|_| Object::Link(link.to_owned()))
}
