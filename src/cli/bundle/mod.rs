//! Bundles: a core, its binaries, debug files and sources, and its report in
//! one file, as a tar archive in seekable zstd.
//!
//! Files are numbered in the archive; the manifest, its first member, says
//! where each one belongs below the directory that stands for `/`.

pub mod redaction;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::cli::bundle::redaction::Masked;
use crate::cli::tar::{self, Archive};
use crate::report::model::{Gap, Report};
use crate::triage::packed_file;

/// The name of the contract.
pub const SCHEMA: &str = "coretool.bundle/1";

/// The first member of the archive.
const MANIFEST: &str = "coretool-bundle.json";

/// A larger manifest is none of ours.
const LARGEST_MANIFEST: u64 = 64 << 20;

/// Files of a bundle.
const MOST_FILES: usize = 100_000;

/// Bytes that a bundle may unpack to.
const MOST_BYTES: u64 = 1 << 42;

/// What is in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `coretool.bundle/1`.
    pub schema: String,
    /// The executable, as the process saw it.
    pub executable: Option<String>,
    /// The files below the directory that stands for `/`.
    pub files: Vec<PackedFile>,
    /// What was masked.
    #[serde(default)]
    pub masked: Vec<Masked>,
}

/// One file of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PackedFile {
    /// Its path, as the process or the debug information saw it.
    pub path: String,
    /// Its member of the archive.
    pub member: String,
}

/// The files that a report was made from, as paths that the process saw, and
/// where they are here.
pub fn files(
    report: &Report,
    sysroot: Option<&Path>,
    exe: Option<&Path>,
) -> Vec<(String, PathBuf)> {
    let here = |path: &str| match sysroot {
        Some(root) => root.join(path.trim_start_matches('/')),
        None => PathBuf::from(path),
    };
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    let mut add = |path: &str, at: PathBuf| {
        let is_new = !found.iter().any(|(known, _)| known == path);
        if is_new && path.starts_with('/') && at.is_file() && found.len() < MOST_FILES {
            found.push((path.to_owned(), at));
        }
    };
    for module in report.modules.iter().filter(|module| module.mismatch.is_none()) {
        let is_main = report.process.executable.as_deref() == Some(module.path.as_str());
        let at = exe.filter(|_| is_main).map(Path::to_owned);
        add(&module.path, at.unwrap_or_else(|| here(&module.path)));
        if let Some(debug) = &module.debug_file {
            let inside = sysroot.and_then(|root| Path::new(debug).strip_prefix(root).ok());
            let path = match inside.and_then(Path::to_str) {
                Some(inside) => format!("/{inside}"),
                None => debug.clone(),
            };
            add(&path, PathBuf::from(debug));
        }
    }
    let frames = report.threads.iter().flat_map(|thread| &thread.frames);
    for file in frames.filter(|frame| frame.source.is_some()).filter_map(|it| it.file.as_deref()) {
        add(file, here(file));
    }
    found
}

/// Writes a bundle into the empty file `to`.
///
/// # Errors
///
/// When a file cannot be read, or the disk is full.
pub fn write(
    to: &File,
    scratch: &Path,
    core: &File,
    report: &str,
    mut manifest: Manifest,
    files: &[(String, PathBuf)],
) -> Result<()> {
    let cannot = "cannot write the bundle";
    manifest.schema = SCHEMA.to_owned();
    manifest.files = files
        .iter()
        .enumerate()
        .map(|(number, (path, _))| PackedFile {
            path: path.clone(),
            member: format!("files/{number}"),
        })
        .collect();
    let archive_file = tempfile::tempfile_in(scratch).context(cannot)?;
    let mut archive = Archive::new(&archive_file, 0);
    let text = serde_json::to_string_pretty(&manifest).context(cannot)?;
    archive.add(MANIFEST, text.len() as u64, &mut text.as_bytes()).context(cannot)?;
    archive.add("report.json", report.len() as u64, &mut report.as_bytes()).context(cannot)?;
    let length = core.metadata().context(cannot)?.len();
    archive.add("core", length, &mut &*core).context(cannot)?;
    for (packed, (_, at)) in manifest.files.iter().zip(files) {
        let cannot = || format!("cannot read `{}`", at.display());
        let mut file = File::open(at).with_context(cannot)?;
        let found = file.metadata().with_context(cannot)?;
        // Whether a source is newer than the program is part of a report.
        let changed = u64::try_from(found.mtime()).unwrap_or(0);
        archive.dated(changed).add(&packed.member, found.len(), &mut file).with_context(cannot)?;
    }
    archive.end().context(cannot)?;
    packed_file::pack(&archive_file, to).context(cannot)?;
    Ok(())
}

/// Whether a file is a bundle: by its first member.
pub fn is_bundle(path: &Path) -> bool {
    // To open a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return false;
    }
    let Ok(mut file) = File::open(path) else { return false };
    let mut head = [0; 4];
    if file.read_exact(&mut head).is_err() || head != *packed_file::MAGIC {
        return false;
    }
    let Ok(file) = File::open(path) else { return false };
    let first = packed_file::reader(file).and_then(|mut it| tar::next_entry(&mut it));
    first.is_ok_and(|entry| entry.is_some_and(|entry| entry.name == MANIFEST))
}

/// A bundle, unpacked.
#[derive(Debug)]
pub struct Opened {
    /// What is in it.
    pub manifest: Manifest,
    /// Where it is unpacked.
    pub directory: PathBuf,
    /// Vanishes with this, unless it is the user's.
    _scratch: Option<TempDir>,
}

impl Opened {
    /// The core.
    pub fn core(&self) -> PathBuf {
        self.directory.join("core")
    }

    /// The directory that stands for `/`.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// Makes a report of this bundle say nothing of where it was unpacked.
    pub fn named(&self, report: &mut Report, bundle: &Path) {
        report.source.path = Some(bundle.display().to_string());
        let root = self.root().display().to_string();
        let plain = |text: &mut String| *text = text.replace(&root, "");
        for module in &mut report.modules {
            module.debug_file.iter_mut().for_each(plain);
            module.mismatch.iter_mut().for_each(plain);
        }
        for Gap { missing, why, hint } in &mut report.gaps {
            plain(missing);
            plain(why);
            hint.iter_mut().for_each(plain);
        }
    }
}

/// Unpacks a bundle into a temporary directory.
///
/// # Errors
///
/// When it is damaged, or there is no room.
pub fn open(path: &Path) -> Result<Opened> {
    let scratch = tempfile::Builder::new().prefix("coretool-").tempdir();
    let scratch = scratch.context("cannot make a temporary directory")?;
    let directory = scratch.path().to_owned();
    let manifest = unpack(path, &directory)?;
    Ok(Opened { manifest, directory, _scratch: Some(scratch) })
}

/// Unpacks a bundle into an empty directory of the user's.
///
/// # Errors
///
/// As for [`open`].
pub fn unpack(path: &Path, directory: &Path) -> Result<Manifest> {
    let cannot = || format!("cannot unpack `{}`", path.display());
    let file = File::open(path).with_context(cannot)?;
    let mut reader = packed_file::reader(file).with_context(cannot)?;
    let first = tar::next_entry(&mut reader).with_context(cannot)?;
    let Some(first) = first.filter(|it| it.name == MANIFEST && it.length <= LARGEST_MANIFEST)
    else {
        bail!("`{}` is no bundle", path.display());
    };
    let mut text = Vec::new();
    tar::content(&mut reader, &first, &mut text).with_context(cannot)?;
    let manifest: Manifest = serde_json::from_slice(&text).with_context(cannot)?;
    if manifest.schema != SCHEMA || manifest.files.len() > MOST_FILES {
        bail!("`{}` is a bundle of another version: {}", path.display(), manifest.schema);
    }
    let mut total = 0_u64;
    while let Some(entry) = tar::next_entry(&mut reader).with_context(cannot)? {
        total = total.saturating_add(entry.length);
        if total > MOST_BYTES {
            bail!("`{}` unpacks to more than {MOST_BYTES} bytes", path.display());
        }
        let packed = manifest.files.iter().find(|packed| packed.member == entry.name);
        let to = match (entry.name.as_str(), packed) {
            ("core" | "report.json", _) => directory.join(&entry.name),
            (_, Some(packed)) => below(&directory.join("root"), &packed.path)?,
            // A later version's; it has a length to pass over.
            (_, None) => {
                tar::content(&mut reader, &entry, &mut std::io::sink()).with_context(cannot)?;
                continue;
            }
        };
        let parent = to.parent().unwrap_or(directory);
        DirBuilder::new().recursive(true).mode(0o700).create(parent).with_context(cannot)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&to);
        let mut file = file.with_context(cannot)?;
        tar::content(&mut reader, &entry, &mut file).with_context(cannot)?;
        file.flush().with_context(cannot)?;
        let changed = UNIX_EPOCH + Duration::from_secs(entry.at.min(1 << 40));
        file.set_modified(changed).with_context(cannot)?;
    }
    Ok(manifest)
}

/// A path of a bundle below a directory, which it must not leave.
fn below(root: &Path, path: &str) -> Result<PathBuf> {
    let mut to = root.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::RootDir | Component::CurDir => (),
            Component::Normal(part) => to.push(part),
            Component::ParentDir | Component::Prefix(_) => {
                bail!("`{path}` leads out of the bundle")
            }
        }
    }
    if to == root {
        bail!("`{path}` is no file's path");
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out() {
        let root = Path::new("/tmp/x");
        assert_eq!(below(root, "/usr/lib/a.so").unwrap(), Path::new("/tmp/x/usr/lib/a.so"));
        for bad in ["/../etc/passwd", "a/../../b", "/", ""] {
            assert!(below(root, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bundle_comes_back() {
        let scratch = tempfile::tempdir().unwrap();
        let library = scratch.path().join("lib.so");
        std::fs::write(&library, b"library").unwrap();
        let mut core = tempfile::tempfile().unwrap();
        core.write_all(b"core").unwrap();
        std::io::Seek::rewind(&mut core).unwrap();
        let to = tempfile::NamedTempFile::new().unwrap();
        let files = [("/usr/lib/lib.so".to_owned(), library)];
        write(to.as_file(), scratch.path(), &core, "{}", Manifest::default(), &files).unwrap();
        assert!(is_bundle(to.path()));
        assert!(!is_bundle(Path::new("/bin/sh")));
        let opened = open(to.path()).unwrap();
        assert_eq!(std::fs::read(opened.core()).unwrap(), b"core");
        assert_eq!(std::fs::read(opened.root().join("usr/lib/lib.so")).unwrap(), b"library");
        // Cut anywhere, it is refused, and nothing panics.
        let bytes = std::fs::read(to.path()).unwrap();
        for cut in (0..bytes.len()).step_by(37) {
            std::fs::write(to.path(), &bytes[..cut]).unwrap();
            let _refused = open(to.path());
        }
    }
}
