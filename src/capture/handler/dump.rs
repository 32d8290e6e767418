//! One dump, from the head of the stream to the release of the process.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::time::{Duration, Instant};

use crate::capture::facts;
use crate::capture::facts::{EnvironmentScope, FactScope};
use crate::capture::handler::container::container;
use crate::capture::handler::pinned::Pinned;
use crate::capture::handler::stream_head::{Load, NoteFacts, StreamHead};
use crate::capture::maps::{Area, parse};
use crate::capture::page_copy::{AbsentPages, CopyBudget, CoreStats, PageCopy, write_pages};
use crate::capture::pagemap::PageMap;
use crate::dump::sidecar::{CaptureFacts, Sidecar};

/// Bytes copied of each thread's stack, from its stack pointer on, before
/// anything else. Deep recursion has more; that comes with the rest.
const STACK: u64 = 64 << 10;
const PAGE: u64 = 4096;

/// By which way the kernel hands over the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// `@@/path`.
    Socket,
    /// `|/program`.
    Pipe,
}

impl Rung {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Socket => "handler-socket",
            Self::Pipe => "handler-pipe",
        }
    }
}

/// How much of a process is copied while it is held, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpBudget {
    /// Bytes of memory.
    pub bytes: u64,
    /// From the beginning of the dump.
    pub time: Duration,
}

/// Who may read what was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// The user and group whose process it was.
    Owner {
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// Root alone, for this reason.
    RootOnly(String),
}

/// A captured process.
#[derive(Debug)]
pub struct Dump {
    /// As the host sees it.
    pub pid: u32,
    /// Field 22 of its `stat`.
    pub start_time: Option<u64>,
    /// Its name.
    pub command: String,
    /// What its notes say.
    pub facts: NoteFacts,
    /// Which crashes are the same one: the executable and the place in it.
    pub key: String,
    /// Who may read it.
    pub access: Access,
    /// Its container, if it is in one.
    pub container: Option<String>,
    /// Its root directory, when that is not ours. `O_PATH`.
    pub root: Option<OwnedFd>,
    /// Facts from `/proc`, and how the dump went.
    pub sidecar: Sidecar,
    /// What was written, when a core was wanted.
    pub core: Option<CoreStats>,
}

/// What a caller decides when it knows who crashed.
pub type Admit<'a> = &'a mut dyn FnMut(&str) -> Option<(File, DumpBudget)>;

/// Captures the process whose core `stream` begins with. `recorded_dumpable` is
/// the kernel's `%d`, if it said so. `admit` gets the key of the crash and gives
/// an empty file for the core, or refuses it.
///
/// The caller closes the stream afterwards: that lets the process go.
///
/// # Errors
///
/// When the stream is no core, the process is gone, or was another one.
pub fn dump(
    stream: &mut dyn Read,
    process: &Pinned,
    rung: Rung,
    recorded_dumpable: Option<u32>,
    admit: Admit<'_>,
) -> io::Result<Dump> {
    let begin = Instant::now();
    let head = StreamHead::read(stream)?;
    let facts = head.facts();
    let access = access(process, &facts, recorded_dumpable);
    let stat = String::from_utf8_lossy(&process.read("stat", 8192)).into_owned();
    let start_time = start_time(&stat);
    let comm = process.read("comm", 64);
    let command = String::from_utf8_lossy(comm.trim_ascii_end()).into_owned();
    let key = key(process, &facts);
    let mut notes = Vec::new();
    let wanted = admit(&key);
    let mut core = None;
    if let Some((file, budget)) = &wanted {
        let until = begin.checked_add(budget.time).unwrap_or(begin);
        let budget = CopyBudget { bytes: budget.bytes, until };
        core = Some(write_core(stream, &head, &facts, process, file, budget, &mut notes)?);
    }
    let mut sidecar = Sidecar::default();
    if wanted.is_some() {
        let scope = FactScope {
            proc_dir: process.path(),
            deadline: Instant::now() + Duration::from_millis(200),
            peers: true,
            // Of a dumping thread the kernel shows only that it is dumping.
            threads: Some(Vec::new()),
            environment: EnvironmentScope::Redacted,
        };
        sidecar = facts::collect(process.pid as libc::pid_t, &scope);
    }
    let container = container(&process.read("cgroup", 1 << 16));
    let root = other_root(process);
    // All that was read before this was of the process that crashed.
    process.verify()?;
    if let Some(name) = &container {
        notes.push(format!("it ran in the container {name}"));
    }
    if let Access::RootOnly(why) = &access {
        notes.push(format!("only root may read this: {why}"));
    }
    let held = u64::try_from(begin.elapsed().as_micros()).ok();
    sidecar.capture = Some(CaptureFacts { rung: rung.name().to_owned(), held_for_us: held, notes });
    let pid = process.pid;
    Ok(Dump { pid, start_time, command, facts, key, access, container, root, sidecar, core })
}

/// Writes head, stacks, and the rest.
fn write_core(
    stream: &mut dyn Read,
    head: &StreamHead,
    facts: &NoteFacts,
    process: &Pinned,
    file: &File,
    budget: CopyBudget,
    notes: &mut Vec<String>,
) -> io::Result<CoreStats> {
    file.write_all_at(&head.bytes, 0)?;
    file.set_len(head.length)?;
    let (memory, page_map) = match (process.open("mem"), process.open("pagemap")) {
        (Ok(memory), Ok(page_map)) => (memory, PageMap::of(page_map)),
        (Err(error), _) | (_, Err(error)) => {
            notes.push(format!("its memory cannot be read ({error}): the kernel's stream was"));
            return drain(stream, head, file, budget, notes);
        }
    };
    let areas = parse(&process.read("maps", 256 << 20));
    let mut copy = PageCopy::new(&memory, &page_map, file);
    copy.stats.copied = head.bytes.len() as u64;
    copy.stats.length = head.length;
    let mut loads = head.loads.clone();
    loads.sort_by_key(|load| load.start);
    // Stacks first, and whatever the budget is: they are why there is a core.
    for (_, sp) in &facts.threads {
        let start = sp.saturating_sub(256) / PAGE * PAGE;
        let Some(load) = load_at(&loads, start).or_else(|| load_at(&loads, *sp)) else { continue };
        let start = start.max(load.start);
        let len = load.start.saturating_add(load.size).saturating_sub(start).min(STACK);
        let offset = load.offset.saturating_add(start - load.start);
        copy.range(start, len, offset, absent_pages(&areas, start))?;
    }
    copy.budget = Some(budget);
    // Small ones first: data of programs and libraries, not the caches.
    loads.sort_by_key(|load| load.size);
    let mut left_out = 0u64;
    for load in &loads {
        let absent = absent_pages(&areas, load.start);
        let done = copy.range(load.start, load.size, load.offset, absent)?;
        left_out = left_out.saturating_add(load.size - done.min(load.size));
    }
    if left_out > 0 {
        notes.push(format!(
            "the budget of the handler was used up: of {left_out} bytes of address space \
             nothing but the stacks was copied, and they read as zeros"
        ));
    }
    Ok(copy.stats)
}

/// The load that holds `at`.
fn load_at(sorted: &[Load], at: u64) -> Option<&Load> {
    let after = sorted.partition_point(|load| load.start <= at);
    let load = sorted.get(after.checked_sub(1)?)?;
    (at < load.start.saturating_add(load.size)).then_some(load)
}

/// What a page of the mapping at `at` holds that does not exist.
fn absent_pages(areas: &[Area], at: u64) -> AbsentPages {
    let after = areas.partition_point(|area| area.mapping.range.start.0 <= at);
    let area = after.checked_sub(1).and_then(|index| areas.get(index));
    let area = area.filter(|area| at < area.mapping.range.end.0);
    area.map_or(AbsentPages::MayHoldData, Area::absent_pages)
}

/// Reads the rest of the stream into the file, leaving holes for zeros.
fn drain(
    stream: &mut dyn Read,
    head: &StreamHead,
    file: &File,
    budget: CopyBudget,
    notes: &mut Vec<String>,
) -> io::Result<CoreStats> {
    let mut stats = CoreStats { length: head.length, ..CoreStats::default() };
    let mut buffer = vec![0; 1 << 20];
    let mut at = head.bytes.len() as u64;
    loop {
        if stats.copied >= budget.bytes || Instant::now() >= budget.until {
            notes.push(format!("the budget of the handler was used up after {at} bytes"));
            return Ok(stats);
        }
        // Whole pages, so that holes line up.
        let to_page = (PAGE - at % PAGE) % PAGE;
        let want = if to_page > 0 { to_page } else { buffer.len() as u64 };
        let piece = buffer.get_mut(..usize::try_from(want).unwrap_or(0)).unwrap_or_default();
        let mut done = 0;
        while let Some(rest) = piece.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match stream.read(rest) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        if done == 0 {
            return Ok(stats);
        }
        stats.copied += write_pages(piece.get(..done).unwrap_or_default(), at, file)?;
        at += done as u64;
    }
}

/// Who may read the dump. Anything but a plain process of one user is root's:
/// its memory may hold what its user must not see.
fn access(process: &Pinned, facts: &NoteFacts, recorded_dumpable: Option<u32>) -> Access {
    /// `PIDFD_COREDUMP_USER`.
    const USER: u32 = 4;
    let info = process.info;
    let as_user = match (recorded_dumpable, info.coredump) {
        (Some(dumpable), _) => dumpable == 1,
        (None, Some(mask)) => mask & USER != 0,
        (None, None) => false,
    };
    let why = match () {
        () if !as_user => "the process was not dumpable by its user",
        () if facts.is_secure => "the program had more rights than its user (AT_SECURE)",
        () if !info.is_one_user() => "its real, effective and saved ids differ",
        () => return Access::Owner { uid: info.effective.0, gid: info.effective.1 },
    };
    Access::RootOnly(why.to_owned())
}

/// What crashes of the same place share. Nothing of the program is parsed
/// here: the inode and its time of change stand for the build-id, and change
/// with it.
fn key(process: &Pinned, facts: &NoteFacts) -> String {
    let file = process.open_link("exe").map(File::from);
    let file = file.and_then(|file| file.metadata());
    let exe = file.map_or_else(
        |_| "?".to_owned(),
        |file| format!("{:x}:{:x}:{:x}", file.dev(), file.ino(), file.mtime()),
    );
    let place = match &facts.pc_file {
        Some((path, offset)) => format!("{}+{offset:#x}", String::from_utf8_lossy(path)),
        // Code without a file moves about; all of it counts as one place.
        None => "?".to_owned(),
    };
    format!("{exe} {place} {}", facts.signal)
}

/// Field 22 of `/proc/PID/stat`, counted behind the name, which may hold
/// anything.
fn start_time(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

/// The root directory of the process, unless it is our own.
fn other_root(process: &Pinned) -> Option<OwnedFd> {
    let root = process.open_link("root").ok()?;
    let there = File::from(root.try_clone().ok()?).metadata().ok()?;
    let ours = std::fs::metadata("/").ok()?;
    // The same directory through another mount is the same files, but for what
    // is mounted below it: the mount namespaces decide.
    let namespace = |path: &std::path::Path| std::fs::read_link(path.join("ns/mnt")).ok();
    let is_same_namespace =
        namespace(&process.path()) == namespace(std::path::Path::new("/proc/self"));
    let is_same = (there.dev(), there.ino()) == (ours.dev(), ours.ino()) && is_same_namespace;
    (!is_same).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_move_the_fields() {
        let rest = (3..=52).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(start_time(&format!("1 (a) 9 b) {rest}")), Some(22));
        assert_eq!(start_time("1 (a) S 2"), None);
        assert_eq!(start_time(""), None);
    }

    #[test]
    fn loads_by_address() {
        let loads =
            [(4096, 4096), (16384, 100)].map(|(start, size)| Load { offset: 0, start, size });
        let cases =
            [(0, None), (4096, Some(4096)), (8191, Some(4096)), (8192, None), (16400, Some(16384))];
        for (at, want) in cases {
            assert_eq!(load_at(&loads, at).map(|load| load.start), want, "{at}");
        }
    }
}
