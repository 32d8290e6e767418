//! The headers of a core file.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::path::Path;

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{self, Header};
use goblin::elf::program_header::ProgramHeader;
use goblin::elf::section_header::SectionHeader;

use crate::base::arch::Arch;
use crate::dump::contents::Contents;
use crate::dump::error::DumpError;

/// Size of one 64-bit program header.
const ENTRY: u64 = 56;

/// `e_phnum` of a core with 65,535 or more segments.
const PN_XNUM: u16 = 0xffff;

/// The program headers of a core.
#[derive(Debug)]
pub(super) struct CoreHeaders {
    /// The processor.
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
/// When it is not a core, or not one of an architecture that is analyzed.
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
    /// Relocatable, executable, shared, core.
    const KNOWN_TYPES: [u16; 4] = [1, 2, 3, 4];
    /// `EI_DATA` of big-endian files.
    const BIG_ENDIAN: Option<&u8> = Some(&2);
    let mut header = goblin::elf::Elf::parse_header(bytes).map_err(|_| cut("ELF header"))?;
    // Read as little-endian; of a big-endian file only the kind is told.
    if bytes.get(header::EI_DATA) == BIG_ENDIAN && !KNOWN_TYPES.contains(&header.e_type) {
        header.e_type = header.e_type.swap_bytes();
        header.e_machine = header.e_machine.swap_bytes();
    }
    if header.e_type != header::ET_CORE {
        let what = match header.e_type {
            header::ET_REL => "an object file",
            header::ET_EXEC => "an executable",
            header::ET_DYN => "an executable or shared library",
            _ => "an ELF file of another kind",
        };
        return Err(DumpError::NotACore { path: path(), e_type: header.e_type, what });
    }
    let (container, endian) = (header.container().ok(), header.endianness().ok());
    let arch = match (container, endian, Arch::from_elf_machine(header.e_machine)) {
        (Some(Container::Big), Some(Endian::Little), Some(arch)) => arch,
        (container, ..) => {
            let what = machine(&header, container);
            return Err(DumpError::OtherArchitecture { path: path(), what });
        }
    };
    let context = Ctx::new(Container::Big, Endian::Little);

    let claimed = segment_count(contents, &header, context);
    let room = contents.len().saturating_sub(header.e_phoff).wrapping_div(ENTRY);
    let present = claimed.min(room);
    let table = contents.part(header.e_phoff, present.saturating_mul(ENTRY));
    let present = (table.len() as u64).wrapping_div(ENTRY);
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
    /// Size of one 64-bit section header.
    const SECTION: u64 = 64;
    let first_section = Some(header.e_shoff)
        .filter(|offset| *offset > 0)
        .and_then(|at| SectionHeader::parse(contents.part(at, SECTION), 0, 1, context).ok())
        .and_then(|sections| sections.first().map(|section| u64::from(section.sh_info)));
    if let Some(count) = first_section.filter(|count| *count >= u64::from(PN_XNUM)) {
        return count;
    }
    let notes = ProgramHeader::parse(contents.part(header.e_phoff, ENTRY), 0, 1, context)
        .ok()
        .and_then(|segments| segments.first().map(|first| (first.p_type, first.p_offset)));
    match notes {
        Some((goblin::elf::program_header::PT_NOTE, at)) => {
            let table = at.saturating_sub(header.e_phoff);
            if table.checked_rem(ENTRY) == Some(0) {
                table.wrapping_div(ENTRY)
            } else {
                u64::from(PN_XNUM)
            }
        }
        _ => u64::from(PN_XNUM),
    }
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

/// "an AArch64", "a 32-bit ARM", with the byte order where it is unusual.
fn machine(header: &Header, container: Option<Container>) -> String {
    let bits = match container {
        Some(Container::Little) => "32-bit ",
        _ => "",
    };
    let name = match header.e_machine {
        header::EM_386 => return "an i386".to_owned(),
        header::EM_X86_64 if bits.is_empty() => "big-endian x86-64",
        header::EM_X86_64 => return "an x32 (EM_X86_64 with 32-bit words)".to_owned(),
        header::EM_AARCH64 => return "an AArch64".to_owned(),
        header::EM_ARM => "ARM",
        header::EM_RISCV => "RISC-V",
        header::EM_PPC64 => "PowerPC64",
        header::EM_PPC => "PowerPC",
        header::EM_S390 => return "an s390".to_owned(),
        header::EM_MIPS => "MIPS",
        header::EM_SPARCV9 => "SPARC64",
        258 => "LoongArch",
        other => return format!("an unknown (e_machine {other})"),
    };
    format!("a {bits}{name}")
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
                "another processor",
                header(4, 183, 2),
                "`x` is a core of an AArch64 process; x86-64 cores are analyzed",
            ),
            (
                "another word size",
                header(4, 3, 1),
                "`x` is a core of an i386 process; x86-64 cores are analyzed",
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
}
