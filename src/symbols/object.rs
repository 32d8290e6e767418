//! An ELF file: what it maps, its sections, and who it is.
//!
//! Layout: System V gABI, chapters 4 "Object Files" and 5 "Program Loading".
//! Both classes and both byte orders.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};

use crate::base::addr::{FileOff, LinkAddr};
use crate::base::arch::Arch;
use crate::base::bytes::{Cursor, until_nul};
use crate::base::data_model::{ByteOrder, DataModel};
use crate::base::file_store::FileStore;
use crate::base::limits::Limits;
use crate::dump::package_note::{self, PackageNote};
use crate::symbols::packed::Packed;

/// The page size that loaders round to, at least.
const PAGE: u64 = 0x1000;

/// The type of the note that names a package.
const PACKAGE: u32 = 0xcafe_1a7e;

/// Why bytes are no usable program, library or debug file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// No ELF magic, or cut within the header.
    #[error("it is not an ELF file")]
    NotElf,
    /// Of another class or byte order than the process.
    #[error("its words are of another size or byte order than those of the process")]
    OtherClass,
    /// Compiled for another processor.
    #[error("it is for another processor (e_machine {0})")]
    OtherMachine(u16),
}

/// A parsed ELF file. Bytes stay where they are; nothing is inflated yet.
pub struct Image<'f> {
    arch: Arch,
    bytes: &'f [u8],
    loads: Vec<Load<'f>>,
    sections: Vec<Section<'f>>,
    eh_frame_hdr: Option<LinkAddr>,
    dynamic: Option<(LinkAddr, u64)>,
    package: Option<&'f [u8]>,
    build_id: Option<&'f [u8]>,
}

/// One `PT_LOAD`: bytes of the file that the loader maps.
#[derive(Clone, Copy, Debug)]
pub struct Load<'f> {
    /// Its first address.
    pub start: LinkAddr,
    /// Where its bytes begin in the file.
    pub offset: FileOff,
    /// Its bytes in the file, as far as they are there.
    pub bytes: &'f [u8],
    /// Bytes in memory, with what the loader fills with zeros.
    pub memory_size: u64,
    /// Whether the process may write to it.
    pub is_writable: bool,
}

/// One section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'f> {
    pub(super) name: &'f [u8],
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) address: LinkAddr,
    pub(super) size: u64,
    pub(super) link: u32,
    pub(super) entry_size: u64,
    /// Empty when the file does not hold it.
    pub(super) bytes: &'f [u8],
}

impl<'f> Section<'f> {
    /// Its bytes and how they are packed. `None`: the header is damaged.
    fn packed(&self, model: DataModel) -> Option<Packed<'f>> {
        if self.flags & elf::SHF_COMPRESSED.0 == 0 {
            return Some(Packed::plain(self.bytes));
        }
        let mut cursor = Cursor::new(self.bytes, FileOff(0)).with_model(model);
        let kind = cursor.u32().ok()?;
        if model.is_64() {
            let _reserved = cursor.u32().ok()?;
        }
        let size = cursor.word().ok()?;
        let _alignment = cursor.word().ok()?;
        match elf::CompressionType(kind) {
            elf::ELFCOMPRESS_ZLIB => Some(Packed::zlib(cursor.rest(), size)),
            elf::ELFCOMPRESS_ZSTD => Some(Packed::zstd(cursor.rest(), size)),
            _ => None,
        }
    }

    /// Whether the address lies in the section, when it is loaded.
    pub(super) fn contains(&self, at: LinkAddr) -> bool {
        self.flags & elf::SHF_ALLOC.0 != 0
            && at.0.checked_sub(self.address.0).is_some_and(|offset| offset < self.size)
    }
}

impl<'f> Image<'f> {
    /// Reads the headers of an ELF file for any processor.
    ///
    /// # Errors
    ///
    /// As for [`Image::parse`].
    pub fn of_any(bytes: &'f [u8]) -> Result<(Arch, Self), ImageError> {
        // EI_CLASS and EI_DATA; then e_machine at the same place in all files,
        // and e_flags behind three addresses.
        let kind = bytes.get(4..6).ok_or(ImageError::NotElf)?;
        let is_64 = kind.first() == Some(&elf::ELFCLASS64.0);
        let is_big = kind.last() == Some(&elf::ELFDATA2MSB.0);
        let order = if is_big { ByteOrder::Big } else { ByteOrder::Little };
        let flags = if is_64 { 48..52 } else { 36..40 };
        let field = |range| bytes.get(range).map(|bytes| order.number(bytes));
        let machine = field(18..20).and_then(|machine| u16::try_from(machine).ok());
        let flags = field(flags).and_then(|flags| u32::try_from(flags).ok());
        let (Some(machine), Some(flags)) = (machine, flags) else {
            return Err(ImageError::NotElf);
        };
        let arch = Arch::from_elf(machine, is_64, order, flags);
        Ok((arch, Self::parse(bytes, arch)?))
    }

    /// Reads the headers of an ELF file for `arch`. Damage in the tables of
    /// sections or segments leaves that table empty.
    pub fn parse(bytes: &'f [u8], arch: Arch) -> Result<Self, ImageError> {
        if !bytes.starts_with(&elf::ELFMAG) {
            return Err(ImageError::NotElf);
        }
        let class = if arch.is_64() { elf::ELFCLASS64 } else { elf::ELFCLASS32 };
        let data = match arch.order {
            ByteOrder::Little => elf::ELFDATA2LSB,
            ByteOrder::Big => elf::ELFDATA2MSB,
        };
        // EI_CLASS and EI_DATA.
        if bytes.get(4..6) != Some(&[class.0, data.0]) {
            return Err(ImageError::OtherClass);
        }
        if arch.is_64() {
            Self::read::<FileHeader64<Endianness>>(bytes, arch)
        } else {
            Self::read::<FileHeader32<Endianness>>(bytes, arch)
        }
    }

    fn read<H: FileHeader<Endian = Endianness>>(
        bytes: &'f [u8],
        arch: Arch,
    ) -> Result<Self, ImageError> {
        let header = H::parse(bytes).map_err(|_malformed| ImageError::NotElf)?;
        let endian = header.endian().map_err(|_malformed| ImageError::NotElf)?;
        let machine = header.e_machine(endian);
        let flags = header.e_flags(endian);
        if Arch::from_elf(machine.0, arch.is_64(), arch.order, flags.0) != arch {
            return Err(ImageError::OtherMachine(machine.0));
        }
        let mut image = Self {
            arch,
            bytes,
            loads: Vec::new(),
            sections: Vec::new(),
            eh_frame_hdr: None,
            dynamic: None,
            package: None,
            build_id: None,
        };
        image.read_sections(header, endian);
        image.read_segments(header, endian);
        Ok(image)
    }

    /// Whether it has code, which a separate debug file leaves out.
    pub(super) fn has_code(&self) -> bool {
        let runs = |section: &Section<'_>| section.flags & elf::SHF_EXECINSTR.0 != 0;
        let has_bytes = |section: &&Section<'_>| runs(section) && !section.bytes.is_empty();
        self.sections.is_empty() || self.sections.iter().find(has_bytes).is_some()
    }

    fn read_sections<H: FileHeader<Endian = Endianness>>(
        &mut self,
        header: &'f H,
        endian: Endianness,
    ) {
        let Ok(table) = header.sections(endian, self.bytes) else { return };
        for section in table.iter() {
            let name = table.section_name(endian, section).unwrap_or_default();
            let bytes = section.data(endian, self.bytes).unwrap_or_default();
            let kind = section.sh_type(endian);
            if kind == elf::SHT_NOTE && self.build_id.is_none() {
                self.build_id =
                    build_id(bytes, section.sh_addralign(endian).into(), self.arch.order);
            }
            self.sections.push(Section {
                name,
                kind: kind.0,
                flags: section.sh_flags(endian).0,
                address: LinkAddr(section.sh_addr(endian).into()),
                size: section.sh_size(endian).into(),
                link: section.sh_link(endian),
                entry_size: section.sh_entsize(endian).into(),
                bytes,
            });
        }
    }

    fn read_segments<H: FileHeader<Endian = Endianness>>(
        &mut self,
        header: &'f H,
        endian: Endianness,
    ) {
        let segments = header.program_headers(endian, self.bytes).unwrap_or_default();
        for segment in segments {
            let start = LinkAddr(segment.p_vaddr(endian).into());
            match segment.p_type(endian) {
                elf::PT_LOAD => {
                    let (offset, size) = segment.file_range(endian);
                    self.loads.push(Load {
                        start,
                        offset: FileOff(offset),
                        bytes: available(self.bytes, offset, size),
                        memory_size: segment.p_memsz(endian).into(),
                        is_writable: segment.p_flags(endian).0 & elf::PF_W.0 != 0,
                    });
                }
                elf::PT_GNU_EH_FRAME => self.eh_frame_hdr = Some(start),
                elf::PT_DYNAMIC => self.dynamic = Some((start, segment.p_memsz(endian).into())),
                elf::PT_NOTE => {
                    let data = segment.data(endian, self.bytes).unwrap_or_default();
                    let align = segment.p_align(endian).into();
                    let order = self.arch.order;
                    self.build_id = self.build_id.or_else(|| build_id(data, align, order));
                    let package = || note(data, align, order, b"FDO", PACKAGE);
                    self.package = self.package.or_else(package);
                }
                _ => (),
            }
        }
        // The gABI wants them sorted; damage need not keep to it.
        self.loads.sort_by_key(|load| load.start);
    }

    /// The architecture that it is for.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// The file's `NT_GNU_BUILD_ID`, of any length.
    pub fn build_id(&self) -> Option<&'f [u8]> {
        self.build_id
    }

    /// The `PT_LOAD` segments by address.
    pub fn loads(&self) -> &[Load<'f>] {
        &self.loads
    }

    /// Where the lowest `PT_LOAD` begins, rounded down to its page.
    pub fn lowest_page(&self) -> Option<LinkAddr> {
        self.loads.first().map(|load| LinkAddr(load.start.0 & !PAGE.wrapping_sub(1)))
    }

    /// File bytes that the loader maps at `at`: up to `len` of them, fewer at
    /// the end of a segment, none where the file has none.
    pub fn bytes_at(&self, at: LinkAddr, len: usize) -> Option<&'f [u8]> {
        let rest = self.loads.iter().find_map(|load| {
            let offset = at.0.checked_sub(load.start.0)?;
            load.bytes.get(usize::try_from(offset).ok()?..).filter(|rest| !rest.is_empty())
        })?;
        rest.get(..len.min(rest.len()))
    }

    pub(super) fn eh_frame_hdr(&self) -> Option<LinkAddr> {
        self.eh_frame_hdr
    }

    /// Which package of a distribution the file is from.
    pub(super) fn package_note(&self) -> Option<PackageNote> {
        package_note::parse(self.package?)
    }

    /// Address and size of the dynamic section.
    pub(super) fn dynamic(&self) -> Option<(LinkAddr, u64)> {
        self.dynamic
    }

    pub(super) fn sections(&self) -> &[Section<'f>] {
        &self.sections
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section<'f>> {
        self.sections.iter().find(|section| section.name == name.as_bytes())
    }

    /// Whether the file has this section of debug information, whatever its
    /// packing.
    pub(super) fn has_debug(&self, name: &str) -> bool {
        self.packed(name).is_some_and(|packed| !packed.bytes.is_empty())
    }

    /// A section's bytes as they are in the file, and how they are packed:
    /// `.debug_info` under its own name, compressed or not, or the older
    /// `.zdebug_info`.
    ///
    /// Layout of compressed sections: an `Elf_Chdr` (gABI, "Section
    /// Compression": `u32 ch_type`, in ELF64 four bytes reserved, then words
    /// `ch_size, ch_addralign`), or for `.zdebug` the letters `ZLIB` and a big-endian u64
    /// size.
    pub(super) fn packed(&self, name: &str) -> Option<Packed<'f>> {
        if let Some(section) = self.section(name) {
            return section.packed(self.arch.model());
        }
        let section = self.section(&format!(".z{}", name.strip_prefix('.')?))?;
        let rest = section.bytes.strip_prefix(b"ZLIB")?;
        let (size, stream) = rest.split_first_chunk()?;
        Some(Packed::zlib(stream, u64::from_be_bytes(*size)))
    }

    /// All sections of one name. Files that no linker has seen may have
    /// several.
    pub(super) fn all_packed(&self, name: &str) -> impl Iterator<Item = Option<Packed<'f>>> {
        let all = self.sections.iter().filter(move |section| section.name == name.as_bytes());
        all.map(|section| section.packed(self.arch.model()))
    }

    /// A section in whole, inflated if need be. `None`: it is missing, damaged
    /// or too large.
    pub(super) fn whole(
        &self,
        name: &str,
        store: &'f FileStore,
        limits: &Limits,
    ) -> Option<&'f [u8]> {
        self.packed(name)?.whole(store, limits)
    }

    /// The base name and CRC-32 of `.gnu_debuglink`.
    ///
    /// Layout: a NUL-terminated name, padded to 4 bytes, then a u32 CRC of the
    /// whole debug file (GDB manual, "Debugging Information in Separate
    /// Files").
    pub(super) fn debug_link(&self) -> Option<(&'f [u8], u32)> {
        let bytes = self.section(".gnu_debuglink")?.bytes;
        let name = until_nul(bytes);
        let crc_at = name.len().checked_add(1)?.checked_next_multiple_of(4)?;
        let crc = self.arch.order.number(bytes.get(crc_at..)?.get(..4)?);
        (!name.is_empty()).then_some((name, u32::try_from(crc).ok()?))
    }

    /// Path and build-id of the file of shared pieces that `dwz` made:
    /// `.gnu_debugaltlink`, or DWARF 5's `.debug_sup`.
    ///
    /// Layout of the first: a NUL-terminated path, then a raw build-id up to
    /// the end. Of the second (DWARF 5, section 7.3.6): a u16 version, a u8
    /// that is zero in the file that refers, a NUL-terminated path, a LEB128
    /// size and so many bytes of checksum, for which `dwz` writes the build-id.
    pub(super) fn alternative_link(&self) -> Option<(&'f [u8], &'f [u8])> {
        if let Some(section) = self.section(".gnu_debugaltlink") {
            let path = until_nul(section.bytes);
            let id = section.bytes.get(path.len().checked_add(1)?..)?;
            return (!path.is_empty()).then_some((path, id));
        }
        let (is_shared, path, id) = self.debug_sup()?;
        (!is_shared && !path.is_empty()).then_some((path, id))
    }

    /// The checksum of a file of shared pieces in DWARF 5.
    pub(super) fn shared_id(&self) -> Option<&'f [u8]> {
        let (is_shared, _, id) = self.debug_sup()?;
        is_shared.then_some(id)
    }

    fn debug_sup(&self) -> Option<(bool, &'f [u8], &'f [u8])> {
        let bytes = self.section(".debug_sup")?.bytes;
        let mut cursor = Cursor::new(bytes, FileOff(0)).with_order(self.arch.order);
        let version = cursor.u16().ok()?;
        let is_shared = cursor.u8().ok()?;
        let path = until_nul(cursor.rest());
        cursor.skip((path.len() as u64).checked_add(1)?).ok()?;
        // A checksum of more than 127 bytes would need a second byte.
        let size = u64::from(cursor.u8().ok()?);
        let id = cursor.take(size).ok()?;
        (version == 5).then_some((is_shared == 1, path, id))
    }

    /// The first page of the file as the loader maps it, if it does, and
    /// nobody may write to it: the ELF header, and mostly the program headers.
    pub(super) fn first_page(&self) -> Option<&'f [u8]> {
        let first = self.loads.first()?;
        let is_start = first.offset.0 == 0 && !first.is_writable;
        is_start.then(|| available(first.bytes, 0, PAGE))
    }
}

/// `size` bytes from `offset` on, or as many of them as there are.
fn available(bytes: &[u8], offset: u64, size: u64) -> &[u8] {
    let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
    let rest = rest.unwrap_or_default();
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
    rest.get(..size).unwrap_or_default()
}

/// The description of the first `NT_GNU_BUILD_ID` among notes.
fn build_id(notes: &[u8], align: u64, order: ByteOrder) -> Option<&[u8]> {
    note(notes, align, order, b"GNU", elf::NT_GNU_BUILD_ID.0)
}

/// The description of the first note of an owner and a type, if it is not
/// empty.
///
/// Layout: gABI, "Note Section": `u32 namesz, u32 descsz, u32 type`, name and
/// description padded to 4 bytes, or to 8 where the table says so.
fn note<'n>(
    notes: &'n [u8],
    align: u64,
    order: ByteOrder,
    owner: &[u8],
    wanted: u32,
) -> Option<&'n [u8]> {
    let align: u64 = if align == 8 { 8 } else { 4 };
    let mut cursor = Cursor::new(notes, FileOff(0)).with_order(order);
    loop {
        let name_size = u64::from(cursor.u32().ok()?);
        let size = u64::from(cursor.u32().ok()?);
        let kind = cursor.u32().ok()?;
        let name = cursor.take(name_size).ok()?;
        skip_to(&mut cursor, align)?;
        let description = cursor.take(size).ok()?;
        if kind == wanted && until_nul(name) == owner && size > 0 {
            return Some(description);
        }
        skip_to(&mut cursor, align)?;
    }
}

fn skip_to(cursor: &mut Cursor<'_>, align: u64) -> Option<()> {
    let at = cursor.at().0;
    cursor.skip(at.checked_next_multiple_of(align)?.checked_sub(at)?).ok()
}
