//! Looks for files on disk. All input and output of this layer is here.

#[cfg(feature = "debuginfod")]
mod debuginfod;

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::base::addr::LinkAddr;
use crate::base::arch::Arch;
use crate::base::file_store::{FileStore, StoredFile};
use crate::base::gap::{Gap, Gaps};
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::dump::process::Module;
use crate::symbols::SymbolOptions;
use crate::symbols::build_id_index::BuildIdIndex;
use crate::symbols::dwarf::Debug;
use crate::symbols::object::{Image, ImageError};
use crate::symbols::packed;
use crate::symbols::plan::{self, Candidate, How, Proof, hex};
use crate::symbols::source::{self, SourceLines};
use crate::symbols::split::SplitFiles;

/// A vdso is a few pages.
const MOST_VDSO: u64 = 1 << 20;

/// What every search for a file needs.
pub(super) struct Fetch<'f> {
    pub(super) arch: Arch,
    pub(super) options: SymbolOptions,
    pub(super) store: &'f FileStore,
    pub(super) limits: Limits,
    pub(super) gaps: &'f Gaps,
    /// Of [`SymbolOptions::binaries`], once it is asked for.
    pub(super) by_id: OnceLock<BuildIdIndex>,
}

/// What a server may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted<'w> {
    /// A file of debug information.
    Debuginfo,
    /// The program or library.
    Executable,
    /// A source file, by its absolute path.
    Source(&'w str),
}

impl Wanted<'_> {
    /// Servers know source files by absolute paths only.
    fn is_absolute(self) -> Option<Self> {
        match self {
            Self::Source(path) if !path.starts_with('/') => None,
            other => Some(other),
        }
    }
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
    /// Whether it is known to be the file that was mapped.
    pub(super) is_verified: bool,
    /// `None`: copied from memory.
    pub(super) how: Option<How>,
}

/// A file whose build-id is not the one that was mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The file that was not used.
    pub file: PathBuf,
    /// Its build-id; `None`: it has none.
    pub found: Option<Vec<u8>>,
}

/// What came of opening a file that may be there.
pub(super) enum Opened<'f> {
    /// An ELF file of the right kind.
    Image(Image<'f>),
    /// There is none.
    Absent,
    /// There is one, but it cannot be used; says why.
    Unfit(String),
}

impl<'f> Fetch<'f> {
    /// The file of a module, if one is found that matches.
    pub(super) fn binary(&self, module: &Module, memory: &dyn Memory) -> Binary<'f> {
        let mut mismatch = None;
        let mut why = None;
        if let Some(found) = self.attached(module) {
            return Binary::Found(found);
        }
        let indexed = self.indexed(module).into_iter().map(|path| (path, How::Indexed));
        for (path, how) in indexed.chain(plan::binaries(module, &self.options)) {
            let (file, image) = match self.image(&path) {
                Ok(found) => found,
                Err(reason) => {
                    why.get_or_insert(format!("{}: {reason}", path.display()));
                    continue;
                }
            };
            let is_other = match &module.build_id {
                Some(wanted) => image.build_id() != Some(wanted),
                None => differs(module, memory, &image),
            };
            if is_other {
                let found = image.build_id().map(<[u8]>::to_vec);
                mismatch.get_or_insert(Mismatch { file: path, found });
                continue;
            }
            return Binary::Found(FoundFile {
                path: Some(path),
                modified: Some(file.modified),
                image,
                is_verified: module.build_id.is_some(),
                how: Some(how),
            });
        }
        if let Some(build_id) = &module.build_id
            && let Some(path) = self.download(build_id, Wanted::Executable, &module.path)
            && let Ok((file, image)) = self.image(&path)
            && image.build_id() == Some(build_id)
        {
            return Binary::Found(FoundFile {
                path: Some(path),
                modified: Some(file.modified),
                image,
                is_verified: true,
                how: Some(How::Downloaded),
            });
        }
        match mismatch {
            Some(mismatch) => Binary::Mismatch(mismatch),
            None => Binary::Missing { why: why.unwrap_or_else(|| "it names no file".to_owned()) },
        }
    }

    fn by_id(&self) -> Option<&BuildIdIndex> {
        let directories = &self.options.binaries;
        (!directories.is_empty()).then(|| self.by_id.get_or_init(|| BuildIdIndex::of(directories)))
    }

    /// Files below the user's directories: those with the right build-id, or
    /// else those of the same name, so that a wrong one is told.
    fn indexed(&self, module: &Module) -> Vec<PathBuf> {
        let Some(index) = self.by_id() else { return Vec::new() };
        let with_id = module.build_id.as_deref().map(|id| index.binaries(id));
        match with_id {
            Some(found) if !found.is_empty() => found.to_vec(),
            _ => plan::base_name(module).map(|name| index.named(name).to_vec()).unwrap_or_default(),
        }
    }

    /// The module's file among those that came with the core.
    fn attached(&self, module: &Module) -> Option<FoundFile<'f>> {
        let wanted = module.build_id.as_deref()?;
        self.store.attached().find_map(|(name, bytes)| {
            let image = Image::parse(bytes, self.arch).ok()?;
            let is_right = image.build_id() == Some(wanted) && image.has_code();
            is_right.then(|| FoundFile {
                path: Some(name.to_owned()),
                modified: None,
                image,
                is_verified: true,
                how: Some(How::Attached),
            })
        })
    }

    /// A module whose file is in the memory of the process: the vdso.
    pub(super) fn memory_image(&self, module: &Module, memory: &dyn Memory) -> Option<Image<'f>> {
        let len = usize::try_from(module.range.len().min(MOST_VDSO)).ok()?;
        let mut bytes = vec![0; len];
        let got = memory.read(module.range.start, &mut bytes);
        bytes.truncate(got);
        Image::parse(self.store.keep(bytes), self.arch).ok()
    }

    /// The symbols that some distributions leave in stripped files
    /// ("MiniDebugInfo"): an ELF file within `.gnu_debugdata`, compressed by
    /// xz.
    pub(super) fn mini_debug(&self, image: &Image<'f>) -> Option<Image<'f>> {
        let section = image.section(".gnu_debugdata")?;
        let bytes = packed::unpack_xz(section.bytes, &self.limits)?;
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
        let indexed = build_id.and_then(|id| Some((id, self.by_id()?)));
        let indexed = indexed.into_iter().flat_map(|(id, index)| {
            let proof = Proof::BuildId(id.to_vec());
            let files = index.debug_files(id).iter().filter(|path| Some(path.as_path()) != binary);
            files.map(move |path| Candidate {
                path: path.clone(),
                proof: proof.clone(),
                how: How::Indexed,
            })
        });
        let planned = plan::debug_files(binary, build_id, link, &self.options);
        let here = self.first(indexed.chain(planned).collect());
        let here = here.or_else(|| self.attached_debug(build_id?));
        if here.is_some() || image.is_some_and(|image| image.has_debug(".debug_info")) {
            return here;
        }
        let build_id = build_id?;
        let name = binary.map(|path| path.as_os_str().as_bytes()).unwrap_or_default();
        let path = self.download(build_id, Wanted::Debuginfo, name)?;
        let proof = Proof::BuildId(build_id.to_vec());
        self.first(vec![Candidate { path, proof, how: How::Downloaded }])
    }

    /// Asks servers for a file, if that is allowed. Says what went wrong, but
    /// not that none has it: that is the case for most.
    #[cfg(feature = "debuginfod")]
    fn download(&self, build_id: &[u8], wanted: Wanted<'_>, of: &[u8]) -> Option<PathBuf> {
        let servers = self.options.servers.as_ref()?;
        let client = debuginfod::Client { servers, cache: self.options.downloads.as_deref()? };
        match client.file(build_id, wanted) {
            Ok(path) => Some(path),
            Err(debuginfod::Lack::Absent) => None,
            Err(debuginfod::Lack::Failed(why)) => {
                let name = of.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
                let what = match wanted {
                    Wanted::Debuginfo => "the debug file",
                    Wanted::Executable => "the file",
                    Wanted::Source(_) => "a source file",
                };
                self.gaps.note(
                    format!("{what} of {} from a server", String::from_utf8_lossy(name)),
                    why,
                    "ask again later, or ask another server by DEBUGINFOD_URLS",
                );
                None
            }
        }
    }

    #[cfg(not(feature = "debuginfod"))]
    fn download(&self, _build_id: &[u8], _wanted: Wanted<'_>, _of: &[u8]) -> Option<PathBuf> {
        None
    }

    /// A separate debug file among those that came with the core.
    fn attached_debug(&self, build_id: &[u8]) -> Option<FoundFile<'f>> {
        self.store.attached().find_map(|(name, bytes)| {
            let image = Image::parse(bytes, self.arch).ok()?;
            let is_right = image.build_id() == Some(build_id) && !image.has_code();
            is_right.then(|| FoundFile {
                path: Some(name.to_owned()),
                modified: None,
                image,
                is_verified: true,
                how: Some(How::Attached),
            })
        })
    }

    /// The debug information of a module: of its separate debug file, or its
    /// own. `first` is an address that will be asked for.
    pub(super) fn debug(
        self: &Arc<Self>,
        own: Option<&FoundFile<'f>>,
        separate: Option<&FoundFile<'f>>,
        first: Option<LinkAddr>,
    ) -> Option<Debug<'f>> {
        [separate, own].into_iter().flatten().find_map(|file| {
            let shared = self.supplement(file);
            let near = [own, separate].into_iter().flatten();
            let near = near.filter_map(|file| file.path.clone()).collect();
            let split = Some(SplitFiles::new(self, near));
            Debug::open(&file.image, shared, split, first, self.store, &self.limits)
        })
    }

    /// Opens a file of debug information.
    pub(super) fn opened(&self, path: &Path) -> Opened<'f> {
        match self.image(path) {
            Ok((_, image)) => Opened::Image(image),
            Err(Reason::Io(error))
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Opened::Absent
            }
            Err(reason) => Opened::Unfit(reason.to_string()),
        }
    }

    /// The debug information that several debug files share.
    fn supplement(&self, file: &FoundFile<'f>) -> Option<Debug<'f>> {
        let (path, build_id) = file.image.alternative_link()?;
        let from = file.path.as_deref()?;
        let found = self.first(plan::alternative_files(from, path, build_id, &self.options));
        match found {
            Some(found) => {
                let debug = Debug::open(&found.image, None, None, None, self.store, &self.limits)?;
                Some(debug.at(found.path))
            }
            None => {
                self.gaps.note(
                    format!("some names, types and variables of {}", from.display()),
                    format!(
                        "it refers to the debug file {} (build-id {}), which was not found",
                        String::from_utf8_lossy(path),
                        hex(build_id)
                    ),
                    "install all packages of debug symbols of the program",
                );
                None
            }
        }
    }

    /// Lines of a source file. `linked` is when the program was linked, and
    /// `build_id` is its own.
    pub(super) fn source(
        &self,
        path: &str,
        line: u32,
        around: u32,
        linked: Option<i64>,
        build_id: Option<&[u8]>,
    ) -> Option<SourceLines> {
        let places = plan::source_files(path, &self.options).into_iter();
        let mut here = places.filter_map(|place| self.store.open(&place).ok());
        let excerpt = |file: StoredFile<'f>| {
            let is_newer = linked.is_some_and(|linked| file.modified > linked);
            source::excerpt(file.bytes, line, around, is_newer)
        };
        here.find_map(excerpt).or_else(|| {
            let wanted = Wanted::Source(path).is_absolute()?;
            let downloaded = self.download(build_id?, wanted, path.as_bytes())?;
            let file = self.store.open(&downloaded).ok()?;
            // The server has it from the source package of this build.
            source::excerpt(file.bytes, line, around, false)
        })
    }

    fn first(&self, candidates: Vec<Candidate>) -> Option<FoundFile<'f>> {
        candidates.into_iter().find_map(|candidate| {
            let (file, image) = self.image(&candidate.path).ok()?;
            let is_right = match &candidate.proof {
                Proof::BuildId(id) => image.build_id() == Some(id),
                Proof::Shared(id) => image.build_id() == Some(id) || image.shared_id() == Some(id),
                Proof::Crc(crc) => {
                    self.store.will_need(file.bytes);
                    crc32(file.bytes) == *crc
                }
            };
            is_right.then_some(FoundFile {
                path: Some(candidate.path),
                modified: Some(file.modified),
                image,
                is_verified: true,
                how: Some(candidate.how),
            })
        })
    }

    fn image(&self, path: &Path) -> Result<(StoredFile<'f>, Image<'f>), Reason> {
        let file = self.store.open(path).map_err(Reason::Io)?;
        let image = Image::parse(file.bytes, self.arch).map_err(Reason::Image)?;
        Ok((file, image))
    }

    /// That a file was found but is another one.
    pub(super) fn mismatch_gap(&self, module: &Module, mismatch: &Mismatch) -> Gap {
        let name = String::from_utf8_lossy(&module.path);
        let on_disk = mismatch
            .found
            .as_deref()
            .map_or("no build-id".to_owned(), |id| format!("build-id {}", hex(id)));
        let file = mismatch.file.display();
        let (why, wanted) = match module.build_id.as_deref().map(hex) {
            Some(id) => (
                format!("{file} has {on_disk}, but the process ran build-id {id}"),
                format!("the file with build-id {id}"),
            ),
            None => (
                format!("{file} has another ELF header than the process had in memory"),
                "the file that the process ran".to_owned(),
            ),
        };
        let option = match module.is_main {
            true => "give it with --exe, or its directory with --binaries",
            false => "give its directory with --binaries, or its tree with --sysroot",
        };
        Gap {
            missing: format!("symbols and code of {name}"),
            why: format!("{why}: the file was changed or replaced since, and is not used"),
            hint: Some(format!("find {wanted} and {option}")),
        }
    }
}

/// Whether the process had other bytes in memory than the file has in its
/// first page. Two builds nearly always differ there, in sizes and offsets;
/// but that they do not is no proof.
fn differs(module: &Module, memory: &dyn Memory, image: &Image<'_>) -> bool {
    let Some(page) = image.first_page() else { return false };
    let mut bytes = vec![0; page.len()];
    let got = memory.read(module.range.start, &mut bytes);
    bytes.get(..got) != page.get(..got)
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
