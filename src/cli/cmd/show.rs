//! `coretool show [ID]`: the report of a kept crash once more.
//!
//! It is shown as it was made when the process died, with the options of
//! `analyze`; nothing is analyzed again.

use anyhow::{Context as _, Result};

use crate::cli::args::ReportArgs;
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::cli::ui::{Stream, Ui};
use crate::report::model::{Gap, Report, Saved};
use crate::report::render::json::Layout;
use crate::triage::store::Entry;

/// `coretool show`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "What was not kept in the report, more elements of an array say, `coretool \
                        analyze ID` shows from the core. JSON is as docs/report-schema.json has it."
)]
pub struct ShowArgs {
    /// The crash: its id or the beginning of it
    #[arg(default_value = "latest")]
    pub id: String,

    /// How and where to report.
    #[command(flatten)]
    pub report: ReportArgs,

    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Does it.
///
/// # Errors
///
/// When there is no such crash, or the report cannot be written.
pub fn show(args: &ShowArgs, ui: &Ui) -> Result<Exit> {
    let mut destination = Destination::new(&args.report, Stream::Output, Layout::Indented)?;
    let store = store_place::with_crashes(args.store.store.as_deref())?;
    let entry = store.find(&args.id)?;
    let report = report(&entry)?;
    destination.deliver(&report, ui)?;
    destination.finish(ui)?;
    Ok(Exit::Done)
}

/// The report of a kept crash, which says where its files are now.
///
/// # Errors
///
/// When it cannot be read.
pub fn report(entry: &Entry) -> Result<Report> {
    let path = entry.report();
    let (text, is_same) = entry.read_report()?;
    let mut report: Report = serde_json::from_slice(&text)
        .with_context(|| format!("`{}` is no report that this version reads", path.display()))?;
    if !is_same {
        report.gaps.push(Gap {
            missing: "the report as it was kept".to_owned(),
            why: format!("`{}` was changed since", path.display()),
            hint: Some(format!("make it anew from the core: coretool analyze {}", entry.id)),
        });
    }
    report.saved = Some(Saved {
        directory: entry.directory.display().to_string(),
        core: entry.core.as_ref().map(|core| core.path.display().to_string()),
        core_bytes: entry.core.as_ref().map(|core| core.bytes),
        report: Some(path.display().to_string()),
        id: entry.id.clone(),
    });
    Ok(report)
}
