//! `coretool unbundle crash.ctb DIR`: a bundle as a directory, with a command
//! line for gdb.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::cli::bundle;
use crate::cli::exit::Exit;
use crate::cli::new_file::{self, Existing};
use crate::cli::ui::Ui;

/// `coretool unbundle`.
#[derive(Clone, Debug, clap::Args)]
pub struct UnbundleArgs {
    /// The bundle
    #[arg(value_name = "FILE.ctb")]
    pub bundle: PathBuf,

    /// The directory to make
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
}

/// Does it.
///
/// # Errors
///
/// When the bundle is damaged, or the directory exists.
pub fn unbundle(args: &UnbundleArgs, ui: &Ui) -> Result<Exit> {
    let cannot = || format!("cannot make the directory `{}`", args.to.display());
    DirBuilder::new().mode(0o700).create(&args.to).with_context(cannot)?;
    let manifest = match bundle::unpack(&args.bundle, &args.to) {
        Ok(manifest) => manifest,
        Err(error) => {
            // Half a bundle is none. The directory is ours: it was just made.
            let _removed = std::fs::remove_dir_all(&args.to);
            return Err(error);
        }
    };
    let to = std::path::absolute(&args.to).with_context(cannot)?;
    let to = to.display().to_string();
    let executable = manifest.executable.unwrap_or_default();
    // gdb takes one argument for each `-ex`; quotes keep spaces together.
    let script = format!(
        "#!/bin/sh\nexec gdb -iex {} -iex {} -iex {} {} {} \"$@\"\n",
        quoted("set auto-load safe-path /nonexistent"),
        quoted(&format!("set sysroot {to}/root")),
        quoted(&format!("set debug-file-directory {to}/root/usr/lib/debug")),
        quoted(&format!("{to}/root{executable}")),
        quoted(&format!("{to}/core")),
    );
    new_file::write(&args.to.join("gdb.sh"), script.as_bytes(), Existing::Keep)?;
    ui.say(&format!("coretool: made {to}"));
    ui.say(&format!("open it: sh {to}/gdb.sh"));
    Ok(Exit::Done)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
