//! Exit statuses: part of the contract with scripts.

use std::process::ExitCode;

use crate::base::signal::Signal;

/// How coretool itself ends. `docs/USAGE.md` has this table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// It could not be done; the message on standard error says why.
    Failed,
    /// Wrong usage.
    Usage,
    /// `--strict`, and gaps remain.
    GapsRemain,
    /// A gate failed: `triage --fail-on`, or `diff` of what differs.
    GateFailed,
    /// The end of the program that `run` ran.
    Program {
        /// Its status; 128 + N when it died by signal N, as a shell has it.
        status: u8,
        /// The signal that it died by.
        signal: Option<Signal>,
    },
    /// The program that `run` ran did not end in the time of `--timeout`, as
    /// timeout(1) has it.
    TimedOut,
}

impl Exit {
    /// The number that a parent process sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::GapsRemain => 3,
            Self::GateFailed => 4,
            Self::Program { status, .. } => status,
            Self::TimedOut => 124,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
