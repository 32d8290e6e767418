//! Puts a handler into `core_pattern`, and takes it out again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const PATTERN: &str = "/proc/sys/kernel/core_pattern";
const PIPE_LIMIT: &str = "/proc/sys/kernel/core_pipe_limit";
const MODES: &str = "/proc/sys/kernel/core_modes";
/// What the kernel keeps of a pattern, `CORENAME_MAX_SIZE` less its NUL. It
/// cuts the rest in silence.
const LONGEST: usize = 127;
/// What a socket's path may have: `sun_path` less its NUL.
const LONGEST_SOCKET: usize = 107;
/// Pipe handlers at once. With none the kernel does not wait for them, and
/// `/proc` of the process vanishes; what is over the limit it drops.
pub const WANTED_PIPE_LIMIT: u32 = 1024;

/// Why a handler cannot be put into the pattern.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// One of the kernel's files, or one of ours.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// "read", "write".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel kept something else than what was written. The former value
    /// is back.
    #[error("the kernel made `{read}` of the pattern `{written}`")]
    Changed {
        /// What was written.
        written: String,
        /// What the kernel has of it.
        read: String,
    },
    /// A path that a pattern cannot hold, or that is not safe there.
    #[error("`{}` cannot stand in core_pattern: {why}", path.display())]
    Unfit {
        /// The program or the socket.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

fn cannot<'p>(what: &'static str, path: &'p Path) -> impl Fn(io::Error) -> PatternError + 'p {
    move |source| PatternError::Io { what, path: path.to_owned(), source }
}

/// The two settings that a handler changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `core_pattern`, without its line end.
    pub pattern: String,
    /// `core_pipe_limit`.
    pub pipe_limit: String,
}

impl Settings {
    /// What is in force.
    ///
    /// # Errors
    ///
    /// When `/proc/sys` cannot be read.
    pub fn read() -> Result<Self, PatternError> {
        Ok(Self { pattern: read(PATTERN)?, pipe_limit: read(PIPE_LIMIT)? })
    }

    /// Puts these in force, and makes sure that they are.
    ///
    /// # Errors
    ///
    /// When they cannot be written, or the kernel kept something else; then the
    /// former ones are in force.
    pub fn write(&self) -> Result<(), PatternError> {
        let former = Self::read()?;
        let done = self.try_write();
        if done.is_err() {
            // The first error is the one to tell.
            let _restored = former.try_write();
        }
        done
    }

    fn try_write(&self) -> Result<(), PatternError> {
        // The limit first: with a pipe and no limit the kernel does not wait.
        for (path, text) in [(PIPE_LIMIT, &self.pipe_limit), (PATTERN, &self.pattern)] {
            if read(path)? != *text {
                write(path, text)?;
            }
            let read = read(path)?;
            if read != *text {
                return Err(PatternError::Changed { written: text.clone(), read });
            }
        }
        Ok(())
    }

    /// Saves these in a file of mode 0600, in one step.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn save(&self, path: &Path) -> Result<(), PatternError> {
        let new = path.with_extension("new");
        let text = format!("{}\n{}\n", self.pattern, self.pipe_limit);
        let write = || {
            let _left_over = fs::remove_file(&new);
            let mut options = File::options();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, path)
        };
        write().map_err(cannot("write", path))
    }

    /// Those that [`Settings::save`] wrote. `None`: there is no such file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is another's.
    pub fn saved(path: &Path) -> Result<Option<Self>, PatternError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(cannot("read", path))?,
        };
        let mut lines = text.lines();
        let settings = lines.next().zip(lines.next()).map(|(pattern, limit)| Self {
            pattern: pattern.to_owned(),
            pipe_limit: limit.to_owned(),
        });
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "it has not two lines");
        settings.ok_or_else(bad).map(Some).map_err(cannot("read", path))
    }
}

/// Whether this kernel has the socket that asks first (`@@`).
pub fn has_socket() -> bool {
    let modes = fs::read_to_string(MODES).unwrap_or_default();
    // The word is there since 6.16, with the plain socket; `@@` came in 6.17,
    // as the kernel says only when it is written.
    modes.split_whitespace().any(|mode| mode == "socket")
}

/// The pattern for a socket.
///
/// # Errors
///
/// When the kernel would refuse its path, then or at a crash.
pub fn socket_pattern(socket: &Path) -> Result<String, PatternError> {
    let text = plain_path(socket)?;
    let pattern = format!("@@{text}");
    if text.len() > LONGEST_SOCKET || pattern.len() > LONGEST {
        let why = format!("a socket's path may have {LONGEST_SOCKET} characters");
        return Err(PatternError::Unfit { path: socket.to_owned(), why });
    }
    Ok(pattern)
}

/// The pattern for a program: host pid and thread, signal, dumpable, pidfd.
///
/// # Errors
///
/// When the program's path cannot stand there, or who is not root may change
/// the program.
pub fn pipe_pattern(
    program: &Path,
    store: Option<&Path>,
    burst: Option<u32>,
) -> Result<String, PatternError> {
    let text = plain_path(program)?;
    check_program(program)?;
    let mut pattern = format!("|{text} handler pipe %P %I %s %d %F");
    if let Some(store) = store {
        pattern.push_str(&format!(" --store {}", plain_path(store)?));
    }
    if let Some(burst) = burst {
        pattern.push_str(&format!(" --burst {burst}"));
    }
    if pattern.len() > LONGEST {
        let why =
            format!("the pattern would have {} characters, and may have {LONGEST}", pattern.len());
        return Err(PatternError::Unfit { path: program.to_owned(), why });
    }
    Ok(pattern)
}

/// Whether only root can change what the kernel would start as root.
///
/// # Errors
///
/// The file or the directory that others may change.
pub fn check_program(program: &Path) -> Result<(), PatternError> {
    for path in program.ancestors().filter(|path| !path.as_os_str().is_empty()) {
        let found = fs::symlink_metadata(path).map_err(cannot("read", path))?;
        let mode = found.permissions().mode();
        // In a sticky directory others cannot replace what is root's.
        let is_sticky = found.is_dir() && mode & 0o1000 != 0;
        let why = match () {
            () if found.uid() != 0 => format!("`{}` is not root's", path.display()),
            () if mode & 0o002 != 0 && !is_sticky => {
                format!("everybody may write to `{}`", path.display())
            }
            () if mode & 0o020 != 0 && found.gid() != 0 && !is_sticky => {
                format!("a group may write to `{}`", path.display())
            }
            () => continue,
        };
        let why = format!("the kernel would start it as root, and {why}");
        return Err(PatternError::Unfit { path: program.to_owned(), why });
    }
    Ok(())
}

/// A path that a pattern can hold: absolute, and without anything that the
/// kernel takes apart.
fn plain_path(path: &Path) -> Result<&str, PatternError> {
    let unfit = |why: &str| PatternError::Unfit { path: path.to_owned(), why: why.to_owned() };
    let text = path.to_str().ok_or_else(|| unfit("it is not UTF-8"))?;
    match () {
        () if !path.is_absolute() => Err(unfit("it is not absolute")),
        () if text.split('/').any(|part| part == "..") => Err(unfit("it has `..` in it")),
        () if text.contains(|char: char| char.is_whitespace() || char.is_control()) => {
            Err(unfit("the kernel splits the pattern at spaces"))
        }
        () if text.contains(['%', '\\']) => Err(unfit("it has a `%` or a backslash in it")),
        () => Ok(text),
    }
}

fn read(path: &str) -> Result<String, PatternError> {
    let text = fs::read(path).map_err(cannot("read", Path::new(path)))?;
    Ok(String::from_utf8_lossy(&text).trim_end_matches('\n').to_owned())
}

fn write(path: &str, text: &str) -> Result<(), PatternError> {
    let write = || {
        // An empty write changes nothing: a line end makes an empty pattern.
        let text = format!("{text}\n");
        File::options().write(true).open(path)?.write_all(text.as_bytes())
    };
    write().map_err(cannot("write", Path::new(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_fit() {
        let cases = [
            ("/var/lib/coretool/handler/socket", true),
            ("/a b", false),
            ("/a/../b", false),
            ("a", false),
            ("/a%b", false),
            ("/a\n", false),
        ];
        for (path, want) in cases {
            assert_eq!(socket_pattern(Path::new(path)).is_ok(), want, "{path}");
        }
        assert!(socket_pattern(&Path::new("/").join("a".repeat(107))).is_err());
        assert_eq!(socket_pattern(Path::new("/s")).unwrap(), "@@/s");
    }

    #[test]
    fn settings_survive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("former");
        assert_eq!(Settings::saved(&path).unwrap(), None);
        for pattern in ["core", "", "|/usr/lib/x %P %F"] {
            let settings = Settings { pattern: pattern.to_owned(), pipe_limit: "0".to_owned() };
            settings.save(&path).unwrap();
            assert_eq!(Settings::saved(&path).unwrap(), Some(settings));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&path, "one line").unwrap();
        assert!(Settings::saved(&path).is_err());
    }
}
