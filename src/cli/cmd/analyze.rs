//! `coretool analyze CORE`: explain a core file.
//!
//! The core may come from the kernel, from gdb's `gcore` or from
//! `coretool run`. The executable and the libraries are looked for where the
//! core names them, or below `--sysroot`; a file whose build-id differs is
//! named and not used. The report goes to standard output, or to `--output`.

use anyhow::Result;

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::cli::args::AnalyzeArgs;
use crate::cli::bundle;
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::stored_core;
use crate::cli::triage::project;
use crate::cli::ui::{Stream, Ui};
use crate::dump;
use crate::report::render::json::Layout;

/// Does it.
///
/// # Errors
///
/// When the file is no core that can be read, or the report cannot be written.
pub fn analyze(args: &AnalyzeArgs, ui: &Ui) -> Result<Exit> {
    let mut destination = Destination::new(&args.report, Stream::Output, Layout::Indented)?;
    destination.show_elements(args.values.limits.max_elements);
    destination.show_locals(args.values.locals);
    let progress = Progress::start(ui, "analyzing the core");
    let options = analyze::Options {
        symbols: args.files.options()?,
        rules: project::rules()?,
        ..args.values.options()
    };
    let store = FileStore::new();
    let gaps = Gaps::new();
    let mut options = options;
    let core = stored_core::path(&args.core, args.files.store.store.as_deref())?;
    let bundle = if bundle::is_bundle(&core) { Some(bundle::open(&core)?) } else { None };
    if let Some(bundle) = &bundle {
        options.symbols.sysroot = Some(bundle.root());
    }
    let plain = bundle.as_ref().map_or_else(|| core.clone(), bundle::Opened::core);
    let process = dump::open(&plain, &store, &options.limits, &gaps)?;
    let mut report = analyze::analyze(&process, &store, &options, &gaps);
    if let Some(bundle) = &bundle {
        bundle.named(&mut report, &core);
    }
    drop(progress);
    destination.deliver(&report, ui)?;
    destination.finish(ui)?;
    let is_partial = args.strict && !report.gaps.is_empty();
    Ok(if is_partial { Exit::GapsRemain } else { Exit::Done })
}
