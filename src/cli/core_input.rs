//! Opens the core that a command is about.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::cli::stored_core;
use crate::dump;
use crate::dump::error::DumpError;
use crate::dump::process::Process;

/// What stands for standard input.
const INPUT: &str = "-";

/// A core that was found, and is not read yet.
#[derive(Debug)]
pub enum CoreInput {
    /// Standard input.
    Stream,
    /// A file, and what it is called.
    File(File, PathBuf),
}

impl CoreInput {
    /// Finds the core that `word` means: a file, the id of a kept crash, or `-`
    /// for standard input. `choice` is the store that the user names.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn find(word: &Path, choice: Option<&Path>) -> Result<Self> {
        if word.as_os_str() == INPUT {
            return Ok(Self::Stream);
        }
        let path = stored_core::path(word, choice)?;
        // A fifo would block for ever; it is refused when it is mapped.
        let opened = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
        match opened {
            Ok(file) => Ok(Self::File(file, path)),
            Err(source) => Err(DumpError::Io { path, source }.into()),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it is no core that can be read.
    pub fn read<'f>(
        self,
        store: &'f FileStore,
        limits: &Limits,
        gaps: &Gaps,
    ) -> Result<Process<'f>, DumpError> {
        match self {
            Self::Stream => {
                let input = BufReader::with_capacity(1 << 20, io::stdin());
                dump::open_stream(Box::new(input), Path::new(INPUT), store, limits, gaps)
            }
            Self::File(file, path) => match store.map(&file) {
                Ok(stored) => dump::open_stored(stored, &path, store, limits, gaps),
                Err(source) => Err(DumpError::Io { path, source }),
            },
        }
    }
}

/// Finds and reads the core that `word` means.
///
/// # Errors
///
/// When there is none, or it is no core that can be read.
pub fn open<'f>(
    word: &Path,
    choice: Option<&Path>,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Process<'f>> {
    let input = CoreInput::find(word, choice)?;
    lend_scratch(store);
    Ok(input.read(store, limits, gaps)?)
}

/// Lends a file that nobody else sees, and that is gone when it is closed.
/// Without one, less is kept of a compressed core.
pub fn lend_scratch(store: &FileStore) {
    let wanted = std::env::var_os("TMPDIR").filter(|name| !name.is_empty()).map(PathBuf::from);
    // What is under /tmp may be memory.
    let places = wanted.into_iter().chain(["/var/tmp", "/tmp"].map(PathBuf::from));
    let made = places.into_iter().find_map(|directory| {
        let mut options = File::options();
        options.read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE);
        options.open(directory).ok()
    });
    if let Some(file) = made {
        store.lend_scratch(file);
    }
}
