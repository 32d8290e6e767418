//! `coretool symbols CORE|ELF`: where the symbols of each module come from,
//! what is missing, and how to get it.
//!
//! ```console
//! $ coretool symbols core
//! /opt/bin/server at 0x55c5f4060000
//!   build-id 3f2a910c...
//!   file     /opt/bin/server (at its path)
//!   debug    /usr/lib/debug/.build-id/3f/2a910c....debug (by its build-id)
//!   tell     functions, lines and variables
//! ```

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::cli::args::FileArgs;
use crate::cli::choices::Format;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::stored_core;
use crate::cli::ui::{Stream, Ui};
use crate::dump;
use crate::dump::error::DumpError;
use crate::inspect::modules;
use crate::report::render::json::{self, Layout};
use crate::report::render::symbols;

/// What `--help` says at its end.
pub const HELP: &str = "JSON is as docs/symbols-schema.json has it.";

/// `coretool symbols`.
#[derive(Clone, Debug, clap::Args)]
pub struct SymbolsArgs {
    /// A core file, a kept crash (its id, or `latest`), a program, a library or a debug file
    #[arg(value_name = "CORE|ELF")]
    pub file: PathBuf,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Fail with status 3 when something is missing
    #[arg(long)]
    pub strict: bool,
}

/// Does it.
///
/// # Errors
///
/// When the file is neither a core nor another ELF file that can be read, or
/// when the result cannot be written.
pub fn symbols(args: &SymbolsArgs, ui: &Ui) -> Result<Exit> {
    let options = args.files.options()?;
    let (store, gaps, limits) = (FileStore::new(), Gaps::new(), Limits::default());
    let path = stored_core::path(&args.file, args.files.store.store.as_deref())?;
    let found = match dump::open(&path, &store, &limits, &gaps) {
        Ok(process) => modules::of_process(&process, &options, &store, &limits, &gaps),
        Err(DumpError::NotACore { .. }) => {
            let shown = path.display();
            let file = store.open(&path).with_context(|| format!("cannot open {shown}"))?;
            let found = modules::of_file(&path, file.bytes, &options, &store, &limits, &gaps);
            found.map_err(|error| {
                let hint = "give a core file, a program, a library or a debug file";
                Failure::new(format!("{shown} cannot be used: {error}"), hint)
            })?
        }
        Err(error) => return Err(error.into()),
    };
    let mut out = String::new();
    let done = match args.format {
        Format::Json => json::render(&found, Layout::Indented, &mut out),
        Format::Text => {
            let text = ui.text_options(Stream::Output);
            symbols::modules(&found, text.theme, text.width, &mut out)
        }
    };
    done.context("cannot render the modules")?;
    ui.data(&out)?;
    let is_partial = found.modules.iter().any(|module| !module.missing.is_empty());
    Ok(if args.strict && is_partial { Exit::GapsRemain } else { Exit::Done })
}
