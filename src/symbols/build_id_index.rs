//! The ELF files below some directories, by their build-ids.
//!
//! For cores of other machines: whatever the files are called, and wherever
//! they lie, the right ones are found, and no others are used. The directories
//! are walked once, when the first file is looked for; of each file only
//! headers and notes are read.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use object::elf::SHF_EXECINSTR;
use object::read::ReadCache;
use object::{Object as _, ObjectSection as _, SectionFlags, SectionKind};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// Directories in directories.
const DEEPEST: usize = 64;
/// Files that are looked at.
const MOST_FILES: usize = 1_000_000;

/// Which file has which build-id.
#[derive(Debug, Default)]
pub(super) struct BuildIdIndex {
    by_id: FxHashMap<Vec<u8>, Files>,
    /// By their base names: to say which file is a wrong one.
    by_name: FxHashMap<Vec<u8>, Vec<PathBuf>>,
}

/// Files with one build-id.
#[derive(Debug, Default)]
struct Files {
    /// Those that have code.
    binaries: Vec<PathBuf>,
    /// Those that have debug information.
    debug: Vec<PathBuf>,
}

impl BuildIdIndex {
    /// Walks the directories. What cannot be read is passed over.
    pub(super) fn of(directories: &[PathBuf]) -> Self {
        let mut paths = Vec::new();
        for directory in directories {
            walk(directory, &mut paths);
        }
        // In order, so that of two equal files always the same one is used.
        paths.sort();
        let facts: Vec<_> = paths.par_iter().map(|path| facts(path)).collect();
        let mut index = Self::default();
        for (path, facts) in paths.into_iter().zip(facts) {
            let Some(facts) = facts else { continue };
            if let Some(id) = facts.build_id {
                let files = index.by_id.entry(id).or_default();
                if facts.has_code {
                    files.binaries.push(path.clone());
                }
                if facts.has_debug {
                    files.debug.push(path.clone());
                }
            }
            if facts.has_code
                && let Some(name) = path.file_name()
            {
                index.by_name.entry(name.as_bytes().to_vec()).or_default().push(path);
            }
        }
        index
    }

    /// Programs and libraries with this build-id.
    pub(super) fn binaries(&self, build_id: &[u8]) -> &[PathBuf] {
        self.by_id.get(build_id).map(|files| files.binaries.as_slice()).unwrap_or_default()
    }

    /// Files with the debug information of this build-id.
    pub(super) fn debug_files(&self, build_id: &[u8]) -> &[PathBuf] {
        self.by_id.get(build_id).map(|files| files.debug.as_slice()).unwrap_or_default()
    }

    /// Programs and libraries of this base name, whatever they are.
    pub(super) fn named(&self, name: &[u8]) -> &[PathBuf] {
        self.by_name.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Finds regular files. Links are followed to files, not to directories, so
/// that no circle is walked.
fn walk(root: &Path, found: &mut Vec<PathBuf>) {
    let mut open = vec![(root.to_owned(), 0)];
    while let Some((directory, depth)) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            if found.len() >= MOST_FILES {
                return;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < DEEPEST {
                open.push((entry.path(), depth + 1));
                continue;
            }
            let is_link_to_file =
                || kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|it| it.is_file());
            if kind.is_file() || is_link_to_file() {
                found.push(entry.path());
            }
        }
    }
}

/// What is told of a file.
struct Facts {
    build_id: Option<Vec<u8>>,
    has_code: bool,
    has_debug: bool,
}

/// Reads the headers of a file. `None`: it is no program or library.
fn facts(path: &Path) -> Option<Facts> {
    let file = fs::File::open(path).ok()?;
    let cache = ReadCache::new(file);
    let magic = object::ReadRef::read_bytes_at(&cache, 0, 4).ok()?;
    if magic != b"\x7fELF" {
        return None;
    }
    let elf = object::File::parse(&cache).ok()?;
    if !matches!(elf.kind(), object::ObjectKind::Dynamic | object::ObjectKind::Executable) {
        return None;
    }
    let build_id = elf.build_id().ok().flatten().map(<[u8]>::to_vec);
    let (mut has_code, mut has_debug, mut has_sections) = (false, false, false);
    for section in elf.sections() {
        has_sections = true;
        let runs = matches!(section.flags(), SectionFlags::Elf { sh_flags, .. }
            if sh_flags.0 & SHF_EXECINSTR.0 != 0);
        // In a separate debug file the code's section has no bytes.
        has_code |= runs
            && section.kind() != SectionKind::UninitializedData
            && section.file_range().is_some_and(|(_, size)| size > 0);
        let name = section.name_bytes().unwrap_or_default();
        has_debug |= name.starts_with(b".debug_info") || name.starts_with(b".zdebug_info");
    }
    Some(Facts { build_id, has_code: has_code || !has_sections, has_debug })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let this = std::env::current_exe().unwrap();
        fs::copy(&this, deep.join("other-name")).unwrap();
        fs::write(deep.join("text"), "no ELF file").unwrap();
        fs::write(deep.join("cut"), b"\x7fELF\x02\x01").unwrap();
        std::os::unix::fs::symlink(dir.path(), deep.join("circle")).unwrap();
        let index = BuildIdIndex::of(&[dir.path().to_owned(), "/does/not/exist".into()]);
        let id = facts(&this).unwrap().build_id;
        let want = [deep.join("other-name")];
        assert_eq!(index.named(b"other-name"), want);
        assert!(index.named(b"cut").is_empty() && index.named(b"text").is_empty());
        // Linkers may be told to write none.
        if let Some(id) = id {
            assert_eq!(index.binaries(&id), want);
            assert_eq!(index.debug_files(&id), want, "tests have line tables");
        }
        assert!(index.binaries(b"another").is_empty() && index.debug_files(b"another").is_empty());
    }
}
