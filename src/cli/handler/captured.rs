//! What is known of a captured crash beside its core: enough to analyze it
//! later, in another process, when this one is killed.

use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::base::signal::Signal;
use crate::capture::handler::{Access, Dump};
use crate::cli::handler::keep::{Kept, Root, keep};
use crate::cli::handler::place::HandlerPlace;
use crate::dump::sidecar::Sidecar;
use crate::triage::store::{Staged, Store};

/// How often an analysis is begun. Something that kills us each time is kept
/// without one.
const MOST_ATTEMPTS: u32 = 2;

/// A captured process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Captured {
    /// As the host sees it.
    pub pid: u32,
    /// Field 22 of its `stat`.
    pub start_time: Option<u64>,
    /// Its name.
    pub command: String,
    /// What it died of.
    pub signal: i32,
    /// Its user and group, who may see the report. `None`: root alone.
    pub owner: Option<(u32, u32)>,
    /// Facts from `/proc`, and how the dump went.
    pub sidecar: Sidecar,
    /// When it crashed, in microseconds since 1970.
    at: u64,
    /// Whether its root directory is not ours.
    has_other_root: bool,
    /// That directory. Nobody gets it back.
    #[serde(skip)]
    root: Option<OwnedFd>,
}

impl Captured {
    /// What `dump` says of a crash at this time.
    pub fn new(dump: Dump, at: SystemTime) -> Self {
        let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Self {
            pid: dump.pid,
            start_time: dump.start_time,
            command: dump.command,
            signal: i32::from(dump.facts.signal),
            owner: match dump.access {
                Access::Owner { uid, gid } => Some((uid, gid)),
                Access::RootOnly(_) => None,
            },
            sidecar: dump.sidecar,
            at: u64::try_from(at).unwrap_or(0),
            has_other_root: dump.root.is_some(),
            root: dump.root,
        }
    }

    /// When it crashed.
    pub fn at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.at)
    }

    /// The name of its signal.
    pub fn signal_name(&self) -> String {
        Signal(self.signal).name()
    }

    /// Where its files are looked for.
    pub fn root(&self) -> Root<'_> {
        match &self.root {
            Some(root) => Root::Other(root),
            None if self.has_other_root => Root::Lost,
            None => Root::Ours,
        }
    }

    /// Has the crash wait for its analysis even when this process is killed.
    pub fn wait(&self, staged: &mut Staged, place: &HandlerPlace) {
        let facts = serde_json::to_vec(self).unwrap_or_default();
        if let Err(error) = staged.wait(&facts) {
            place.say(&format!("a crash waits in memory only: {error}"));
        }
    }
}

/// Analyzes and keeps the crashes that others have captured before they were
/// killed.
///
/// # Errors
///
/// When one cannot be kept. The others wait on.
pub fn take_up(place: &HandlerPlace, store: &Store) -> Result<()> {
    while let Some(waiting) = store.take_waiting()? {
        let Ok(captured) = serde_json::from_slice::<Captured>(&waiting.facts) else {
            place.say("a crash was lost: what was written of it is damaged");
            continue;
        };
        let refused = (waiting.attempts >= MOST_ATTEMPTS).then(|| {
            anyhow::anyhow!("its analysis was begun {} times and never ended", waiting.attempts)
        });
        let pid = captured.pid;
        let Kept { id, delivered } = keep(store, captured, waiting.staged, refused)
            .with_context(|| format!("cannot keep the crash of process {pid}"))?;
        place.say(&format!("the crash of process {pid}, whose handler was killed, is {id}"));
        if let Err(error) = delivered {
            place.say(&format!("{id}: {error:#}"));
        }
        if let Err(error) = store.compress(&id) {
            place.say(&format!("cannot compress the core of {id}: {error}"));
        }
    }
    Ok(())
}
