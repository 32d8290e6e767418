//! Whether and how a crash would be captured on this machine, for this user,
//! in this container.
//!
//! Each file looks at one group of things and changes nothing.
//! [`proof`] crashes children to see.

mod container;
mod debug_info;
mod kernel;
mod limits;
mod outlook;
mod permissions;
mod program;
pub mod proof;
mod runtimes;
mod settings;
mod signals;
mod store;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::capture::doctor::outlook::destination;
use crate::capture::kernel_core::Prospect;
use crate::capture::privileges;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it belongs to.
    pub group: &'static str,
    /// Its stable name.
    pub name: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found, in one sentence without a period.
    pub says: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// Something will be missing, or may be.
    Warning,
    /// A crash would be lost.
    Bad,
    /// It could not be found out.
    Unknown,
}

impl Check {
    /// Makes a check without a remedy.
    pub fn new(
        group: &'static str,
        name: &'static str,
        state: State,
        says: impl Into<String>,
    ) -> Self {
        Self { group, name, state, says: says.into(), remedy: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// Looks at everything: what the machine does with a crash, what `program`
/// adds to that, and the place where crashes are kept.
pub fn examine(program: Option<&OsStr>, store: Option<&Path>) -> Vec<Check> {
    let to = destination();
    let mut checks = limits::checks(&to);
    checks.extend(kernel::checks(&to));
    checks.extend(permissions::checks());
    checks.extend(signals::checks());
    checks.extend(container::checks());
    checks.extend(store::checks(store));
    checks.extend(debug_info::checks());
    checks.extend(runtimes::checks());
    checks.extend(program.map(program::checks).unwrap_or_default());
    checks
}

/// Why `coretool run` could not trace this program, if so.
pub fn untraced(program: &OsStr) -> Option<String> {
    privileges::lost_under_trace(program)
}

/// Why the kernel would write no core of this program, if so.
pub fn no_core(program: &OsStr) -> Option<String> {
    Prospect::look(program).err()
}

/// The file that a program's name means, as a shell finds it, if there is one.
pub fn file(program: &OsStr) -> Option<PathBuf> {
    program::file(program)
}
