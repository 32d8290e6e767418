//! The headers of a core file.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::path::Path;

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{self, Header};
use goblin::elf::program_header::ProgramHeader;
use goblin::elf::section_header::SectionHeader;

use crate::base::arch::Arch;
use crate::base::data_model::{ByteOrder, DataModel};
use crate::dump::contents::Contents;
use crate::dump::error::DumpError;

/// `e_phnum` of a core with 65,535 or more segments.
const PN_XNUM: u16 = 0xffff;

/// The program headers of a core.
#[derive(Debug)]
pub(super) struct CoreHeaders {
    /// The processor, its byte order and the size of addresses.
    pub(super) arch: Arch,
    /// Those that are in the file.
    pub(super) segments: Vec<ProgramHeader>,
    /// How many more the core says that it had.
    pub(super) lost: u64,
}

/// Reads the headers of a whole file.
///
/// # Errors
///
/// When it is not a core, or its headers make no sense.
pub(super) fn core_headers(contents: &Contents<'_>, path: &Path) -> Result<CoreHeaders, DumpError> {
    let path = || path.to_owned();
    let cut = |what| DumpError::Cut { path: path(), what, len: contents.len() };
    // The ELF header, or what else a file begins with.
    let bytes = contents.part(0, 512);
    if bytes.is_empty() && contents.is_compressed() && contents.len() > 0 {
        return Err(DumpError::DamagedFrame { path: path() });
    }
    if bytes.is_empty() {
        return Err(DumpError::Empty { path: path() });
    }
    if !bytes.starts_with(header::ELFMAG) {
        let (what, unpack) = looks_like(bytes);
        return Err(DumpError::NotElf { path: path(), what, unpack });
    }
    let (class, order) = match bytes {
        [_, _, _, _, class, order, ..] => (*class, *order),
        _ => return Err(cut("ELF header")),
    };
    if !matches!((class, order), (1 | 2, 1 | 2)) {
        let what =
            format!("its class is {class} and its byte order {order}, each should be 1 or 2");
        return Err(DumpError::BadHeader { path: path(), what });
    }
    let header = goblin::elf::Elf::parse_header(bytes).map_err(|_| cut("ELF header"))?;
    if header.e_type != header::ET_CORE {
        let what = match header.e_type {
            header::ET_REL => "an object file",
            header::ET_EXEC => "an executable",
            header::ET_DYN => "an executable or shared library",
            _ => "an ELF file of another kind",
        };
        return Err(DumpError::NotACore { path: path(), e_type: header.e_type, what });
    }
    let (Ok(container), Ok(endian)) = (header.container(), header.endianness()) else {
        return Err(cut("ELF header"));
    };
    let order = byte_order(endian);
    let is_64 = container == Container::Big;
    let arch = Arch::from_elf(header.e_machine, is_64, order, header.e_flags);
    let context = Ctx::new(container, endian);
    let entry = entry_size(arch.model());

    let claimed = segment_count(contents, &header, context);
    let room = contents.len().saturating_sub(header.e_phoff).checked_div(entry).unwrap_or(0);
    let present = claimed.min(room);
    let table = contents.part(header.e_phoff, present.saturating_mul(entry));
    let present = (table.len() as u64).checked_div(entry).unwrap_or(0);
    let count = usize::try_from(present).map_err(|_| cut("program headers"))?;
    let segments = ProgramHeader::parse(table, 0, count, context)
        .ok()
        .filter(|segments| !segments.is_empty())
        .ok_or_else(|| cut("program headers"))?;
    Ok(CoreHeaders { arch, segments, lost: claimed.saturating_sub(present) })
}

/// The true number of program headers.
///
/// From 65,535 on it lies in `sh_info` of section 0, the last thing that the
/// kernel writes; a cut core has lost it. Then it follows from the notes,
/// which the kernel puts right behind the headers. Source: Linux
/// `fs/binfmt_elf.c`, `elf_core_dump()` and `fill_extnum_info()`.
fn segment_count(contents: &Contents<'_>, header: &Header, context: Ctx) -> u64 {
    if header.e_phnum != PN_XNUM {
        return u64::from(header.e_phnum);
    }
    let is_64 = context.is_big();
    // Sizes of one section header and of one program header.
    let (section, entry) = if is_64 { (64, 56) } else { (40, 32) };
    let first_section = Some(header.e_shoff)
        .filter(|offset| *offset > 0)
        .and_then(|at| SectionHeader::parse(contents.part(at, section), 0, 1, context).ok())
        .and_then(|sections| sections.first().map(|section| u64::from(section.sh_info)));
    if let Some(count) = first_section.filter(|count| *count >= u64::from(PN_XNUM)) {
        return count;
    }
    let notes = ProgramHeader::parse(contents.part(header.e_phoff, entry), 0, 1, context)
        .ok()
        .and_then(|segments| segments.first().map(|first| (first.p_type, first.p_offset)));
    match notes {
        Some((goblin::elf::program_header::PT_NOTE, at)) => {
            let table = at.saturating_sub(header.e_phoff);
            if table.checked_rem(entry) == Some(0) {
                table.checked_div(entry).unwrap_or(0)
            } else {
                u64::from(PN_XNUM)
            }
        }
        _ => u64::from(PN_XNUM),
    }
}

/// As goblin names it.
pub(super) fn byte_order(endian: Endian) -> ByteOrder {
    match endian {
        Endian::Little => ByteOrder::Little,
        Endian::Big => ByteOrder::Big,
    }
}

/// Size of one program header.
fn entry_size(model: DataModel) -> u64 {
    if model.is_64() { 56 } else { 32 }
}

/// A few words for a file that is not ELF, and how to unpack it.
fn looks_like(bytes: &[u8]) -> (&'static str, Option<&'static str>) {
    const MAGICS: &[(&[u8], &str, Option<&str>)] = &[
        (b"\x1f\x8b", "gzip-compressed data", Some("gunzip -k")),
        (b"\xfd7zXZ\0", "xz-compressed data", Some("unxz -k")),
        (b"\x04\x22\x4d\x18", "lz4-compressed data", Some("unlz4")),
        (b"BZh", "bzip2-compressed data", Some("bunzip2 -k")),
        (b"MDMP", "a minidump", None),
        (b"#!", "a script", None),
    ];
    if let Some((_, what, unpack)) = MAGICS.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return (what, *unpack);
    }
    let start = bytes.get(..512.min(bytes.len())).unwrap_or_default();
    let is_text = start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'));
    (if is_text { "text" } else { "data without an ELF header" }, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(e_type: u16, e_machine: u16, class: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1, 1]);
        bytes[16..18].copy_from_slice(&e_type.to_le_bytes());
        bytes[18..20].copy_from_slice(&e_machine.to_le_bytes());
        bytes
    }

    #[test]
    fn files_that_are_no_core_of_ours() {
        let cases: &[(&str, Vec<u8>, &str)] = &[
            ("nothing", vec![], "`x` is empty"),
            ("text", b"hello\n".to_vec(), "`x` is not a core file: it is text"),
            ("gzip", vec![0x1f, 0x8b, 8], "`x` is not a core file: it is gzip-compressed data"),
            (
                "an executable",
                header(3, 62, 2),
                "`x` is not a core file but an executable or shared library (e_type is 3, a core has 4)",
            ),
            ("four bytes", b"\x7fELF".to_vec(), "`x` is cut within its ELF header: it has 4 bytes"),
            (
                "no class",
                header(4, 62, 0),
                "the ELF header of `x` is damaged: its class is 0 and its byte order 1, each should be 1 or 2",
            ),
            (
                "no program headers",
                header(4, 62, 2),
                "`x` is cut within its program headers: it has 64 bytes",
            ),
        ];
        for (name, bytes, want) in cases {
            let contents = Contents::Mapped(bytes);
            let error = core_headers(&contents, Path::new("x")).unwrap_err();
            assert_eq!(&error.to_string(), want, "{name}");
        }
    }

    /// A core with one `PT_NOTE` of 16 bytes at 0x100, in any class and order.
    fn one_segment(machine: u16, is_64: bool, order: ByteOrder) -> Vec<u8> {
        let (ehdr, phdr, word) = if is_64 { (64, 56, 8) } else { (52, 32, 4) };
        let mut file = vec![0; 0x110];
        let class = if is_64 { 2 } else { 1 };
        let data = if order == ByteOrder::Little { 1 } else { 2 };
        file[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, data, 1]);
        let mut put = |at: usize, number: u64, size: usize| {
            file[at..at + size].copy_from_slice(&order.bytes(u128::from(number), size));
        };
        put(16, 4, 2);
        put(18, u64::from(machine), 2);
        put(20, 1, 4);
        put(24 + word, ehdr as u64, word);
        put(ehdr - 12, ehdr as u64, 2);
        put(ehdr - 10, phdr as u64, 2);
        put(ehdr - 8, 1, 2);
        put(ehdr, 4, 4);
        // p_offset and p_filesz.
        put(ehdr + word, 0x100, word);
        put(ehdr + 4 * word, 16, word);
        file
    }

    #[test]
    fn classes_and_byte_orders() {
        for (machine, name) in [(183, "aarch64"), (22, "s390x"), (9999, "unknown")] {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                let file = one_segment(machine, true, order);
                let found = core_headers(&Contents::Mapped(&file), Path::new("x")).unwrap();
                assert_eq!((found.arch.name(), found.arch.order), (name, order));
                let [segment] = found.segments.as_slice() else { panic!("one segment") };
                assert_eq!((segment.p_offset, segment.p_filesz), (0x100, 16), "{name}");
            }
        }
        for (machine, name) in [(3, "i386"), (62, "x32"), (20, "ppc"), (8, "mips"), (4, "m68k")] {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                let file = one_segment(machine, false, order);
                let found = core_headers(&Contents::Mapped(&file), Path::new("x")).unwrap();
                assert_eq!((found.arch.name(), found.arch.order), (name, order));
                let [segment] = found.segments.as_slice() else { panic!("one segment") };
                assert_eq!((segment.p_offset, segment.p_filesz), (0x100, 16), "{name}");
            }
        }
    }
}
