//! `coretool path [ID]`: where the core of a kept crash is.
//!
//! The core may be compressed (`.zst`): coretool opens it as it is, for other
//! tools `coretool export` unpacks it.

use anyhow::Result;

use crate::cli::choices::Format;
use crate::cli::cmd::list;
use crate::cli::exit::Exit;
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::cli::ui::Ui;

/// `coretool path`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "JSON has all paths of the crash, as docs/list-schema.json has it.")]
pub struct PathArgs {
    /// The crash: its id or the beginning of it
    #[arg(default_value = "latest")]
    pub id: String,

    /// The directory with all that is kept of it
    #[arg(long, conflicts_with = "report")]
    pub directory: bool,

    /// The report
    #[arg(long)]
    pub report: bool,

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
/// When there is no such crash, or its core is not kept.
pub fn path(args: &PathArgs, ui: &Ui) -> Result<Exit> {
    let store = store_place::with_crashes(args.store.store.as_deref())?;
    let entry = store.find(&args.id)?;
    if args.format == Format::Json {
        return list::json(&list::listed(&[entry], args.store.store.as_deref())?, ui);
    }
    let path = if args.directory {
        entry.directory
    } else if args.report {
        entry.report()
    } else {
        entry.its_core()?.path.clone()
    };
    ui.data(&format!("{}\n", path.display()))?;
    Ok(Exit::Done)
}
