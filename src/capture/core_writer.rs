//! Writes an ELF core of a held process, as the kernel would, but sparse and
//! only what is there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use libc::pid_t;

use crate::capture::core_notes::notes;
use crate::capture::maps::{Area, areas};
use crate::capture::page_copy::PageCopy;
use crate::capture::pagemap::PageMap;

pub(super) use crate::capture::core_notes::Notes;
pub use crate::capture::page_copy::CoreStats;

const PAGE: u64 = 4096;
const EHDR: u64 = 64;
const PHDR: u64 = 56;
const SHDR: u64 = 64;
/// `e_phnum` when the true number is in section 0.
const PN_XNUM: u64 = 0xffff;

/// Which mappings a core holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Those that the kernel would dump: `/proc/PID/coredump_filter` says.
    Usual,
    /// All that the program has not excluded itself by `MADV_DONTDUMP`.
    Full,
}

/// One `PT_LOAD`.
struct Segment {
    area: Area,
    /// Bytes from its start that the file holds.
    dumped: u64,
    /// Where in the file.
    offset: u64,
}

/// Writes the core of `pid` into `file`, which is empty.
pub(super) fn write_core(
    pid: pid_t,
    notes: &Notes<'_>,
    contents: Contents,
    file: &File,
) -> io::Result<CoreStats> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let page_map = PageMap::open(pid)?;
    let filter = match contents {
        Contents::Usual => Filter::read(pid),
        Contents::Full => Filter(u64::MAX),
    };
    let areas = areas(pid);
    let notes = self::notes(notes, &areas);

    let count = areas.len() as u64 + 1;
    let notes_at = EHDR + PHDR * count;
    let mut offset = (notes_at + notes.len() as u64).next_multiple_of(PAGE);
    let mut segments = Vec::with_capacity(areas.len());
    for area in areas {
        let dumped = filter.dumped(&area, &memory);
        segments.push(Segment { area, dumped, offset });
        offset = offset.saturating_add(dumped.next_multiple_of(PAGE));
    }

    let mut head = file_header(count, offset);
    head.extend(program_header(4, 0, notes_at, 0, notes.len() as u64, 0, 4));
    for segment in &segments {
        let range = segment.area.mapping.range;
        let permissions = segment.area.mapping.permissions;
        let flags = u32::from(permissions.execute)
            | u32::from(permissions.write) << 1
            | u32::from(permissions.read) << 2;
        let (at, len) = (range.start.0, range.len());
        head.extend(program_header(1, flags, segment.offset, at, segment.dumped, len, PAGE));
    }
    head.extend(&notes);
    file.write_all_at(&head, 0)?;

    let mut copy = PageCopy::new(&memory, &page_map, file);
    copy.stats.copied = head.len() as u64;
    for segment in &segments {
        let start = segment.area.mapping.range.start.0;
        let absent = segment.area.absent_pages();
        copy.range(start, segment.dumped, segment.offset, absent)?;
    }
    let mut stats = copy.stats;
    if count >= PN_XNUM {
        file.write_all_at(&section_zero(count), offset)?;
        offset += SHDR;
    }
    // The last segment may end in a hole.
    file.set_len(offset)?;
    stats.length = offset;
    Ok(stats)
}

/// `/proc/PID/coredump_filter`: which kinds of mappings a core holds.
struct Filter(u64);

impl Filter {
    fn read(pid: pid_t) -> Self {
        let text = std::fs::read_to_string(format!("/proc/{pid}/coredump_filter"));
        let bits = text.ok().and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
        // The kernel's default.
        Self(bits.unwrap_or(0x33))
    }

    fn has(&self, bit: u32) -> bool {
        self.0 >> bit & 1 != 0
    }

    /// How many bytes of a mapping a core holds, in the kernel's order of
    /// questions. Source: Linux `fs/coredump.c`, `vma_dump_size()`.
    fn dumped(&self, area: &Area, memory: &File) -> u64 {
        let whole = area.mapping.range.len();
        let path = area.mapping.path.as_deref().unwrap_or_default();
        let is_special = matches!(path, b"[vvar]" | b"[vvar_vclock]" | b"[vsyscall]");
        let is_file = path.starts_with(b"/") && area.inode != 0;
        // A shared mapping without a name in the file system is as good as
        // anonymous.
        let is_named = is_file
            && !path.ends_with(b" (deleted)")
            && !path.starts_with(b"/dev/zero")
            && !path.starts_with(b"/memfd:")
            && !path.starts_with(b"/SYSV");
        let is_wanted = match area {
            _ if is_special || area.has_flag(b"dd") || area.has_flag(b"io") => false,
            _ if path == b"[vdso]" => true,
            _ if area.has_flag(b"ht") => self.has(if area.is_shared { 6 } else { 5 }),
            _ if area.is_shared => self.has(if is_named { 3 } else { 1 }),
            _ if area.own > 0 && self.has(0) => true,
            _ if !is_file => false,
            _ => self.has(2),
        };
        if is_wanted {
            return whole;
        }
        let is_header = is_file
            && !is_special
            && !area.is_shared
            && area.mapping.offset.0 == 0
            && area.mapping.permissions.read
            && self.has(4);
        let mut magic = [0; 4];
        let is_elf = is_header
            && memory.read_exact_at(&mut magic, area.mapping.range.start.0).is_ok()
            && magic == *b"\x7fELF";
        if is_elf { PAGE.min(whole) } else { 0 }
    }
}

/// The ELF header of a core with `count` program headers.
fn file_header(count: u64, end: u64) -> Vec<u8> {
    let is_large = count >= PN_XNUM;
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(4u16.to_le_bytes());
    bytes.extend(62u16.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    for word in [0, EHDR, if is_large { end } else { 0 }] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(0u32.to_le_bytes());
    let sections = if is_large { [SHDR, 1, 0] } else { [0, 0, 0] };
    for half in [EHDR, PHDR, count.min(PN_XNUM)].into_iter().chain(sections) {
        bytes.extend((half as u16).to_le_bytes());
    }
    bytes
}

fn program_header(
    kind: u32,
    flags: u32,
    offset: u64,
    at: u64,
    file_size: u64,
    memory_size: u64,
    align: u64,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PHDR as usize);
    bytes.extend(kind.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    for word in [offset, at, 0, file_size, memory_size, align] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

/// Section 0, whose `sh_info` is the number of program headers.
fn section_zero(count: u64) -> Vec<u8> {
    let mut bytes = vec![0; SHDR as usize];
    if let Some(info) = bytes.get_mut(44..48) {
        info.copy_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }
    bytes
}
