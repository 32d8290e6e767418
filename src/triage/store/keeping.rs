//! How a crash gets into the store.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Store;
use super::entry::{self, Entry, FileMark, Manifest, SCHEMA};
use super::error::StoreError;
use super::index::{Index, millis};
use super::journal::Intent;
use super::packing;
use super::place::{free_space, write_new};
use super::staging::{Incoming, Staged};
use crate::report::model::{Gap, Report, Saved};
use crate::report::render::json::{self, Layout};
use crate::triage::address_key::address_key;
use crate::triage::digest::digest;

/// Cores up to this size on disk are compressed at once: it takes a few
/// milliseconds.
const SMALL: u64 = 1 << 20;

/// The longest verdict that the index repeats, in characters.
const LONGEST_VERDICT: usize = 400;

/// Where a crash comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// When it was captured.
    pub at: SystemTime,
    /// The process, where the report does not say: as the host sees it.
    pub pid: Option<u32>,
    /// When the process started, in clock ticks since boot (field 22 of
    /// `/proc/PID/stat`).
    pub start_time: Option<u64>,
    /// The way it was captured: `ptrace`, `kernel`, `handler-socket`.
    pub captured_by: String,
    /// Facts that the core does not hold, as JSON. They are put beside it.
    pub sidecar: Option<Vec<u8>>,
    /// A core outside of the store, which stays where it is.
    pub core_elsewhere: Option<PathBuf>,
}

impl Origin {
    /// Captured at this time in this way.
    pub fn new(at: SystemTime, captured_by: &str) -> Self {
        Self {
            at,
            pid: None,
            start_time: None,
            captured_by: captured_by.to_owned(),
            sidecar: None,
            core_elsewhere: None,
        }
    }
}

impl Store {
    /// Keeps a crash: all of it or nothing, whenever this process is killed.
    /// From then on [`Report::saved`] says where it is. A core for which there
    /// is no room, on the disk or in the budget, becomes a gap of the report.
    /// Older cores make room, as the budget says.
    ///
    /// # Errors
    ///
    /// When not even the report could be kept.
    pub fn keep(
        &self,
        staged: Option<Staged>,
        report: &mut Report,
        origin: &Origin,
    ) -> Result<Saved, StoreError> {
        let mut staged = staged;
        if let Some(core) = staged.take() {
            match self.refused(core.bytes()?) {
                None => staged = Some(core),
                Some(gap) => report.gaps.push(gap),
            }
        }
        let had_core = staged.is_some();
        let mut kept = self.write(staged, report, origin);
        if kept.as_ref().is_err_and(StoreError::is_full) {
            if had_core {
                report.gaps.push(full_disk(self.root()));
            }
            let _freed = self.enforce(origin.at, None);
            kept = self.write(None, report, origin);
        }
        let saved = kept?;
        report.saved = Some(saved.clone());
        // The crash is kept; what is too much now, the next one removes.
        let _freed = self.enforce(origin.at, Some(&saved.id));
        Ok(saved)
    }

    /// Why a core of so many bytes is not kept.
    fn refused(&self, bytes: u64) -> Option<Gap> {
        let most = self.budget.total.min(self.budget.per_program);
        let (why, hint) = if bytes > most {
            (
                format!("it takes {bytes} bytes, and the store's budget is {most}"),
                "write it elsewhere: coretool run --core PATH",
            )
        } else {
            let (free, size) = free_space(&self.place.root)?;
            let wanted = self.budget.keep_free.bytes(size);
            // The core is on the disk already.
            let older = self.on_index(Index::taken).ok()?;
            let ours: u64 = older.iter().map(|taken| taken.cores).sum();
            if free.saturating_add(ours) >= wanted {
                return None;
            }
            (
                format!("only {free} bytes of the disk are free, and {wanted} are to stay so"),
                "make room on the disk, or write it elsewhere: coretool run --core PATH",
            )
        };
        Some(Gap { missing: "the core file".to_owned(), why, hint: Some(hint.to_owned()) })
    }

    /// Writes a crash and lists it.
    fn write(
        &self,
        staged: Option<Staged>,
        report: &mut Report,
        origin: &Origin,
    ) -> Result<Saved, StoreError> {
        let incoming = match staged {
            None => Incoming::new(&self.place)?,
            Some(staged) => self.name_core(staged)?,
        };
        let directory = incoming.path.clone();
        if let Some(sidecar) = &origin.sidecar {
            write_new(&directory.join("sidecar.json"), sidecar)?;
            for core in entry::cores_in(&directory)? {
                entry::link_sidecar(&directory, &core)?;
            }
        }
        report.saved = None;
        let mut text = String::new();
        // Writing to a string does not fail.
        let _written = json::render(report, Layout::Indented, &mut text);
        write_new(&directory.join("report.json"), text.as_bytes())?;

        let manifest = self.manifest(report, origin, digest(text.as_bytes()))?;
        let manifest = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        write_new(&directory.join("entry.json"), &manifest)?;
        let id = entry::id(&manifest);
        let intent = Intent::Arrive { name: incoming.name().to_owned(), id: id.clone() };
        let arrived = self.change(&intent, || Ok(()));
        match arrived {
            // All files are there, and the list has no room for one more row.
            // It comes into the list as soon as there is room again.
            Err(error) if error.is_busy() && self.place.crash(&id).exists() => (),
            // The next one who opens the store lists it.
            Err(error) if error.is_busy() => {
                return Err(StoreError::Waiting { id, path: incoming.leave() });
            }
            Err(error) if error.is_full() && self.place.crash(&id).exists() => {
                let had_core = !entry::cores_in(&self.place.crash(&id))?.is_empty();
                match self.drop_core(&id) {
                    Err(error) if !error.is_full() => return Err(error),
                    _ => (),
                }
                report.gaps.extend(had_core.then(|| full_disk(self.root())));
            }
            arrived => arrived?,
        }
        let entry = Entry::read(&self.place.crash(&id))?;
        let entry = entry.ok_or_else(|| StoreError::NoSuchCrash { id: id.clone() })?;
        Ok(Saved {
            directory: entry.directory.display().to_string(),
            report: Some(entry.report().display().to_string()),
            core: entry.core.as_ref().map(|core| core.path.display().to_string()),
            core_bytes: entry.core.as_ref().map(|core| core.bytes),
            id,
        })
    }

    /// Gives the core its name in the crash's directory; a small one is
    /// compressed.
    fn name_core(&self, staged: Staged) -> Result<Incoming, StoreError> {
        if staged.bytes()? > SMALL {
            staged.name_core()?;
            return Ok(staged.incoming);
        }
        let packed = self.stage()?;
        let cannot = StoreError::io("compress the core in", &staged.incoming.path);
        let digest = packing::pack(staged.core(), packed.core()).map_err(cannot)?;
        packed.link_to(&staged.incoming.path.join(entry::packed_name(&digest)))?;
        Ok(staged.without_core())
    }

    fn manifest(
        &self,
        report: &Report,
        origin: &Origin,
        digest_of_report: String,
    ) -> Result<Manifest, StoreError> {
        let process = &report.process;
        let file = process.executable.as_deref().and_then(|path| path.rsplit('/').next());
        let program = file.filter(|name| !name.is_empty()).or(process.command.as_deref());
        let program = program.unwrap_or("unknown").trim_end_matches(" (deleted)").to_owned();
        let key = address_key(report, &program);
        let count = self.on_index(|index| index.count_of(&key)).unwrap_or(0);
        let found = origin.core_elsewhere.as_ref().and_then(|path| fs::metadata(path).ok());
        Ok(Manifest {
            schema: SCHEMA.to_owned(),
            at: millis(origin.at),
            executable: process.executable.clone(),
            pid: origin.pid.or(process.pid),
            start_time: origin.start_time,
            signal: report.signal.as_ref().map(|signal| signal.name.clone()),
            verdict: report.verdict.chars().take(LONGEST_VERDICT).collect(),
            count: count.saturating_add(1),
            captured_by: origin.captured_by.clone(),
            report: digest_of_report,
            sidecar: origin.sidecar.as_deref().map(digest),
            core_elsewhere: origin.core_elsewhere.clone(),
            core_elsewhere_is: found.as_ref().map(FileMark::of),
            program,
            key,
        })
    }
}

/// That a core had to go.
fn full_disk(root: &Path) -> Gap {
    Gap {
        missing: "the core file".to_owned(),
        why: format!("the disk of `{}` is full", root.display()),
        hint: Some("make room: coretool prune --max-total 500M".to_owned()),
    }
}
