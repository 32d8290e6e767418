//! Options that several commands share, and what they mean for an analysis.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::analyze::{Locals, Options};
use crate::base::limits::Limits;
use crate::cli::args::{FileArgs, PlaceArgs};
use crate::cli::failure::Failure;
use crate::inspect::Choice;
use crate::symbols::SymbolOptions;

/// The option of all commands that know kept crashes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct StoreArgs {
    /// The directory where crashes are kept [default: coretool in $XDG_STATE_HOME, for root
    /// /var/lib/coretool, or else ~/.local/state/coretool]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// Options of all commands that show values.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LimitArgs {
    /// Show up to N bytes of a string [default: 200]
    #[arg(long, value_name = "N")]
    pub max_string: Option<usize>,

    /// Show up to N elements of an array or container [default: 20]
    #[arg(long, value_name = "N")]
    pub max_elements: Option<usize>,

    /// Show values that nest up to N deep [default: 4]
    #[arg(long, value_name = "N")]
    pub max_depth: Option<usize>,
}

impl LimitArgs {
    /// The usual limits, but for what the user asks for.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if let Some(bytes) = self.max_string {
            limits = limits.with_string(bytes);
        }
        if let Some(elements) = self.max_elements {
            limits = limits.with_elements(elements);
        }
        if let Some(depth) = self.max_depth {
            limits = limits.with_depth(depth);
        }
        limits
    }
}

impl FileArgs {
    /// Where files are looked for.
    ///
    /// # Errors
    ///
    /// When the user names a file or a directory that is not there: what it
    /// was meant to tell would be missing.
    pub fn options(&self) -> Result<SymbolOptions> {
        if let Some(file) = &self.exe {
            let found = file.metadata();
            let found =
                found.with_context(|| format!("cannot use `{}` (--exe)", file.display()))?;
            if found.is_dir() {
                let what = format!("cannot use `{}` (--exe): it is a directory", file.display());
                return Err(Failure::new(what, "give the program's file").into());
            }
        }
        if let Some(root) = &self.sysroot {
            let found = root.metadata();
            let found =
                found.with_context(|| format!("cannot use `{}` (--sysroot)", root.display()))?;
            if !found.is_dir() {
                let what =
                    format!("cannot use `{}` (--sysroot): it is no directory", root.display());
                return Err(Failure::new(what, "give the directory that stands for /").into());
            }
        }
        for directory in &self.binaries {
            let found = directory.metadata();
            let found = found
                .with_context(|| format!("cannot use `{}` (--binaries)", directory.display()))?;
            if !found.is_dir() {
                let what = format!(
                    "cannot use `{}` (--binaries): it is no directory",
                    directory.display()
                );
                return Err(Failure::new(what, "give the directory that has the files").into());
            }
        }
        let mut options = SymbolOptions {
            executable: self.exe.clone(),
            sysroot: self.sysroot.clone(),
            debug_directories: self.debug_directories.clone(),
            binaries: self.binaries.clone(),
            path_map: self.path_map.clone(),
            ..SymbolOptions::default()
        };
        self.symbols.apply(&mut options)?;
        Ok(options)
    }
}

/// `FROM=TO`: two paths, of which the first has no `=`.
///
/// # Errors
///
/// When there is no `=`, or nothing before it.
pub fn path_pair(word: &str) -> Result<(PathBuf, PathBuf), String> {
    match word.split_once('=') {
        Some((from, to)) if !from.is_empty() => Ok((from.into(), to.into())),
        _ => Err("it is FROM=TO, two paths".to_owned()),
    }
}

impl PlaceArgs {
    /// The place that was chosen.
    pub fn choice(&self) -> Choice {
        Choice { thread: self.thread, frame: self.frame }
    }
}

/// Options of the commands that show a whole process.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ValueArgs {
    /// Whose local variables to show
    #[arg(long, value_enum, default_value_t, value_name = "WHOSE")]
    pub locals: LocalsArg,

    /// Show the global variables of the crashed function's source file, too
    #[arg(long)]
    pub globals: bool,

    /// Show the instructions around the fault, too
    #[arg(long)]
    pub disassemble: bool,

    /// How much of one value is shown.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Whose local variables are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LocalsArg {
    /// Those of the crashed thread.
    #[default]
    Crashed,
    /// Those of all threads.
    All,
    /// None.
    None,
}

impl ValueArgs {
    /// What an analysis is told.
    pub fn options(&self) -> Options {
        Options {
            limits: self.limits.limits(),
            locals: match self.locals {
                LocalsArg::Crashed => Locals::Crashed,
                LocalsArg::All => Locals::All,
                LocalsArg::None => Locals::None,
            },
            globals: self.globals,
            disassemble: self.disassemble,
            ..Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_as_usual() {
        let usual = Options::default();
        assert_eq!(ValueArgs::default().options().limits, usual.limits);
        let limits = LimitArgs { max_elements: Some(100), ..LimitArgs::default() };
        let args = ValueArgs { locals: LocalsArg::None, globals: true, disassemble: false, limits };
        let asked = args.options();
        assert_eq!((asked.locals, asked.globals), (Locals::None, true));
        assert_eq!(asked.limits.elements, 100);
        assert_eq!(asked.limits.string, usual.limits.string);
    }
}
