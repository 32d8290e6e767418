//! `coretool rm ID...`: remove kept crashes.

use anyhow::Result;

use crate::cli::exit::Exit;
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::cli::ui::Ui;

/// `coretool rm`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "How often each crash was seen is remembered.")]
pub struct RmArgs {
    /// The crashes: their ids or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,

    /// Only their cores; the reports stay
    #[arg(long)]
    pub core: bool,

    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Does it.
///
/// # Errors
///
/// When one of the crashes is not there: then nothing is removed. Or when a
/// file cannot be removed.
pub fn rm(args: &RmArgs, ui: &Ui) -> Result<Exit> {
    let store = store_place::with_crashes(args.store.store.as_deref())?;
    let mut entries = Vec::new();
    for id in &args.ids {
        let entry = store.find(id)?;
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    for entry in &entries {
        let what = match args.core {
            true => {
                store.drop_core(&entry.id)?;
                "the core of "
            }
            false => {
                store.remove(&entry.id)?;
                ""
            }
        };
        ui.say(&format!("removed {what}{} ({})", entry.id, entry.program));
    }
    Ok(Exit::Done)
}
