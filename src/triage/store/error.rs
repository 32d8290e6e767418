//! Why something could not be kept, found or removed.

use std::io;
use std::path::PathBuf;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory belongs to another user, or is a way into someone else's.
    #[error("cannot use the store `{}`: {why}", path.display())]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },

    /// The system refused an operation on a file.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// "write", "make the directory".
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The index could not be used.
    #[error("cannot use the index of the store")]
    Index {
        /// What SQLite said.
        #[from]
        source: rusqlite::Error,
    },

    /// No crash has this id.
    #[error("no crash `{id}` is kept")]
    NoSuchCrash {
        /// As the user gave it.
        id: String,
    },

    /// The store is empty.
    #[error("no crash is kept")]
    Empty,

    /// The beginning of several ids.
    #[error("`{id}` is the beginning of {count} ids")]
    Ambiguous {
        /// As the user gave it.
        id: String,
        /// How many.
        count: u64,
    },

    /// The crash is kept, but its core is not.
    #[error("no core of crash {id} is kept")]
    NoCore {
        /// The crash.
        id: String,
    },

    /// All of a crash is on the disk, and another process keeps the turn to
    /// list it.
    #[error("crash {id} is not listed yet: another process is changing the store")]
    Waiting {
        /// The crash.
        id: String,
        /// Its directory.
        path: PathBuf,
    },

    /// The core was kept outside of the store, and was written again since.
    #[error("the core of crash {id} is lost: `{}` is another file now", path.display())]
    Replaced {
        /// The crash.
        id: String,
        /// Where the core was.
        path: PathBuf,
    },

    /// A file that cannot be what was kept.
    #[error("`{}` is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In which way.
        why: String,
    },
}

impl StoreError {
    /// A function that makes an error of what the system said.
    pub(super) fn io<'p>(
        what: &'static str,
        path: &'p std::path::Path,
    ) -> impl Fn(io::Error) -> Self + Copy + 'p {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    /// Whether the disk, or the user's share of it, is full.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
            ),
            Self::Index { source } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            _ => false,
        }
    }

    /// Whether another process kept what was needed: the turn to change the
    /// store, or the index.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::WouldBlock,
            Self::Index { source } => matches!(
                source.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
            ),
            Self::Waiting { .. } => true,
            _ => false,
        }
    }

    /// Whether the index itself is damaged.
    pub(super) fn is_damaged_index(&self) -> bool {
        let source = match self {
            Self::Index { source } => source,
            // A directory in its place, say.
            Self::Io { path, source, .. } => {
                return path.ends_with("index.sqlite")
                    && source.kind() == io::ErrorKind::IsADirectory;
            }
            _ => return false,
        };
        match source {
            // SQLITE_ERROR: a table or a column of ours is not there.
            rusqlite::Error::SqliteFailure(error, _) => {
                error.extended_code == rusqlite::ffi::SQLITE_ERROR
                    || matches!(
                        error.code,
                        rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase
                    )
            }
            rusqlite::Error::SqlInputError { .. }
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => true,
            _ => false,
        }
    }

    /// What the user may try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unsafe { .. } => {
                Some("run coretool as the owner, or choose another store: --store DIR".to_owned())
            }
            Self::Io { .. } if self.is_full() => {
                Some("make room: coretool prune --max-total 500M, or another disk".to_owned())
            }
            Self::Index { .. } if self.is_full() => {
                Some("make room: coretool prune --max-total 500M, or another disk".to_owned())
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("choose a directory that you may write to: --store DIR".to_owned())
            }
            Self::Waiting { path, .. } => Some(format!(
                "it is in `{}`, and is listed when that process goes on or is gone",
                path.display()
            )),
            Self::Io { path, .. } if self.is_busy() => Some(format!(
                "see which process it is, and whether it is suspended: fuser '{}'",
                path.join("journal").display()
            )),
            Self::NoSuchCrash { .. } | Self::Ambiguous { .. } => {
                Some("`coretool list` shows the ids; `latest` is the newest one".to_owned())
            }
            Self::Empty => Some("keep one: coretool run PROGRAM".to_owned()),
            Self::NoCore { .. } => Some(
                "the report is there: `coretool show`; `coretool prune --help` tells about budgets"
                    .to_owned(),
            ),
            Self::Replaced { id, path } => Some(format!(
                "the report is there: coretool show {id}; to look at that file: {}",
                path.display()
            )),
            Self::Damaged { path, .. } if path.extension().is_some_and(|it| it == "zst") => {
                Some(format!("look at what is left of it: coretool analyze {}", path.display()))
            }
            Self::Damaged { path, .. } => path
                .parent()
                .and_then(|directory| directory.file_name())
                .map(|id| format!("remove what is left: coretool rm {}", id.to_string_lossy())),
            _ => None,
        }
    }
}
