//! Looks for files on disk. All input and output of this layer is here.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::arch::Arch;
use crate::base::file_store::{FileStore, StoredFile};
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::dump::process::Module;
use crate::symbols::SymbolOptions;
use crate::symbols::dwarf::Debug;
use crate::symbols::object::{Image, ImageError};
use crate::symbols::plan::{self, Candidate, Proof, hex};

/// A vdso is a few pages.
const MOST_VDSO: u64 = 1 << 20;

/// What every search for a file needs.
pub(super) struct Fetch<'f> {
    pub(super) arch: Arch,
    pub(super) options: SymbolOptions,
    pub(super) store: &'f FileStore,
    pub(super) limits: Limits,
    pub(super) gaps: &'f Gaps,
}

/// The outcome of the search for a module's file.
pub(super) enum Binary<'f> {
    /// Found, and used.
    Found(FoundFile<'f>),
    /// A file is where the module's should be, but it is another one.
    Mismatch(Mismatch),
    /// Nothing that could be used.
    Missing {
        /// Where it was looked for first, and what was wrong there.
        why: String,
    },
}

/// A file that was found, opened and accepted.
pub(super) struct FoundFile<'f> {
    /// `None`: copied from memory.
    pub(super) path: Option<PathBuf>,
    /// Seconds since 1970 of its last change.
    pub(super) modified: Option<i64>,
    pub(super) image: Image<'f>,
}

/// A file whose build-id is not the one that was mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The file that was not used.
    pub file: PathBuf,
    /// Its build-id; `None`: it has none.
    pub found: Option<Vec<u8>>,
}

impl<'f> Fetch<'f> {
    /// The file of a module, if one is found that matches.
    pub(super) fn binary(&self, module: &Module) -> Binary<'f> {
        let mut mismatch = None;
        let mut why = None;
        for path in plan::binaries(module, &self.options) {
            let (file, image) = match self.image(&path) {
                Ok(found) => found,
                Err(reason) => {
                    why.get_or_insert(format!("{}: {reason}", path.display()));
                    continue;
                }
            };
            if let Some(wanted) = &module.build_id
                && image.build_id() != Some(wanted)
            {
                let found = image.build_id().map(<[u8]>::to_vec);
                mismatch.get_or_insert(Mismatch { file: path, found });
                continue;
            }
            let modified = Some(file.modified);
            return Binary::Found(FoundFile { path: Some(path), modified, image });
        }
        match mismatch {
            Some(mismatch) => Binary::Mismatch(mismatch),
            None => Binary::Missing { why: why.unwrap_or_else(|| "it names no file".to_owned()) },
        }
    }

    /// A module whose file is in the memory of the process: the vdso.
    pub(super) fn from_memory(&self, module: &Module, memory: &dyn Memory) -> Option<Image<'f>> {
        let len = usize::try_from(module.range.len().min(MOST_VDSO)).ok()?;
        let mut bytes = vec![0; len];
        let got = memory.read(module.range.start, &mut bytes);
        bytes.truncate(got);
        Image::parse(self.store.keep(bytes), self.arch).ok()
    }

    /// The separate debug file of a binary.
    pub(super) fn debug_file(
        &self,
        binary: Option<&Path>,
        image: Option<&Image<'f>>,
        build_id: Option<&[u8]>,
    ) -> Option<FoundFile<'f>> {
        let link = image.and_then(Image::debug_link);
        self.first(plan::debug_files(binary, build_id, link, &self.options))
    }

    /// The debug information of a module: of its separate debug file, or its
    /// own.
    pub(super) fn debug(
        &self,
        own: Option<&Image<'f>>,
        separate: Option<&FoundFile<'f>>,
    ) -> Option<Debug<'f>> {
        let images = [separate.map(|file| &file.image), own];
        images.into_iter().flatten().find_map(|image| Debug::open(image, self.store, &self.limits))
    }

    fn first(&self, candidates: Vec<Candidate>) -> Option<FoundFile<'f>> {
        candidates.into_iter().find_map(|candidate| {
            let (file, image) = self.image(&candidate.path).ok()?;
            let is_right = match &candidate.proof {
                Proof::BuildId(id) => image.build_id() == Some(id),
                Proof::Crc(crc) => {
                    self.store.will_need(file.bytes);
                    crc32(file.bytes) == *crc
                }
            };
            let modified = Some(file.modified);
            is_right.then_some(FoundFile { path: Some(candidate.path), modified, image })
        })
    }

    fn image(&self, path: &Path) -> Result<(StoredFile<'f>, Image<'f>), Reason> {
        let file = self.store.open(path).map_err(Reason::Io)?;
        let image = Image::parse(file.bytes, self.arch).map_err(Reason::Image)?;
        Ok((file, image))
    }

    /// Notes that a file was found but is another one.
    pub(super) fn note_mismatch(&self, module: &Module, mismatch: &Mismatch) {
        let name = String::from_utf8_lossy(&module.path);
        let in_memory = module.build_id.as_deref().map(hex).unwrap_or_default();
        let on_disk = mismatch.found.as_deref().map_or("none".to_owned(), hex);
        self.gaps.note(
            format!("symbols and code of {name}"),
            format!(
                "{} has build-id {on_disk}, but the process ran build-id {in_memory}: the file \
                 was changed or replaced since, and is not used",
                mismatch.file.display()
            ),
            format!(
                "find the file with build-id {in_memory} and {}",
                if module.is_main { "give it with --exe" } else { "give its tree with --sysroot" }
            ),
        );
    }
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Io(io::Error),
    #[error("{0}")]
    Image(ImageError),
}

/// CRC-32 as in IEEE 802.3 and zlib, of a whole debug file.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
