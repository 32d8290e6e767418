//! `coretool bundle CORE -o crash.ctb`: a crash to look at elsewhere.
//!
//! The bundle has the core, the executable, the libraries and debug files whose
//! build-ids fit, the sources that the report shows, and the report. `coretool
//! analyze crash.ctb` gives the same report on a machine that has none of them.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::cli::args::FileArgs;
use crate::cli::bundle::redaction::{Redaction, mask};
use crate::cli::bundle::{self, Manifest};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::new_file::{self, Existing};
use crate::cli::progress::Progress;
use crate::cli::stored_core;
use crate::cli::triage::project;
use crate::cli::ui::Ui;
use crate::dump;
use crate::report::render::json::{self, Layout};
use crate::triage::packed_file;

/// What `coretool help bundle` says at its end.
pub const HELP: &str = "\
What looks like a secret is masked in the core, where it is, before anything is written: values of
variables and options with such names, keys and tokens of known forms. A list of what was masked,
without the values, is in the bundle and on standard error. --redact strict masks the values of all
environment variables, too. The facts that lie beside a core (CORE.sidecar.json) stay behind.";

/// `coretool bundle`.
#[derive(Clone, Debug, clap::Args)]
pub struct BundleArgs {
    /// The core file, or a kept crash: its id, or `latest`
    pub core: PathBuf,

    /// The bundle to write
    #[arg(long, short, value_name = "FILE.ctb")]
    pub output: PathBuf,

    /// Replace FILE.ctb if it exists
    #[arg(long)]
    pub force: bool,

    /// What to mask
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub redact: Redaction,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,
}

/// Does it.
///
/// # Errors
///
/// When the core cannot be read, or the bundle cannot be written.
pub fn bundle(args: &BundleArgs, ui: &Ui) -> Result<Exit> {
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    new_file::check(&args.output, existing)?;
    let options = analyze::Options {
        symbols: args.files.options()?,
        rules: project::rules()?,
        ..analyze::Options::default()
    };
    let path = stored_core::path(&args.core, args.files.store.store.as_deref())?;
    let progress = Progress::start(ui, "packing the crash");
    let directory = new_file::directory_of(&args.output);
    // Our own copy: it is changed.
    let scratch = tempfile::Builder::new().prefix(".coretool-").tempdir_in(directory);
    let scratch = scratch.with_context(|| format!("cannot write to `{}`", directory.display()))?;
    let plain = scratch.path().join("core");
    let core = plain_copy(&path, &plain)?;
    let masked = mask(&core, args.redact).context("cannot mask secrets in the core")?;

    let store = FileStore::new();
    let gaps = Gaps::new();
    let process = dump::open(&plain, &store, &options.limits, &gaps)?;
    let mut report = analyze::analyze(&process, &store, &options, &gaps);
    report.source.path = Some(args.output.display().to_string());
    let files =
        bundle::files(&report, options.symbols.sysroot.as_deref(), args.files.exe.as_deref());
    let mut text = String::new();
    json::render(&report, Layout::Indented, &mut text)?;
    let manifest = Manifest {
        executable: report.process.executable.clone(),
        masked: masked.clone(),
        ..Manifest::default()
    };
    let cannot = || format!("cannot write `{}`", args.output.display());
    let to = NamedTempFile::new_in(directory).with_context(cannot)?;
    let mut core = core;
    core.seek(SeekFrom::Start(0)).with_context(cannot)?;
    bundle::write(to.as_file(), scratch.path(), &core, &text, manifest, &files)?;
    let bytes = to.as_file().metadata().with_context(cannot)?.len();
    new_file::persist(to, &args.output, existing)?;
    drop(progress);
    ui.say(&format!(
        "coretool: `{}` has the core and {} files, {bytes} bytes",
        args.output.display(),
        files.len()
    ));
    for masked in &masked {
        ui.say(&format!("coretool: masked {} ({})", masked.what, masked.count));
    }
    if args.redact == Redaction::Off {
        ui.say("coretool: nothing was masked: the core may hold passwords and keys");
    }
    Ok(Exit::Done)
}

/// A plain copy of a core, to be changed.
fn plain_copy(path: &Path, to: &Path) -> Result<File> {
    let cannot = || format!("cannot copy `{}`", path.display());
    let from = File::open(path).with_context(cannot)?;
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.read(true).write(true).create_new(true).open(to).with_context(cannot)?;
    let mut head = [0; 4];
    let got = std::os::unix::fs::FileExt::read_at(&from, &mut head, 0).with_context(cannot)?;
    match head.get(..got) {
        Some(b"\x7fELF") => packed_file::copy_sparse(&from, &file).with_context(cannot)?,
        Some(head) if head == packed_file::MAGIC => {
            packed_file::unpack(&from, &file).with_context(cannot)?
        }
        _ => {
            let what = format!("`{}` is no plain core, and none in zstd", path.display());
            return Err(Failure::new(what, "unpack it first").into());
        }
    };
    Ok(file)
}
