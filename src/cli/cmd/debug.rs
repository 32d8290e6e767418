//! `coretool debug [ID]`: the core of a kept crash in gdb or lldb.
//!
//! A compressed core is unpacked into a sparse file without a name, which the
//! debugger inherits: it vanishes with the debugger, however that ends.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::triage::store::Entry;

/// `coretool debug`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Words behind `--` are the debugger's: coretool debug latest -- -batch -ex bt"
)]
pub struct DebugArgs {
    /// The crash: its id or the beginning of it
    #[arg(default_value = "latest")]
    pub id: String,

    /// The debugger [default: gdb if it is installed, else lldb]
    #[arg(long = "with", value_name = "DEBUGGER", value_enum)]
    pub debugger: Option<Debugger>,

    /// The executable, if it is not where the process had it
    #[arg(long, value_name = "FILE")]
    pub exe: Option<PathBuf>,

    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArgs,

    /// Further words for the debugger
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<OsString>,
}

/// Debuggers that read cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Debugger {
    /// GNU's.
    Gdb,
    /// LLVM's.
    Lldb,
}

impl Debugger {
    fn name(self) -> &'static str {
        match self {
            Self::Gdb => "gdb",
            Self::Lldb => "lldb",
        }
    }

    /// Its command line for a core and, where known, its executable.
    fn command(self, core: &Path, executable: Option<&Path>) -> Command {
        let mut command = Command::new(self.name());
        match self {
            // gdb takes the executable first.
            Self::Gdb => command.args(executable).arg("-c").arg(core),
            Self::Lldb => command.arg("-c").arg(core).args(executable),
        };
        command
    }
}

/// Becomes the debugger, and returns only when that fails.
///
/// # Errors
///
/// When there is no such crash, no core, or no debugger.
pub fn debug(args: &DebugArgs) -> Result<Exit> {
    let store = store_place::with_crashes(args.store.store.as_deref())?;
    let entry = store.find(&args.id)?;
    let debugger = match args.debugger {
        Some(debugger) => Some(debugger).filter(|debugger| is_installed(debugger.name())),
        None => [Debugger::Gdb, Debugger::Lldb].into_iter().find(|it| is_installed(it.name())),
    };
    let debugger = debugger.ok_or_else(|| {
        let name = args.debugger.map_or("gdb nor lldb", Debugger::name);
        let what = match args.debugger {
            Some(_) => format!("{name} is not in $PATH"),
            None => format!("neither {name} is in $PATH"),
        };
        let hint = format!(
            "install one (apt install gdb), or without: coretool show {id}, coretool print {id} EXPR",
            id = entry.id
        );
        Failure::new(what, hint)
    })?;
    let core = entry.its_core()?;
    let executable = executable(args, &entry);
    let unpacked;
    let path = if core.is_compressed {
        unpacked = store.stage()?;
        store.unpack_core(&entry, unpacked.core())?;
        unpacked.inherited()?
    } else {
        core.path.clone()
    };
    let mut command = debugger.command(&path, executable.as_deref());
    // Ctrl-C and the terminal are the debugger's: there is nobody in between.
    let error = command.args(&args.arguments).exec();
    Err(anyhow::Error::new(error).context(format!("cannot start {}", debugger.name())))
}

/// The file that the process executed, or what the user gives for it.
fn executable(args: &DebugArgs, entry: &Entry) -> Option<PathBuf> {
    let there = || entry.executable.as_ref().map(PathBuf::from).filter(|path| path.is_file());
    args.exe.clone().or_else(there)
}

fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| {
        use std::os::unix::fs::PermissionsExt as _;
        let found = directory.join(name).metadata();
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}
