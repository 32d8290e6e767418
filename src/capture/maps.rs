//! `/proc/PID/maps` and `smaps`: the address space of a live process.

use std::fs;

use libc::pid_t;

use crate::base::addr::{FileOff, RunAddr, RunRange};
use crate::capture::page_copy::AbsentPages;
use crate::dump::process::{Mapping, Permissions};

/// The mappings of a held process. Everything in them can be read, so nothing
/// has to come from the mapped files.
pub(super) fn mappings(pid: pid_t) -> Vec<Mapping> {
    let text = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n').filter_map(line);
    lines.map(|area| area.mapping).collect()
}

/// One mapping, with what decides whether a core holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) mapping: Mapping,
    /// The `s` of the permissions: `MAP_SHARED`.
    pub(super) is_shared: bool,
    /// Inode of the mapped file; 0 for none.
    pub(super) inode: u64,
    /// `Anonymous` plus `Swap`: kibibytes that are the process's own.
    pub(super) own: u64,
    /// `VmFlags`: two letters each, as in `rd wr dd`.
    pub(super) flags: Vec<u8>,
}

impl Area {
    pub(super) fn has_flag(&self, flag: &[u8; 2]) -> bool {
        self.flags.split(|byte| *byte == b' ').any(|found| found == flag)
    }

    /// What its pages hold that do not exist.
    pub(super) fn absent_pages(&self) -> AbsentPages {
        let path = self.mapping.path.as_deref().unwrap_or_default();
        let is_kernels = matches!(path, b"[vdso]" | b"[uprobes]");
        match !self.is_shared && self.inode == 0 && !is_kernels {
            true => AbsentPages::AreZero,
            false => AbsentPages::MayHoldData,
        }
    }
}

/// The mappings with their `smaps` facts.
pub(super) fn areas(pid: pid_t) -> Vec<Area> {
    parse(&fs::read(format!("/proc/{pid}/smaps")).unwrap_or_default())
}

/// The mappings as the text of `maps` or `smaps` tells them.
pub(super) fn parse(text: &[u8]) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for text in text.split(|byte| *byte == b'\n') {
        if let Some(area) = line(text) {
            areas.push(area);
            continue;
        }
        let Some(area) = areas.last_mut() else { continue };
        let Some(colon) = text.iter().position(|byte| *byte == b':') else { continue };
        let (key, value) = text.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let number = || {
            let digits = value.split(|byte| *byte == b' ').next().unwrap_or_default();
            str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok()).unwrap_or(0)
        };
        match key {
            b"Anonymous" | b"Swap" => area.own = area.own.saturating_add(number()),
            b"VmFlags" => area.flags = value.to_vec(),
            _ => (),
        }
    }
    areas
}

/// `start-end rwxp offset dev inode   path`. The path is the kernel's, with a
/// newline written as `\012`.
fn line(text: &[u8]) -> Option<Area> {
    let mut rest = text;
    let mut word = || {
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_ascii_start();
        str::from_utf8(word).ok()
    };
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let (start, end) = word()?.split_once('-')?;
    let range = RunRange { start: RunAddr(hex(start)?), end: RunAddr(hex(end)?) };
    let letters = word()?.as_bytes();
    let [read, write, execute, shared] = *letters else { return None };
    let offset = FileOff(hex(word()?)?);
    word()?;
    let inode = word()?.parse().ok()?;
    let path = rest;
    Some(Area {
        mapping: Mapping {
            range,
            permissions: Permissions {
                read: read == b'r',
                write: write == b'w',
                execute: execute == b'x',
                known: true,
            },
            path: (!path.is_empty()).then(|| unescaped(path)),
            offset,
            dumped: range.len(),
        },
        is_shared: shared == b's',
        inode,
        own: 0,
        flags: Vec::new(),
    })
}

/// A path as it is: the kernel writes a newline in it as `\\012`.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(b"\\012") {
            Some(after) => {
                plain.push(b'\n');
                rest = after;
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_with_their_facts() {
        let text = b"55d0c0ffe000-55d0c0fff000 r-xp 00001000 fe:00 1234                       /opt/my app\n\
            Rss:                   4 kB\nAnonymous:             8 kB\nSwap:                  4 kB\n\
            VmFlags: rd ex mr mw me dd \n\
            7ffc00000000-7ffc00021000 rw-s 00000000 00:00 0 \nVmFlags: rd wr \n";
        let areas = parse(text);
        assert_eq!(areas.len(), 2);
        let (code, shared) = (&areas[0], &areas[1]);
        assert_eq!(code.mapping.path.as_deref(), Some(&b"/opt/my app"[..]));
        assert_eq!((code.mapping.offset, code.inode, code.own), (FileOff(0x1000), 1234, 12));
        assert!(code.mapping.permissions.execute && !code.mapping.permissions.write);
        assert!(code.has_flag(b"dd") && !shared.has_flag(b"dd"));
        assert!(shared.is_shared && shared.mapping.path.is_none());
        assert_eq!(shared.mapping.range.len(), 0x21000);
    }

    #[test]
    fn newlines_in_paths() {
        assert_eq!(unescaped(b"/a\\012b\\01"), b"/a\nb\\01");
    }

    #[test]
    fn lines_that_are_no_mappings() {
        for text in
            [&b""[..], b"VmFlags: rd", b"Size: 4 kB", b"12-zz r-xp 0 0:0 0", b"1-2 rwx 0 0:0 0"]
        {
            assert_eq!(line(text), None);
        }
    }
}
