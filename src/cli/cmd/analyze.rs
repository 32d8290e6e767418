//! `coretool analyze CORE`: explain a core file.
//!
//! The core may come from the kernel, from gdb's `gcore` or from
//! `coretool run`. The executable and the libraries are looked for where the
//! core names them, or below `--sysroot`; a file whose build-id differs is
//! named and not used. The report goes to standard output, or to `--output`.
//! With `--sandbox` a core from elsewhere is read by a process without rights.

use std::path::Path;

use anyhow::Result;

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::capture::stop_request::StopRequest;
use crate::cli::args::AnalyzeArgs;
use crate::cli::bundle;
use crate::cli::confined;
use crate::cli::core_input;
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::recorded;
use crate::cli::stored_core;
use crate::cli::timings;
use crate::cli::triage::project;
use crate::cli::ui::{Stream, Ui};
use crate::report::model::Report;
use crate::report::render::json::Layout;

/// Does it.
///
/// # Errors
///
/// When the file is no core that can be read, or the report cannot be written.
pub fn analyze(args: &AnalyzeArgs, ui: &Ui) -> Result<Exit> {
    let options = analyze::Options {
        symbols: args.files.options()?,
        rules: project::rules()?,
        ..args.values.options()
    };
    let choice = args.files.store.store.as_deref();
    if args.confine.inside {
        return confined::inside(&args.confine, &args.core, choice, &options, ui);
    }
    let mut destination = Destination::new(&args.report, Stream::Output, Layout::Indented)?;
    destination.show_elements(args.values.limits.max_elements);
    destination.show_locals(args.values.locals);
    destination.map_paths(&args.files.path_map);
    let mut options = options;
    let timings = timings::clock(args.timings);
    options.symbols.timings = timings.clone();
    let traffic = options.symbols.servers.as_ref().map(|servers| servers.traffic.clone());
    // Before anything starts a thread.
    let stop = traffic.clone().map(|traffic| StopRequest::listen(move || traffic.stop()));
    let progress = Progress::watch(ui, "analyzing the core", traffic);
    let store = FileStore::new();
    let mut report = match args.confine.wants_child() {
        true => confined::report_of_child(&args.confine, "analyze", &options.limits)?,
        false => report(args, choice, options, &store)?,
    };
    if args.core.as_os_str() != "-"
        && let Ok(path) = stored_core::path(&args.core, choice)
    {
        recorded::note(&mut report, &path);
    }
    drop((progress, stop));
    timings.phase("output", || destination.deliver(&report, ui))?;
    destination.finish(ui)?;
    timings::tell(&timings, &store, ui);
    let is_partial = args.strict && !report.gaps.is_empty();
    Ok(if is_partial { Exit::GapsRemain } else { Exit::Done })
}

/// The report of a core, or of a bundle, which brings its own files.
fn report(
    args: &AnalyzeArgs,
    choice: Option<&Path>,
    mut options: analyze::Options,
    store: &FileStore,
) -> Result<Report> {
    let path = stored_core::path(&args.core, choice)?;
    let bundle = if bundle::is_bundle(&path) { Some(bundle::open(&path)?) } else { None };
    if let Some(bundle) = &bundle {
        options.symbols.sysroot = Some(bundle.root());
    }
    let core = bundle.as_ref().map_or_else(|| args.core.clone(), bundle::Opened::core);
    let gaps = Gaps::new();
    let timings = &options.symbols.timings;
    let open = || core_input::open(&core, choice, store, &options.limits, &gaps);
    let process = timings.phase("core", open)?;
    let mut report = analyze::analyze(&process, store, &options, &gaps);
    if let Some(bundle) = &bundle {
        bundle.named(&mut report, &path);
    }
    Ok(report)
}
