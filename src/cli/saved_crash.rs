//! What is kept of a crash: its core and its report.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

use crate::cli::new_file::{self, Existing};
use crate::report::model::{Gap, Report, Saved};
use crate::triage::store::{Budget, Origin, Staged, Store, StoreError};

/// Writes a core into an empty file.
pub type WriteCore<'w> = &'w mut dyn FnMut(&mut File) -> Result<()>;

/// Where the core of a crash goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorePlace {
    /// Beside the report, as `core`.
    Beside,
    /// Into this file.
    File(PathBuf, Existing),
    /// It is in this file already: the kernel wrote it.
    There(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// Saves the core that `write_core` writes, and then `report`, in the store at
/// `store`; the report says from then on where they are. A part that cannot be
/// saved becomes a gap of the report: a crash is worth telling even on a full
/// disk.
pub fn save(
    report: &mut Report,
    store: Option<&Path>,
    core: &CorePlace,
    captured_by: &str,
    write_core: WriteCore<'_>,
) {
    let Some(store) = store else {
        report.gaps.push(Gap {
            missing: "the saved report".to_owned(),
            why: "neither XDG_STATE_HOME nor HOME is an absolute path".to_owned(),
            hint: Some("set XDG_STATE_HOME to a directory that you may write to".to_owned()),
        });
        return;
    };
    let mut origin = Origin::new(SystemTime::now(), captured_by);
    // A core that the user has a place for does not need the store.
    match core {
        CorePlace::File(path, existing) => match save_core(path, *existing, write_core) {
            Ok(bytes) => {
                origin.core_elsewhere = Some(absolute(path));
                let directory = new_file::directory_of(path).display().to_string();
                let core = Some(absolute(path).display().to_string());
                let core_bytes = Some(bytes);
                report.saved = Some(Saved { directory, core, core_bytes, ..Saved::default() });
            }
            Err(error) => report.gaps.push(gap("the core file", &error)),
        },
        CorePlace::There(path) => origin.core_elsewhere = Some(absolute(path)),
        CorePlace::Beside | CorePlace::Nowhere => (),
    }
    let elsewhere = report.saved.clone();
    let kept = Store::open(store, Budget::default()).map_err(anyhow::Error::from);
    let kept = kept.and_then(|store| {
        let staged = match core {
            CorePlace::Beside => staged(&store, write_core, &mut report.gaps),
            _ => None,
        };
        Ok(store.keep(staged, report, &origin)?)
    });
    if let Err(error) = kept {
        report.saved = elsewhere;
        report.gaps.push(gap("the saved report", &error));
    }
}

/// The core in the store. Without it the report is kept all the same.
fn staged(store: &Store, write_core: WriteCore<'_>, gaps: &mut Vec<Gap>) -> Option<Staged> {
    /// How many older cores give way at most.
    const MOST: usize = 16;
    let mut write = || {
        let staged = store.stage()?;
        let mut file = staged.core();
        write_core(&mut file.try_clone()?)
            .with_context(|| format!("cannot write into the store `{}`", store.root().display()))?;
        file.flush()?;
        Ok(staged)
    };
    let mut written = write();
    // The newest crash is the one that is looked at.
    for _ in 0..MOST {
        let is_full = written.as_ref().is_err_and(is_full);
        if !is_full || !store.drop_oldest_core().unwrap_or(false) {
            break;
        }
        written = write();
    }
    written.map_err(|error| gaps.push(gap("the core file", &error))).ok()
}

/// Whether the disk had no room.
fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let system = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_full)
            || matches!(system, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
    })
}

/// Raw cores younger than this stay as they are: a core that has just been
/// reported is opened now, by whichever tool.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// How much of older cores one run compresses, in bytes on disk: a fraction of
/// a second.
const MOST_COMPRESSED: u64 = 64 << 20;

/// What can wait until the program has ended: puts the crashes `ids` of the
/// store at `store` on the disk for good, and compresses older cores.
pub fn settle(store: Option<&Path>, ids: &[String]) {
    let Some(store) = store.filter(|_| !ids.is_empty()) else { return };
    // Nothing is lost when this fails: the crashes are kept already.
    let Ok(store) = Store::open(store, Budget::default()) else { return };
    for id in ids {
        let _synced = store.sync(id);
    }
    let old = SystemTime::now().checked_sub(FRESH).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut left = MOST_COMPRESSED;
    for entry in store.raw_cores(old).unwrap_or_default() {
        let Some(rest) = entry.core.and_then(|core| left.checked_sub(core.bytes)) else { continue };
        left = rest;
        let _compressed = store.compress(&entry.id);
    }
}

/// A path that means the same in each directory, as a report needs it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Writes a core at once and whole, and returns what it takes on disk.
fn save_core(path: &Path, existing: Existing, write_core: WriteCore<'_>) -> Result<u64> {
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = NamedTempFile::new_in(new_file::directory_of(path)).with_context(cannot)?;
    write_core(file.as_file_mut()).with_context(cannot)?;
    let bytes = on_disk(&file.as_file().metadata().with_context(cannot)?);
    new_file::persist(file, path, existing)?;
    Ok(bytes)
}

/// What a file takes on disk, in bytes, without its holes.
fn on_disk(file: &Metadata) -> u64 {
    // st_blocks counts units of 512 bytes, whatever the file system's are.
    file.blocks().saturating_mul(512)
}

fn gap(missing: &str, error: &anyhow::Error) -> Gap {
    Gap {
        missing: missing.to_owned(),
        why: format!("{error:#}"),
        hint: crate::cli::failure::hint(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Seek as _, SeekFrom, Write as _};
    use std::os::unix::fs::PermissionsExt as _;

    use anyhow::bail;

    use super::*;
    use crate::report::model::ProcessInfo;

    fn crash() -> Report {
        let process = ProcessInfo {
            pid: Some(7),
            command: Some("server".to_owned()),
            ..ProcessInfo::default()
        };
        Report { process, ..Report::default() }
    }

    fn sparse(file: &mut File) -> Result<()> {
        file.seek(SeekFrom::Start(1 << 30))?;
        file.write_all(b"end")?;
        Ok(())
    }

    #[test]
    fn a_core_and_a_report() {
        let dir = tempfile::tempdir().unwrap();
        let mut report = crash();
        let root = dir.path().join("coretool");
        save(&mut report, Some(&root), &CorePlace::Beside, "ptrace", &mut sparse);
        assert_eq!(report.gaps, []);
        let saved = report.saved.take().unwrap();
        assert!(saved.core_bytes.unwrap() < 1 << 20, "holes take no room");
        for path in [saved.core.as_ref().unwrap(), saved.report.as_ref().unwrap()] {
            assert!(Path::new(path).starts_with(&saved.directory));
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let read = fs::read_to_string(saved.report.as_ref().unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&read).unwrap(), report);
        assert_eq!(fs::read_dir(&saved.directory).unwrap().count(), 3);
    }

    #[test]
    fn what_cannot_be_saved_is_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("coretool");
        let taken = dir.path().join("taken");
        fs::write(&taken, b"mine").unwrap();
        let mut report = crash();
        let place = CorePlace::File(taken.clone(), Existing::Keep);
        save(&mut report, Some(&root), &place, "ptrace", &mut sparse);
        assert_eq!(fs::read(&taken).unwrap(), b"mine");
        assert!(report.gaps[0].why.contains("exists"), "{:?}", report.gaps);
        assert!(report.saved.as_ref().unwrap().report.is_some());

        let mut report = crash();
        save(&mut report, Some(&root), &CorePlace::Beside, "ptrace", &mut |_| {
            bail!("the process is gone")
        });
        assert!(report.gaps[0].why.ends_with("the process is gone"), "{:?}", report.gaps);
        assert!(report.saved.as_ref().unwrap().core.is_none());

        let mut report = crash();
        save(&mut report, Some(&taken), &CorePlace::Nowhere, "ptrace", &mut sparse);
        assert!(report.saved.is_none());
        assert_eq!(report.gaps[0].missing, "the saved report");

        // A core that the user has a place for is there, whatever the store.
        let mut report = crash();
        let place = CorePlace::File(dir.path().join("core"), Existing::Keep);
        save(&mut report, Some(&taken), &place, "ptrace", &mut sparse);
        assert!(report.saved.as_ref().unwrap().core.as_ref().unwrap().ends_with("/core"));
        assert_eq!(report.gaps[0].missing, "the saved report");
    }
}
