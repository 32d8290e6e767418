//! Writes an ELF core of a held process, as the kernel would, but sparse and
//! only what is there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use libc::pid_t;

use crate::capture::core_notes::notes;
use crate::capture::maps::{Area, areas};
use crate::capture::pagemap::{PageMap, Pages};

pub(super) use crate::capture::core_notes::Notes;

const PAGE: u64 = 4096;
/// Bytes copied at a time.
const PIECE: u64 = 1 << 20;
const EHDR: u64 = 64;
const PHDR: u64 = 56;
const SHDR: u64 = 64;
/// `e_phnum` when the true number is in section 0.
const PN_XNUM: u64 = 0xffff;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoreStats {
    /// Length of the file, holes included.
    pub length: u64,
    /// Bytes of memory copied: about what it takes on disk.
    pub copied: u64,
    /// Pages that could not be read and were left as holes.
    pub unreadable_pages: u64,
}

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

    let mut stats = CoreStats { copied: head.len() as u64, ..CoreStats::default() };
    for segment in &segments {
        copy(segment, &memory, &page_map, file, &mut stats)?;
    }
    if count >= PN_XNUM {
        file.write_all_at(&section_zero(count), offset)?;
        offset += SHDR;
    }
    // The last segment may end in a hole.
    file.set_len(offset)?;
    stats.length = offset;
    Ok(stats)
}

/// Copies the pages of one segment that hold something.
fn copy(
    segment: &Segment,
    memory: &File,
    page_map: &PageMap,
    file: &File,
    stats: &mut CoreStats,
) -> io::Result<()> {
    let start = segment.area.mapping.range.start.0;
    // An untouched page of private anonymous memory is zero, as a hole is. Of
    // all other mappings an absent page may still hold data: a file's, what
    // another process has written, or the kernel's own code.
    let path = segment.area.mapping.path.as_deref().unwrap_or_default();
    let is_kernels = matches!(path, b"[vdso]" | b"[uprobes]");
    let is_private = !segment.area.is_shared && segment.area.inode == 0 && !is_kernels;
    let mut buffer = vec![0; usize::try_from(PIECE).unwrap_or(usize::MAX)];
    let mut done = 0;
    while done < segment.dumped {
        if is_private {
            let next = page_map.next(start + done, start + segment.dumped);
            let Some(next) = next else { break };
            done = next.saturating_sub(start);
        }
        let len = (segment.dumped - done).min(PIECE);
        let pages = if is_private { page_map.read(start + done, len)? } else { Pages::all(len) };
        for run in pages.runs() {
            let at = done + run.start * PAGE;
            let wanted = ((run.end - run.start) * PAGE).min(segment.dumped - at);
            let Some(piece) = buffer.get_mut(..usize::try_from(wanted).unwrap_or(0)) else {
                continue;
            };
            copy_run(start + at, segment.offset + at, piece, memory, file, stats)?;
        }
        done += len;
    }
    Ok(())
}

/// Copies one run, page by page where it cannot be read as a whole.
fn copy_run(
    from: u64,
    to: u64,
    buffer: &mut [u8],
    memory: &File,
    file: &File,
    stats: &mut CoreStats,
) -> io::Result<()> {
    if memory.read_exact_at(buffer, from).is_ok() {
        return write_pages(buffer, to, file, stats);
    }
    let (mut from, mut to) = (from, to);
    for page in buffer.chunks_mut(PAGE as usize) {
        if memory.read_exact_at(page, from).is_ok() {
            write_pages(page, to, file, stats)?;
        } else {
            stats.unreadable_pages += 1;
        }
        from += PAGE;
        to += PAGE;
    }
    Ok(())
}

/// Writes what is not zero; the rest stays a hole, which reads the same.
fn write_pages(bytes: &[u8], to: u64, file: &File, stats: &mut CoreStats) -> io::Result<()> {
    let page = |index: usize| bytes.get(index * PAGE as usize..).unwrap_or_default();
    let is_zero = |index: usize| {
        let page = page(index);
        page.get(..PAGE as usize).unwrap_or(page).iter().all(|byte| *byte == 0)
    };
    let count = bytes.len().div_ceil(PAGE as usize);
    let mut index = 0;
    while index < count {
        if is_zero(index) {
            index += 1;
            continue;
        }
        let first = index;
        while index < count && !is_zero(index) {
            index += 1;
        }
        let end = (index * PAGE as usize).min(bytes.len());
        let run = bytes.get(first * PAGE as usize..end).unwrap_or_default();
        file.write_all_at(run, to + first as u64 * PAGE)?;
        stats.copied += run.len() as u64;
    }
    Ok(())
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
