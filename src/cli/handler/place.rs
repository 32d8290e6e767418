//! Where the handler has its files, and how the former settings come back.

use std::fs::{self, DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};

use crate::base::utc;
use crate::capture::handler::daemon::DaemonId;
use crate::capture::handler::pattern::{Settings, socket_pattern};
use crate::cli::handler::found::store_of;
use crate::cli::store_place;
use crate::report::render::escape::escaped;

/// A log is begun anew from this size on, so that a crash loop cannot fill the
/// disk with it.
const LONGEST_LOG: u64 = 1 << 20;

/// The directory `handler` of a store, of mode 0700.
#[derive(Clone, Debug)]
pub struct HandlerPlace {
    /// The store.
    pub store: PathBuf,
    directory: PathBuf,
}

impl HandlerPlace {
    /// That of the chosen store, else of the handler that `core_pattern` names,
    /// else of the system's store: whoever asks, and whatever their environment
    /// says, it is one handler for the machine. Nothing is made.
    ///
    /// # Errors
    ///
    /// When there is no place for a store.
    pub fn of(store: Option<&Path>) -> Result<Self> {
        let is_coretool = |pattern: &str| pattern.starts_with("@@") || is_pipe(pattern);
        let installed = || {
            let pattern = Settings::read().ok()?.pattern;
            is_coretool(&pattern).then(|| store_of(&pattern))?
        };
        let chosen = store.map(Path::to_owned).or_else(installed);
        let chosen = chosen.unwrap_or_else(|| PathBuf::from(store_place::SYSTEM));
        // The kernel follows no symbolic link on its way to the socket.
        let store = fs::canonicalize(&chosen).or_else(|_| std::path::absolute(&chosen))?;
        let directory = store.join("handler");
        Ok(Self { store, directory })
    }

    /// Makes the directory.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn make(&self) -> Result<()> {
        let mut builder = DirBuilder::new();
        let made = builder.mode(0o700).recursive(true).create(&self.directory);
        made.with_context(|| format!("cannot make `{}`", self.directory.display()))
    }

    /// What the kernel connects to.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// The settings from before.
    pub fn former(&self) -> PathBuf {
        self.directory.join("former")
    }

    /// Who listens.
    pub fn daemon(&self) -> PathBuf {
        self.directory.join("daemon")
    }

    /// What the rate limit remembers between two crashes.
    pub fn rates(&self) -> PathBuf {
        self.directory.join("rates")
    }

    /// Whose turn it is.
    pub fn turn(&self) -> PathBuf {
        self.directory.join("turn")
    }

    /// What went wrong.
    pub fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Writes a line to the log. There is nobody else to tell.
    pub fn say(&self, text: &str) {
        let path = self.log();
        let is_long = fs::metadata(&path).is_ok_and(|found| found.len() > LONGEST_LOG);
        let mut options = File::options();
        options.create(true).mode(0o600).append(!is_long).truncate(is_long).write(true);
        if let Ok(mut log) = options.open(&path) {
            let line = format!("{} {}\n", utc::rfc3339(SystemTime::now()), escaped(text));
            let _written = log.write_all(line.as_bytes());
        }
    }

    /// Whether a pattern is this handler's.
    pub fn is_ours(&self, pattern: &str) -> bool {
        socket_pattern(&self.socket()).is_ok_and(|ours| ours == pattern) || is_pipe(pattern)
    }

    /// Remembers the settings in force, unless some are remembered already, or
    /// those in force are our own.
    ///
    /// # Errors
    ///
    /// When they cannot be read or saved.
    pub fn remember(&self) -> Result<Settings> {
        let now = Settings::read()?;
        if self.is_ours(&now.pattern) {
            // Left by one that was killed; what was before it is in the file.
            return Ok(Settings::saved(&self.former())?.unwrap_or_else(usual));
        }
        now.save(&self.former())?;
        Ok(now)
    }

    /// Puts the former settings back, if the pattern is still ours. Returns
    /// whether it was.
    ///
    /// # Errors
    ///
    /// When they cannot be read or written.
    pub fn restore(&self) -> Result<bool> {
        let now = Settings::read()?;
        let is_ours = self.is_ours(&now.pattern);
        if is_ours {
            let former = Settings::saved(&self.former())?.unwrap_or_else(usual);
            former.write()?;
        }
        let _gone = fs::remove_file(self.former());
        Ok(is_ours)
    }

    /// Whether its files are another user's, and may not be seen.
    pub fn is_hidden(&self) -> bool {
        let denied = std::io::ErrorKind::PermissionDenied;
        fs::metadata(self.former()).is_err_and(|error| error.kind() == denied)
    }

    /// Who listens, if somebody does.
    pub fn listener(&self) -> Option<DaemonId> {
        DaemonId::alive(&self.daemon())
    }
}

/// Whether a pattern starts some coretool.
fn is_pipe(pattern: &str) -> bool {
    pattern.strip_prefix('|').is_some_and(|rest| {
        let mut words = rest.split_whitespace();
        let program = words.next().is_some_and(|program| program.ends_with("coretool"));
        program && words.next() == Some("handler") && words.next() == Some("pipe")
    })
}

/// The kernel's own settings, for when nobody knows the former ones.
fn usual() -> Settings {
    Settings { pattern: "core".to_owned(), pipe_limit: "0".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_ours() {
        let place = HandlerPlace { store: "/s".into(), directory: "/s/handler".into() };
        let cases = [
            ("core", false),
            ("@@/s/handler/socket", true),
            ("@@/t/handler/socket", false),
            ("|/usr/bin/coretool handler pipe %P %I %s %d %F", true),
            ("|/usr/bin/coretool handler", false),
            ("|/usr/lib/systemd/systemd-coredump %P", false),
            ("", false),
        ];
        for (pattern, want) in cases {
            assert_eq!(place.is_ours(pattern), want, "{pattern}");
        }
    }
}
