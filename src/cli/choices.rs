//! Values of options that are chosen from a few.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;

/// What becomes of the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EnvironmentArg {
    /// Values that may be secrets are masked.
    #[default]
    Redacted,
    /// All values.
    Full,
    /// It is not kept.
    None,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// When color is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that can, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a crash is caught.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CaptureChoice {
    /// The best way that works here.
    #[default]
    Auto,
    /// By a tracer.
    Ptrace,
    /// By the core that the kernel writes.
    Kernel,
    /// By coretool's handler in `core_pattern`.
    Handler,
    /// Not at all: only how it ended is told.
    None,
}

/// What becomes of descendants that live on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OrphansArg {
    /// They are named, and run on.
    #[default]
    Report,
    /// They are waited for.
    Wait,
    /// They are ended, by SIGTERM and then SIGKILL.
    Kill,
}

/// Which core is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreChoice {
    /// All memory that can be read.
    Full,
    /// None.
    None,
    /// A small one in this file.
    Path(PathBuf),
}

impl From<OsString> for CoreChoice {
    fn from(word: OsString) -> Self {
        match word.to_str() {
            Some("full") => Self::Full,
            Some("none") => Self::None,
            _ => Self::Path(word.into()),
        }
    }
}
