//! The operation that is going on, written down before it begins.
//!
//! A change of a crash takes several steps: a rename and a row, say. Whoever
//! makes one holds the lock of this file, and has written into it what it is
//! about to do. Killed in between, it leaves the words, and who opens the
//! store next does the rest. All steps may be done twice.

use std::cell::Cell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::place;

/// Length of the file, which never changes: on a full disk no byte more is
/// needed to begin an operation, least of all the removal of something.
const LENGTH: usize = 128;

/// How long the turn is waited for. One takes milliseconds; a process that was
/// suspended in the middle of its own holds up nobody for long: meanwhile a
/// process that died may be held, and its report is not told.
const PATIENCE: Duration = Duration::from_secs(4);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// What somebody was about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// Move `incoming/name` to `crashes/id`, and list it.
    Arrive { name: String, id: String },
    /// Put the index in step with the files of one crash: a core was
    /// compressed, and the raw one is to go.
    Refresh { id: String },
    /// Remove the cores of one crash.
    DropCore { id: String },
    /// Remove all of one crash.
    Remove { id: String },
    /// Compare the whole index with all files.
    Reconcile,
}

impl Intent {
    fn write(&self) -> [u8; LENGTH] {
        let text = match self {
            Self::Arrive { name, id } => format!("arrive {name} {id}"),
            Self::Refresh { id } => format!("refresh {id}"),
            Self::DropCore { id } => format!("drop-core {id}"),
            Self::Remove { id } => format!("remove {id}"),
            Self::Reconcile => "reconcile".to_owned(),
        };
        let mut line = [b' '; LENGTH];
        line.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        line
    }

    /// `None`: nothing was going on.
    fn read(line: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split_whitespace();
        let verb = words.next()?;
        let mut word = || words.next().filter(|word| is_name(word)).map(str::to_owned);
        let read = match verb {
            "arrive" => word().zip(word()).map(|(name, id)| Self::Arrive { name, id }),
            "refresh" => word().map(|id| Self::Refresh { id }),
            "drop-core" => word().map(|id| Self::DropCore { id }),
            "remove" => word().map(|id| Self::Remove { id }),
            _ => None,
        };
        // What makes no sense was something, and everything is looked at.
        Some(read.unwrap_or(Self::Reconcile))
    }
}

/// Whether `name` can be one of ours below a directory of the store.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The journal of a store.
#[derive(Debug)]
pub(super) struct Journal {
    /// `None`: it may not be written to, and nothing is changed.
    file: Option<File>,
    /// Whether it was waited for in vain: once is enough for one command.
    is_tired: Cell<bool>,
}

/// While it lives, nobody else changes the store.
pub(super) struct Turn<'j> {
    file: &'j File,
}

impl Journal {
    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        let path = root.join("journal");
        let cannot = StoreError::io("open", &path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path);
        let file = match file {
            // Such a store can be looked at.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                None
            }
            file => Some(file.and_then(place::owner_only).map_err(cannot)?),
        };
        Ok(Self { file, is_tired: Cell::new(false) })
    }

    /// Whether somebody is, or was, in the middle of something.
    pub(super) fn is_busy(&self) -> bool {
        self.pending().is_some()
    }

    fn pending(&self) -> Option<Intent> {
        let mut line = [0; LENGTH];
        let got = self.file.as_ref().map_or(0, |file| file.read_at(&mut line, 0).unwrap_or(0));
        let line = line.get(..got).unwrap_or_default();
        let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != 0).collect();
        Intent::read(&line)
    }

    /// Waits some seconds for the turn to change something, and says what the
    /// last one has left undone. The error is [`io::ErrorKind::WouldBlock`]
    /// when another process keeps the turn.
    pub(super) fn turn(&self) -> io::Result<(Turn<'_>, Option<Intent>)> {
        let start = Instant::now();
        loop {
            if let Some(turn) = self.turn_now()? {
                self.is_tired.set(false);
                return Ok(turn);
            }
            if self.is_tired.get() || start.elapsed() >= PATIENCE {
                self.is_tired.set(true);
                return Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "another process, which may be suspended, is changing the store",
                ));
            }
            thread::sleep(PAUSE);
        }
    }

    /// As [`Journal::turn`], without waiting. `None`: another process has it.
    pub(super) fn turn_now(&self) -> io::Result<Option<(Turn<'_>, Option<Intent>)>> {
        let file = self.file.as_ref().ok_or_else(|| {
            io::Error::new(io::ErrorKind::PermissionDenied, "it may only be read")
        })?;
        match file.try_lock() {
            Ok(()) => {
                let turn = Turn { file };
                let pending = self.pending();
                Ok(Some((turn, pending)))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Turn<'_> {
    /// Writes down what is about to be done.
    pub(super) fn begin(&self, intent: &Intent) -> io::Result<()> {
        self.file.write_all_at(&intent.write(), 0)
    }

    /// All of it is done.
    pub(super) fn done(&self) -> io::Result<()> {
        self.file.write_all_at(&[b' '; LENGTH], 0)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _unlocked = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intents_come_back() {
        let (name, id) = ("0123abcd".to_owned(), "beef00112233".to_owned());
        let intents = [
            Intent::Arrive { name, id: id.clone() },
            Intent::Refresh { id: id.clone() },
            Intent::DropCore { id: id.clone() },
            Intent::Remove { id },
            Intent::Reconcile,
        ];
        for intent in intents {
            assert_eq!(Intent::read(&intent.write()), Some(intent));
        }
        assert_eq!(Intent::read(&[b' '; LENGTH]), None);
        assert_eq!(Intent::read(b""), None);
        for odd in ["remove ../..", "remove", "\u{fffd}"] {
            assert_eq!(Intent::read(odd.as_bytes()), Some(Intent::Reconcile), "{odd}");
        }
    }
}
