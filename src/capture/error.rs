//! Why a program could not be started or watched.

use std::ffi::OsString;
use std::io;

/// A program that did not run, or that could not be watched to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// No such program.
    #[error("there is no program `{}`", program.display())]
    NotFound {
        /// As the user gave it.
        program: OsString,
        /// What the system said.
        source: io::Error,
    },

    /// A file that cannot be executed.
    #[error("cannot execute `{}`", program.display())]
    NotExecutable {
        /// As the user gave it.
        program: OsString,
        /// What the system said.
        source: io::Error,
    },

    /// The system refused something else that is needed to start a program.
    #[error("cannot {what}")]
    System {
        /// "start the program", "wait for it".
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// A process that runs already may not be looked at.
    #[error("cannot attach to process {pid}: {why}")]
    Attach {
        /// Its id.
        pid: i32,
        /// The reason.
        why: String,
        /// What the user may try.
        hint: Option<String>,
    },

    /// A core file could not be written.
    #[error("cannot write the core")]
    Core {
        /// What the system said.
        source: io::Error,
    },
}

impl CaptureError {
    /// What the user may try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { program, .. } if !program.as_encoded_bytes().contains(&b'/') => {
                let name = program.display();
                Some(format!("it is looked for in $PATH; for one in this directory: ./{name}"))
            }
            Self::NotExecutable { .. } => {
                Some("check its permissions and its first line (chmod +x, `#!`)".to_owned())
            }
            Self::Attach { hint, .. } => hint.clone(),
            _ => None,
        }
    }
}
