//! Limits, control group, namespaces and mounts of a process.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::base::facts::{Cgroup, Mount, Namespace, ResourceLimit, Surroundings};
use crate::base::secret::masked_words;
use crate::base::text::text;
use crate::capture::facts::proc_file::{ProcDir, stat_fields, words};

/// Mounts that are told; the rest is counted.
const MOST_MOUNTS: usize = 256;

pub(super) fn surroundings(process: &ProcDir<'_>) -> Surroundings {
    let stat = process.read("stat").unwrap_or_default();
    let fields = stat_fields(&stat);
    let mounts = mounts(&process.read("mountinfo").unwrap_or_default());
    let omitted = mounts.len().saturating_sub(MOST_MOUNTS);
    Surroundings {
        arguments: masked_words(words(&process.read("cmdline").unwrap_or_default())),
        executable: process.link("exe"),
        cwd: process.link("cwd"),
        root: process.link("root"),
        // Field 22 of proc(5).
        start_time: fields.get(19).and_then(|ticks| ticks.parse().ok()),
        limits: limits(&process.line("limits").unwrap_or_default()),
        cgroup: cgroup(&process.line("cgroup").unwrap_or_default(), Path::new("/sys/fs/cgroup")),
        oom_score_adj: process.number("oom_score_adj"),
        coredump_filter: process.line("coredump_filter"),
        // All ones: nobody has logged in.
        login_uid: process.number("loginuid").filter(|uid| *uid != u32::MAX),
        namespaces: namespaces(process),
        mounts: mounts.into_iter().take(MOST_MOUNTS).collect(),
        mounts_omitted: (omitted > 0).then_some(omitted as u64),
        environment: None,
    }
}

/// A table with columns of fixed width: name, soft limit, hard limit, unit.
/// Source: Linux `fs/proc/base.c`, `proc_pid_limits()`.
fn limits(table: &str) -> Vec<ResourceLimit> {
    let line = |line: &str| {
        let name = line.get(..26)?.trim();
        let mut words = line.get(26..)?.split_whitespace();
        let value = |word: &str| match word {
            "unlimited" => Some(None),
            number => number.parse().ok().map(Some),
        };
        let (soft, hard) = (value(words.next()?)?, value(words.next()?)?);
        let unit = words.next().map(str::to_owned);
        Some(ResourceLimit { name: name.to_owned(), soft, hard, unit })
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// The group of version 2, the line `0::PATH` of `/proc/PID/cgroup`.
pub(super) fn cgroup(lines: &str, root: &Path) -> Option<Cgroup> {
    let path = lines.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(memory_of(path, root))
}

/// The memory counters of the control group at `path` below `root`.
fn memory_of(path: &str, root: &Path) -> Cgroup {
    // The path is the kernel's, but above our own root it goes up.
    let inside = path.trim_start_matches('/');
    let is_inside = !inside.split('/').any(|part| part == "..");
    let directory: PathBuf = root.join(inside);
    let read = |name: &str| {
        let bytes = super::proc_file::read(&directory.join(name)).filter(|_| is_inside)?;
        Some(text(&bytes))
    };
    let number = |name: &str| read(name)?.trim().parse().ok();
    let events = read("memory.events").unwrap_or_default();
    let event = |name: &str| {
        let line = events.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    };
    Cgroup {
        path: path.to_owned(),
        memory_current: number("memory.current"),
        memory_max: number("memory.max"),
        events_max: event("max"),
        events_oom: event("oom"),
        events_oom_kill: event("oom_kill"),
    }
}

fn namespaces(process: &ProcDir<'_>) -> Vec<Namespace> {
    let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
    let inode = |path: PathBuf| fs::metadata(path).ok().map(|it| it.ino());
    let namespace = |kind: &&str| {
        let found = inode(process.path(&format!("ns/{kind}")))?;
        let own = inode(PathBuf::from(format!("/proc/self/ns/{kind}")));
        Some(Namespace {
            kind: (*kind).to_owned(),
            inode: found,
            same_as_coretool: own.map(|own| own == found),
        })
    };
    kinds.iter().filter_map(namespace).collect()
}

/// `mountinfo`: `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS] - TYPE SOURCE
/// SUPER`. Source: proc(5).
fn mounts(table: &[u8]) -> Vec<Mount> {
    let line = |line: &[u8]| {
        let line = text(line);
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(4);
        let (point, options) = (mount.next()?, mount.next()?);
        let mut filesystem = filesystem.split(' ');
        let (kind, source) = (filesystem.next()?, filesystem.next()?);
        Some(Mount {
            point: unescaped(point),
            kind: kind.to_owned(),
            source: unescaped(source),
            options: options.to_owned(),
        })
    };
    table.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// The kernel writes blanks in paths as `\040`, and so on.
fn unescaped(path: &str) -> String {
    let pairs = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    pairs.iter().fold(path.to_owned(), |path, (from, to)| path.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_tables() {
        let table = "\
Limit                     Soft Limit           Hard Limit           Units     \n\
Max cpu time              unlimited            10                   seconds   \n\
Max core file size        0                    unlimited            bytes     \n\
Max nice priority         0                    0                    \n";
        let found = limits(table);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].soft, found[0].hard), (None, Some(10)));
        assert_eq!((found[1].name.as_str(), found[1].soft), ("Max core file size", Some(0)));
        assert_eq!((found[1].unit.as_deref(), found[2].unit.as_deref()), (Some("bytes"), None));
        assert_eq!(limits("nonsense\n\u{e9}"), []);
    }

    #[test]
    fn mount_tables() {
        let table = b"25 1 254:0 / /a\\040b rw,noatime shared:1 - ext4 /dev/vda rw\nnonsense\n";
        let want = Mount {
            point: "/a b".to_owned(),
            kind: "ext4".to_owned(),
            source: "/dev/vda".to_owned(),
            options: "rw,noatime".to_owned(),
        };
        assert_eq!(mounts(table), [want]);
    }

    #[test]
    fn groups() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("a/b");
        fs::create_dir_all(&group).unwrap();
        fs::write(group.join("memory.events"), "low 0\nmax 7\noom 2\noom_kill 1\n").unwrap();
        fs::write(group.join("memory.max"), "max\n").unwrap();
        fs::write(group.join("memory.current"), "4096\n").unwrap();
        let found = cgroup("1:name=x:/other\n0::/a/b", root.path()).unwrap();
        assert_eq!((found.events_oom_kill, found.events_oom), (Some(1), Some(2)));
        assert_eq!((found.memory_max, found.memory_current), (None, Some(4096)));
        let outside = cgroup("0::/../a/b", &group).unwrap();
        assert_eq!(outside.memory_current, None);
        assert_eq!(cgroup("1:name=x:/other", root.path()), None);
    }
}
