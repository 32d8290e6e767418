//! What is kept of a crash: its core and its report, in its own directory.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

use crate::cli::crash_directory::CrashDirectory;
use crate::cli::new_file::{self, Existing};
use crate::report::model::{Gap, Report, Saved};
use crate::report::render::json::{self, Layout};

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

/// Saves the core that `write_core` writes, and then `report`, which from then
/// on says where they are. A part that cannot be saved becomes a gap of the
/// report: a crash is worth telling even on a full disk.
pub fn save(
    report: &mut Report,
    crashes: Option<&Path>,
    core: &CorePlace,
    write_core: WriteCore<'_>,
) {
    let Some(crashes) = crashes else {
        report.gaps.push(Gap {
            missing: "the saved report".to_owned(),
            why: "neither XDG_STATE_HOME nor HOME is an absolute path".to_owned(),
            hint: Some("set XDG_STATE_HOME to a directory that you may write to".to_owned()),
        });
        return;
    };
    let saved = try_save(report, crashes, core, write_core);
    if let Err(error) = saved {
        note_unsaved(report, &error);
    }
}

fn try_save(
    report: &mut Report,
    crashes: &Path,
    core: &CorePlace,
    write_core: WriteCore<'_>,
) -> Result<()> {
    let process = &report.process;
    let path = process.executable.as_deref().and_then(|path| path.rsplit('/').next());
    let command = process.command.as_deref().or(path).unwrap_or_default().to_owned();
    let pid = process.pid.unwrap_or_default();
    let directory = CrashDirectory::create(crashes, &command, pid, SystemTime::now())?;
    let beside = directory.path.join("core");
    let (core, there) = match core {
        CorePlace::Beside => (Some((beside.as_path(), Existing::Keep)), None),
        CorePlace::File(path, existing) => (Some((path.as_path(), *existing)), None),
        CorePlace::There(path) => (None, Some(path)),
        CorePlace::Nowhere => (None, None),
    };
    let report_path = directory.path.join("report.json");
    let mut saved = Saved {
        directory: directory.path.display().to_string(),
        report: Some(report_path.display().to_string()),
        id: directory.id(),
        ..Saved::default()
    };
    if let Some((path, existing)) = core {
        match save_core(path, existing, write_core) {
            Ok(bytes) => {
                saved.core = Some(absolute(path));
                saved.core_bytes = Some(bytes);
            }
            Err(error) => report.gaps.push(gap("the core file", &error)),
        }
    }
    if let Some(path) = there {
        saved.core = Some(absolute(path));
        saved.core_bytes = path.metadata().ok().map(|file| on_disk(&file));
    }
    report.saved = Some(saved);
    let mut text = String::new();
    json::render(report, Layout::Indented, &mut text).context("cannot render the report")?;
    let written = new_file::write(&report_path, text.as_bytes(), Existing::Keep);
    if written.is_err() {
        report.saved = report.saved.take().filter(|saved| saved.core.is_some());
        match &mut report.saved {
            Some(saved) => saved.report = None,
            // An empty directory helps nobody, and one more does no harm.
            None => drop(std::fs::remove_dir(&directory.path)),
        }
    }
    written
}

/// A path that means the same in each directory, as a report needs it.
fn absolute(path: &Path) -> String {
    let absolute = std::path::absolute(path);
    absolute.as_deref().unwrap_or(path).display().to_string()
}

/// Notes that nothing of the crash could be saved.
fn note_unsaved(report: &mut Report, why: &anyhow::Error) {
    report.gaps.push(gap("the saved report", why));
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
        save(&mut report, Some(dir.path()), &CorePlace::Beside, &mut sparse);
        assert_eq!(report.gaps, []);
        let saved = report.saved.clone().unwrap();
        assert!(saved.core_bytes.unwrap() < 1 << 20, "holes take no room");
        for path in [saved.core.as_ref().unwrap(), saved.report.as_ref().unwrap()] {
            assert!(Path::new(path).starts_with(&saved.directory));
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let read = fs::read_to_string(saved.report.as_ref().unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&read).unwrap(), report);
        assert_eq!(fs::read_dir(&saved.directory).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_saved_is_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        fs::write(&taken, b"mine").unwrap();
        let mut report = crash();
        let place = CorePlace::File(taken.clone(), Existing::Keep);
        save(&mut report, Some(&dir.path().join("crashes")), &place, &mut sparse);
        assert_eq!(fs::read(&taken).unwrap(), b"mine");
        assert!(report.gaps[0].why.contains("exists"), "{:?}", report.gaps);
        assert!(report.saved.as_ref().unwrap().report.is_some());

        let mut report = crash();
        save(&mut report, Some(dir.path()), &CorePlace::Beside, &mut |_| {
            bail!("the process is gone")
        });
        assert!(report.gaps[0].why.ends_with("the process is gone"), "{:?}", report.gaps);

        let mut report = crash();
        save(&mut report, Some(&taken), &CorePlace::Nowhere, &mut sparse);
        assert!(report.saved.is_none());
        assert_eq!(report.gaps[0].missing, "the saved report");
    }
}
