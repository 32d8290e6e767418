//! One kept crash: what its files say.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::place::{self, on_disk};
use crate::triage::digest::digest;

/// The name of the layout of `entry.json`.
pub(super) const SCHEMA: &str = "coretool.entry/1";

/// Digits of an id: 48 bits, so that ten thousand crashes share none.
pub(super) const ID_DIGITS: usize = 12;

/// A file larger than this is none of ours.
const LARGEST_MANIFEST: u64 = 1 << 20;
const LARGEST_REPORT: u64 = 256 << 20;

/// `entry.json`, written last: a directory that has one is whole. It never
/// changes, and its digest is the crash's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) schema: String,
    /// Milliseconds since 1970.
    pub(super) at: u64,
    pub(super) program: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) executable: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<String>,
    pub(super) verdict: String,
    pub(super) key: String,
    /// How often a crash with this key had been seen then, with this one.
    pub(super) count: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) captured_by: String,
    /// BLAKE2b-256 of `report.json`.
    pub(super) report: String,
    /// BLAKE2b-256 of `sidecar.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sidecar: Option<String>,
    /// A core outside of the store, which it neither counts nor removes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) core_elsewhere: Option<PathBuf>,
    /// What tells that file from one that is put in its place later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) core_elsewhere_is: Option<FileMark>,
}

/// What changes when a file is written again or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileMark {
    /// Its length in bytes.
    length: u64,
    /// When it was last written, in seconds since 1970 and nanoseconds.
    seconds: i64,
    nanoseconds: i64,
}

impl FileMark {
    pub(super) fn of(found: &fs::Metadata) -> Self {
        let (seconds, nanoseconds) = (found.mtime(), found.mtime_nsec());
        Self { length: found.len(), seconds, nanoseconds }
    }
}

/// One kept crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: 12 hexadecimal digits, made of its content.
    pub id: String,
    /// Its own directory.
    pub directory: PathBuf,
    /// When it was captured.
    pub at: SystemTime,
    /// The program's short name.
    pub program: String,
    /// The program's file.
    pub executable: Option<String>,
    /// The process, as it saw itself.
    pub pid: Option<u32>,
    /// When the process started, in clock ticks since boot: with the pid it
    /// names one process.
    pub start_time: Option<u64>,
    /// The signal's name.
    pub signal: Option<String>,
    /// The report's first sentence.
    pub verdict: String,
    /// What crashes at the same place share.
    pub key: String,
    /// How many crashes with this key were ever seen, removed ones too.
    pub count: u64,
    /// The way it was captured.
    pub captured_by: String,
    /// What report and sidecar take on disk, in bytes.
    pub report_bytes: u64,
    /// Its core, while there is one.
    pub core: Option<CoreFile>,
    /// Where its core was, outside of the store: another file is there now.
    pub replaced_core: Option<PathBuf>,
}

/// The core of a kept crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreFile {
    /// Where it is now. Compressing it changes this.
    pub path: PathBuf,
    /// What it takes on disk, in bytes.
    pub bytes: u64,
    /// Whether it is seekable zstd; else it is a sparse ELF file.
    pub is_compressed: bool,
    /// Whether it is the store's own; a core that the kernel put elsewhere is
    /// not, and is never removed.
    pub is_ours: bool,
}

impl Entry {
    /// Reads what the files of `directory` say. `None`: no crash is there, or
    /// only half of one.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, StoreError> {
        let Some((_, manifest)) = read_manifest(directory)? else { return Ok(None) };
        let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let size = |name: &str| fs::metadata(directory.join(name)).map_or(0, |it| on_disk(&it));
        let mut replaced_core = None;
        let elsewhere = manifest.core_elsewhere.as_ref().and_then(|path| {
            let found = fs::metadata(path).ok()?;
            if manifest.core_elsewhere_is.is_some_and(|mark| mark != FileMark::of(&found)) {
                replaced_core = Some(path.clone());
                return None;
            }
            let bytes = on_disk(&found);
            let is_compressed = path.extension().is_some_and(|extension| extension == "zst");
            Some(CoreFile { path: path.clone(), bytes, is_compressed, is_ours: false })
        });
        let core = core_in(directory)?.or(elsewhere);
        let files = ["entry.json", "report.json", "sidecar.json"];
        Ok(Some(Self {
            id: name.to_owned(),
            directory: directory.to_owned(),
            at: UNIX_EPOCH + Duration::from_millis(manifest.at),
            program: manifest.program,
            executable: manifest.executable,
            pid: manifest.pid,
            start_time: manifest.start_time,
            signal: manifest.signal,
            verdict: manifest.verdict,
            key: manifest.key,
            count: manifest.count,
            captured_by: manifest.captured_by,
            report_bytes: files.into_iter().map(size).sum(),
            core,
            replaced_core,
        }))
    }

    /// Its core.
    ///
    /// # Errors
    ///
    /// When none is kept, or another file is in its place.
    pub fn its_core(&self) -> Result<&CoreFile, StoreError> {
        self.core.as_ref().ok_or_else(|| match &self.replaced_core {
            Some(path) => StoreError::Replaced { id: self.id.clone(), path: path.clone() },
            None => StoreError::NoCore { id: self.id.clone() },
        })
    }

    /// The bytes of the report, and whether they are what was kept.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or are too many.
    pub fn read_report(&self) -> Result<(Vec<u8>, bool), StoreError> {
        let bytes = place::read_file(&self.report(), LARGEST_REPORT)?;
        let manifest = read_manifest(&self.directory)?;
        let is_same = manifest.is_some_and(|(_, manifest)| manifest.report == digest(&bytes));
        Ok((bytes, is_same))
    }

    /// The whole report, as JSON.
    pub fn report(&self) -> PathBuf {
        self.directory.join("report.json")
    }

    /// What the crash takes on disk.
    pub fn bytes(&self) -> u64 {
        let core = self.core.as_ref().filter(|core| core.is_ours).map_or(0, |core| core.bytes);
        self.report_bytes.saturating_add(core)
    }
}

/// Facts beside a core: what a reader of the core looks for.
pub(super) fn sidecar_of(core: &Path) -> PathBuf {
    let mut name = core.as_os_str().to_owned();
    name.push(".sidecar.json");
    name.into()
}

/// The id that the content of `directory` has, when all of a crash is there.
pub(super) fn id_of(directory: &Path) -> Result<Option<String>, StoreError> {
    Ok(read_manifest(directory)?.map(|(bytes, _)| id(&bytes)))
}

/// The id of a crash with this `entry.json`.
pub(super) fn id(manifest: &[u8]) -> String {
    digest(manifest).chars().take(ID_DIGITS).collect()
}

/// The name of a compressed core with this digest.
pub(super) fn packed_name(digest: &str) -> String {
    format!("core-{}.zst", digest.get(..32).unwrap_or(digest))
}

/// Puts the sidecar of a crash beside its core.
pub(super) fn link_sidecar(directory: &Path, core: &Path) -> Result<(), StoreError> {
    let to = sidecar_of(core);
    match fs::hard_link(directory.join("sidecar.json"), &to) {
        Err(error)
            if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) =>
        {
            Err(StoreError::io("make", &to)(error))
        }
        _ => Ok(()),
    }
}

/// What `entry.json` says. `None`: there is none.
fn read_manifest(directory: &Path) -> Result<Option<(Vec<u8>, Manifest)>, StoreError> {
    let path = directory.join("entry.json");
    let bytes = match place::read_file(&path, LARGEST_MANIFEST) {
        Err(StoreError::Io { source, .. })
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        bytes => bytes?,
    };
    let damaged = |why: String| StoreError::Damaged { path: path.clone(), why };
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if manifest.schema != SCHEMA {
        return Err(damaged("another version of coretool has written it".to_owned()));
    }
    Ok(Some((bytes, manifest)))
}

/// The core in a crash's directory. While one is being compressed there are
/// two, of the same content.
fn core_in(directory: &Path) -> Result<Option<CoreFile>, StoreError> {
    let mut raw = None;
    for path in cores_in(directory)? {
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        let is_compressed = path.extension().is_some();
        let core = CoreFile { path, bytes: on_disk(&found), is_compressed, is_ours: true };
        if is_compressed {
            return Ok(Some(core));
        }
        raw = Some(core);
    }
    Ok(raw)
}

/// All cores in a crash's directory.
pub(super) fn cores_in(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let cannot = StoreError::io("read", directory);
    let mut cores = Vec::new();
    for entry in fs::read_dir(directory).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        let name = name.to_string_lossy();
        if name == "core" || name.starts_with("core-") && name.ends_with(".zst") {
            cores.push(directory.join(&*name));
        }
    }
    Ok(cores)
}
