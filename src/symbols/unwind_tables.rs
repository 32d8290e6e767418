//! The tables that lead from frames to their callers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::LinkAddr;
use crate::base::arch::Arch;
use crate::base::file_store::FileStore;
use crate::base::memory::Memory;
use crate::dump::process::Module;
use crate::symbols::object::Image;

/// Bytes of a module's start that hold its program headers.
const HEADERS: usize = 0x1000;

/// Bytes of one table that are copied out of memory.
const MOST_IN_MEMORY: u64 = 64 << 20;

/// The sections that unwinding needs, each with its address.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnwindTables<'f> {
    /// `.eh_frame`.
    pub eh_frame: Option<(LinkAddr, &'f [u8])>,
    /// `.eh_frame_hdr`: the search table.
    pub eh_frame_hdr: Option<(LinkAddr, &'f [u8])>,
    /// `.ARM.exidx`: the index of functions of the 32-bit Arm.
    pub exidx: Option<(LinkAddr, &'f [u8])>,
    /// `.ARM.extab`: unwind instructions that do not fit into the index.
    pub extab: Option<(LinkAddr, &'f [u8])>,
    /// Address of `.text`, for `DW_EH_PE_textrel`.
    pub text: Option<LinkAddr>,
    /// Address of `.got`, for `DW_EH_PE_datarel` in `.eh_frame`.
    pub got: Option<LinkAddr>,
}

impl<'f> UnwindTables<'f> {
    /// The tables of a file: by section names, or where a file has been
    /// stripped of its sections, by `PT_GNU_EH_FRAME`.
    pub(super) fn of_file(image: &Image<'f>) -> Self {
        let section = |name: &str| {
            let section = image.section(name)?;
            Some((section.address, section.bytes)).filter(|(_, bytes)| !bytes.is_empty())
        };
        let address = |name: &str| image.section(name).map(|section| section.address);
        let header = section(".eh_frame_hdr").or_else(|| {
            let at = image.eh_frame_hdr()?;
            Some((at, image.bytes_at(at, usize::MAX)?))
        });
        let eh_frame = section(".eh_frame").or_else(|| {
            let (at, bytes) = header?;
            let frames = eh_frame_of(image.arch(), at, bytes)?;
            Some((frames, image.bytes_at(frames, usize::MAX)?))
        });
        Self {
            eh_frame,
            eh_frame_hdr: header,
            exidx: section(".ARM.exidx"),
            extab: section(".ARM.extab"),
            text: address(".text"),
            got: address(".got.plt").or_else(|| address(".got")),
        }
    }

    /// The tables that the process had in memory, as far as they were dumped:
    /// by `PT_GNU_EH_FRAME` of the program headers there.
    pub(super) fn of_memory(
        module: &Module,
        memory: &dyn Memory,
        arch: Arch,
        store: &'f FileStore,
    ) -> Self {
        Self::find_in_memory(module, memory, arch, store).unwrap_or_default()
    }

    fn find_in_memory(
        module: &Module,
        memory: &dyn Memory,
        arch: Arch,
        store: &'f FileStore,
    ) -> Option<Self> {
        let mut page = vec![0; HEADERS];
        let got = memory.read(module.range.start, &mut page);
        let headers = Image::parse(page.get(..got)?, arch).ok()?;
        let bias = module.bias?;
        let at = headers.eh_frame_hdr()?;
        // From the table to the end of its segment; `.eh_frame` is mostly
        // there, too.
        let read = |at: LinkAddr| {
            let load = headers.loads().iter().find(|load| {
                at.0.checked_sub(load.start.0).is_some_and(|offset| offset < load.memory_size)
            })?;
            let size = load.memory_size.checked_sub(at.0.checked_sub(load.start.0)?)?;
            let mut bytes = vec![0; usize::try_from(size.min(MOST_IN_MEMORY)).ok()?];
            let got = memory.read(at.to_run(bias), &mut bytes);
            bytes.truncate(got);
            (got > 0).then(|| store.keep(bytes))
        };
        let header = read(at)?;
        let frames = eh_frame_of(arch, at, header)?;
        let within = frames.0.checked_sub(at.0).and_then(|skip| usize::try_from(skip).ok());
        let eh_frame = match within.and_then(|skip| header.get(skip..)) {
            Some(bytes) => bytes,
            None => read(frames)?,
        };
        Some(Self {
            eh_frame: Some((frames, eh_frame)),
            eh_frame_hdr: Some((at, header)),
            exidx: None,
            extab: None,
            text: None,
            got: None,
        })
    }
}

/// Where an `.eh_frame_hdr` says that `.eh_frame` is.
fn eh_frame_of(arch: Arch, at: LinkAddr, header: &[u8]) -> Option<LinkAddr> {
    let section = gimli::EhFrameHdr::new(header, arch.order.of_dwarf());
    let bases = gimli::BaseAddresses::default().set_eh_frame_hdr(at.0);
    match section.parse(&bases, arch.model().address_size).ok()?.eh_frame_ptr() {
        gimli::Pointer::Direct(at) => Some(LinkAddr(at)),
        gimli::Pointer::Indirect(_) => None,
    }
}
