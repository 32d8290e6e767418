//! `coretool rm ID...`: remove kept crashes.

use anyhow::Result;

use crate::cli::choices::Format;
use crate::cli::cmd::list;
use crate::cli::exit::Exit;
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::cli::ui::Ui;
use crate::triage::store::StoreError;

/// `coretool rm`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "How often each crash was seen is remembered. JSON tells of what was removed, as \
                        docs/list-schema.json has it."
)]
pub struct RmArgs {
    /// The crashes: their ids or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,

    /// Only their cores; the reports stay
    #[arg(long)]
    pub core: bool,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

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
    let mut damaged = Vec::new();
    for id in &args.ids {
        match store.find(id) {
            Ok(entry) if entries.contains(&entry) => (),
            Ok(entry) => entries.push(entry),
            // The wish is to be rid of it.
            Err(StoreError::Damaged { .. }) if !args.core => damaged.push(id),
            Err(error) => return Err(error.into()),
        }
    }
    for id in damaged {
        store.remove(id)?;
        ui.say(&format!("removed {id}, which was damaged"));
    }
    let mut removed = Vec::new();
    for entry in &entries {
        let elsewhere = entry.core.as_ref().filter(|core| !core.is_ours);
        if let Some(path) = elsewhere.map(|core| &core.path).or(entry.replaced_core.as_ref())
            && args.core
        {
            let (id, path) = (&entry.id, path.display());
            ui.say(&format!("the core of {id} is not in the store, and stays: {path}"));
            continue;
        }
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
        removed.push(entry.clone());
    }
    if args.format == Format::Json {
        return list::json(&list::listed(&removed, args.store.store.as_deref())?, ui);
    }
    Ok(Exit::Done)
}
