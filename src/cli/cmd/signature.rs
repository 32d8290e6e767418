//! `coretool signature FILE`: which bug a crash is, and why.
//!
//! ```console
//! $ coretool signature core.4711
//! NULLW-3f9ac2d1  v1 | null-pointer.write | node_set < tree_insert
//! bucket key   3f9ac2d1b0aa
//! fine key     81c0de77aa01
//! address key  0b7755aa3f9a
//! ```

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use crate::analyze;
use crate::cli::args::FileArgs;
use crate::cli::choices::Format;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::stored_core;
use crate::cli::triage::{crash_file, project};
use crate::cli::ui::{Stream, Ui};
use crate::report::model::{Report, Signature};
use crate::report::render::escape::escaped;
use crate::report::render::json::{self, Layout};
use crate::report::render::theme::Role;
use crate::triage::signature::explained;
use crate::triage::signature::rules::Rules;

/// `coretool signature`.
#[derive(Clone, Debug, clap::Args)]
pub struct SignatureArgs {
    /// A core, a file of JSON reports, a log, or a kept crash: its id, or `latest`
    #[arg(value_name = "CORE|REPORT")]
    pub file: PathBuf,

    /// Show each step that led to it
    #[arg(long)]
    pub why: bool,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,
}

/// Does it.
///
/// # Errors
///
/// When the file cannot be read, or there is no crash in it.
pub fn signature(args: &SignatureArgs, ui: &Ui) -> Result<Exit> {
    let rules = project::rules()?;
    let options = analyze::Options {
        symbols: args.files.options()?,
        rules: rules.clone(),
        ..analyze::Options::default()
    };
    let path = stored_core::path(&args.file, args.files.store.store.as_deref())?;
    let reports = crash_file::reports(&path, &options)?;
    if reports.is_empty() {
        let what = format!("there is no crash in `{}`", path.display());
        let hint = "give a core, a JSON report of coretool, or a log with a backtrace";
        return Err(Failure::new(what, hint).into());
    }
    let mut text = String::new();
    for report in &reports {
        match args.format {
            Format::Json => {
                let signature = explained(report, &rules).signature;
                json::render(&signature, Layout::Indented, &mut text)?;
            }
            Format::Text => shown(report, &rules, args.why, ui, &mut text)?,
        }
    }
    ui.data(&text)?;
    Ok(Exit::Done)
}

fn shown(
    report: &Report,
    rules: &Rules,
    why: bool,
    ui: &Ui,
    text: &mut String,
) -> std::fmt::Result {
    let explained = explained(report, rules);
    let theme = ui.text_options(Stream::Output).theme;
    let Signature { label, key, fine_key, address_key, text: words, .. } = &explained.signature;
    theme.paint(Role::Verdict, &escaped(label), text)?;
    writeln!(text, "  {}", escaped(words))?;
    writeln!(text, "bucket key   {key}\nfine key     {fine_key}\naddress key  {address_key}")?;
    for (step, what) in explained.steps.iter().filter(|_| why) {
        write!(text, "  ")?;
        theme.paint(Role::Dim, &format!("{step:11}"), text)?;
        writeln!(text, "  {}", escaped(what))?;
    }
    Ok(())
}
