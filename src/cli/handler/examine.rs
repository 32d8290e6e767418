//! `coretool handler examine`: reads an untrusted core, without any rights.
//!
//! Started as root by the handler, with the facts from `/proc` on standard
//! input; it opens what it was told to, gives up its rights, and writes the
//! report to standard output. Nothing of the core is looked at before that.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::capture::sandbox::rights::{self, Confinement};
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::dump;
use crate::dump::sidecar::{MOST_BYTES, Sidecar};
use crate::report::render::json::{self, Layout};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct ExamineArgs {
    /// The core
    #[arg(long)]
    pub core: PathBuf,
    /// The root directory of the process
    #[arg(long)]
    pub root: Option<PathBuf>,
    /// Its user
    #[arg(long)]
    pub uid: u32,
    /// Its group
    #[arg(long)]
    pub gid: u32,
    /// Only root may see the dump
    #[arg(long)]
    pub root_only: bool,
}

/// Does it.
///
/// # Errors
///
/// When the rights cannot be given up, or the core cannot be read.
pub fn examine(args: &ExamineArgs, ui: &Ui) -> Result<Exit> {
    let core = File::open(&args.core).context("cannot open the core")?;
    let root = args.root.as_deref().map(open_directory).transpose();
    let root = root.context("cannot open the root directory of the process")?;
    let mut facts = Vec::new();
    let most = MOST_BYTES as u64;
    io::stdin().lock().take(most).read_to_end(&mut facts).context("cannot read the facts")?;
    let confinement = Confinement { uid: args.uid, gid: args.gid, is_root_only: args.root_only };
    rights::enter(confinement, root).context("cannot give up the rights of root")?;

    let store = FileStore::new();
    let options = analyze::Options::default();
    let gaps = Gaps::new();
    let file = store.map(&core).context("cannot map the core")?;
    let name = Path::new("core");
    let mut process = dump::open_stored(file, name, &store, &options.limits, &gaps)?;
    process.sidecar = Sidecar::from_json(&facts);
    let report = analyze::analyze(&process, &store, &options, &gaps);
    let mut text = String::new();
    json::render(&report, Layout::OneLine, &mut text).context("cannot render the report")?;
    ui.data(&text)?;
    Ok(Exit::Done)
}

fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    Ok(fs::File::options().read(true).custom_flags(flags).open(path)?.into())
}
