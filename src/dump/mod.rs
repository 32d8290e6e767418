//! From a core file to a [`process::Process`].

pub mod process;
pub mod siginfo;
