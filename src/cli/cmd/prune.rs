//! `coretool prune`: keep the store small.
//!
//! What the bounds leave no room for goes, the oldest cores first; a report
//! goes when that is not enough, and counts stay. Cores that are still raw are
//! compressed. The same bounds hold whenever a crash is kept, so that nobody
//! has to run this.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

use crate::cli::amounts;
use crate::cli::choices::Format;
use crate::cli::exit::Exit;
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::cli::ui::{Stream, Ui};
use crate::report::model::{Pruned, PrunedCrash};
use crate::report::render::json::{self, Layout};
use crate::report::render::kept;
use crate::triage::store::{Budget, KeepFree, Reason, Store, StoreError, Wanted};

/// `coretool prune`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "SIZE is like 500M, 2G or 1GiB, AGE like 12h, 7d or 2w. JSON is as \
                        docs/prune-schema.json has it.")]
pub struct PruneArgs {
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,

    /// Of the disk, all crashes take no more than SIZE [default: 4G]
    #[arg(long, value_name = "SIZE", value_parser = amounts::size)]
    pub max_total: Option<u64>,

    /// The crashes of one program take no more than SIZE [default: 2G]
    #[arg(long, value_name = "SIZE", value_parser = amounts::size)]
    pub max_program: Option<u64>,

    /// Cores older than AGE go [default: 60d]
    #[arg(long, value_name = "AGE", value_parser = amounts::age)]
    pub max_age: Option<Duration>,

    /// SIZE of the disk stays free [default: a twentieth, up to 4G]
    #[arg(long, value_name = "SIZE", value_parser = amounts::size)]
    pub keep_free: Option<u64>,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

impl PruneArgs {
    fn budget(&self) -> Budget {
        let usual = Budget::default();
        Budget {
            total: self.max_total.unwrap_or(usual.total),
            per_program: self.max_program.unwrap_or(usual.per_program),
            age: self.max_age.or(usual.age),
            keep_free: self.keep_free.map_or(usual.keep_free, KeepFree::Bytes),
        }
    }
}

/// Does it.
///
/// # Errors
///
/// When something cannot be removed.
pub fn prune(args: &PruneArgs, ui: &Ui) -> Result<Exit> {
    let mut pruned = Pruned {
        schema: "coretool.prune/1".to_owned(),
        dry_run: args.dry_run,
        ..Pruned::default()
    };
    if let Some(store) = store_place::existing(args.store.store.as_deref())? {
        let (budget, now) = (args.budget(), SystemTime::now());
        let before = bytes(&store)?;
        let removals = match args.dry_run {
            true => store.excess(&budget, now)?,
            false => store.prune(&budget, now)?,
        };
        pruned.freed = removals.iter().map(|removal| removal.bytes).sum();
        pruned.removed = removals
            .into_iter()
            .map(|removal| PrunedCrash {
                id: removal.id,
                program: removal.program,
                core_only: removal.core_only,
                bytes: removal.bytes,
                why: match removal.why {
                    Reason::Age => "age",
                    Reason::Program => "program",
                    Reason::Total => "total",
                    Reason::KeepFree => "keep_free",
                }
                .to_owned(),
            })
            .collect();
        for damaged in store.damaged()? {
            ui.error(&damaged.into());
        }
        pruned.bytes = before;
        if !args.dry_run {
            pruned.compressed = compress(&store, ui)?;
            pruned.bytes = bytes(&store)?;
            pruned.freed = before.saturating_sub(pruned.bytes);
        }
    }
    let mut text = String::new();
    let done = match args.format {
        Format::Json => json::render(&pruned, Layout::Indented, &mut text),
        Format::Text => kept::pruned(&pruned, ui.text_options(Stream::Output).theme, &mut text),
    };
    done.context("cannot render the result")?;
    ui.data(&text)?;
    Ok(Exit::Done)
}

/// What all crashes take on disk.
fn bytes(store: &Store) -> Result<u64> {
    Ok(store.list(&Wanted::default())?.iter().map(|entry| entry.bytes()).sum())
}

/// Compresses the raw cores, and returns how many there were. One for which
/// there is no room, or that somebody removes meanwhile, stays as it is.
fn compress(store: &Store, ui: &Ui) -> Result<u64> {
    let mut count = 0;
    for entry in store.list(&Wanted::default())? {
        let is_raw = entry.core.is_some_and(|core| core.is_ours && !core.is_compressed);
        if !is_raw {
            continue;
        }
        match store.compress(&entry.id) {
            Ok(()) => count += 1,
            Err(StoreError::NoSuchCrash { .. }) => (),
            Err(error) => ui.error(&error.into()),
        }
    }
    Ok(count)
}
