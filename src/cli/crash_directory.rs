//! Where crashes are kept: one private directory each.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};

use crate::cli::failure::Failure;
use crate::cli::utc;

/// A crash's own directory, mode 0700.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashDirectory {
    /// Its absolute path.
    pub path: PathBuf,
}

/// Directories that one crash tries before it gives up.
const MOST_TRIES: u32 = 1_000;

impl CrashDirectory {
    /// Makes `<UTC time>-<command>-<pid>` below `crashes`, which is made too.
    /// A name that is taken gets a number.
    ///
    /// # Errors
    ///
    /// What the system says, with the path.
    pub fn create(crashes: &Path, command: &str, pid: u32, at: SystemTime) -> Result<Self> {
        let cannot = |path: &Path| {
            let what = format!("cannot make the directory `{}`", path.display());
            Failure::new(what, "set XDG_STATE_HOME to a directory that you may write to")
        };
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder.recursive(true).create(crashes).with_context(|| cannot(crashes))?;
        builder.recursive(false);
        let name = format!("{}-{}-{pid}", utc::compact(at), plain(command));
        for number in 1..=MOST_TRIES {
            let path = match number {
                1 => crashes.join(&name),
                number => crashes.join(format!("{name}-{number}")),
            };
            match builder.create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
                Err(error) => return Err(error).with_context(|| cannot(&path)),
            }
        }
        Err(cannot(&crashes.join(name)).into())
    }

    /// The crash's short name: eight hexadecimal digits made of its
    /// directory's.
    pub fn id(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().as_encoded_bytes();
        // FNV-1a, 32 bits: short, the same in each version of the tool.
        let hash = name.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        format!("{hash:08x}")
    }
}

/// Where crashes are kept: `coretool/crashes` in `XDG_STATE_HOME`, or in
/// `.local/state` of the home directory. `variable` reads the environment.
///
/// # Errors
///
/// When neither variable names an absolute path.
pub fn crashes(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // The XDG specification says that relative paths are to be ignored.
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let state = state.ok_or_else(|| {
        let what = "no place to keep crashes: neither XDG_STATE_HOME nor HOME is an absolute path";
        Failure::new(what, "set XDG_STATE_HOME to a directory that you may write to")
    })?;
    Ok(state.join("coretool/crashes"))
}

/// A command as part of a file's name.
fn plain(command: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    let name: String =
        command.chars().map(|char| if is_plain(char) { char } else { '_' }).take(32).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn each_crash_has_its_own_private_directory() {
        let dir = tempfile::tempdir().unwrap();
        let crashes = dir.path().join("state/coretool/crashes");
        let first = CrashDirectory::create(&crashes, "a/b c", 7, UNIX_EPOCH).unwrap();
        let second = CrashDirectory::create(&crashes, "a/b c", 7, UNIX_EPOCH).unwrap();
        assert_eq!(first.path, crashes.join("19700101T000000Z-a_b_c-7"));
        assert_eq!(second.path, crashes.join("19700101T000000Z-a_b_c-7-2"));
        assert_ne!(first.id(), second.id());
        for path in [&first.path, &crashes] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn places() {
        // (name, XDG_STATE_HOME, HOME, want)
        let cases = [
            ("the home", None, Some("/home/ann"), Some("/home/ann/.local/state/coretool/crashes")),
            ("chosen", Some("/var/x"), Some("/home/ann"), Some("/var/x/coretool/crashes")),
            ("relative", Some("x"), Some("/h"), Some("/h/.local/state/coretool/crashes")),
            ("nothing", None, None, None),
        ];
        for (name, state, home, want) in cases {
            let variable = |name: &str| match name {
                "XDG_STATE_HOME" => state.map(OsString::from),
                "HOME" => home.map(OsString::from),
                _ => None,
            };
            assert_eq!(crashes(variable).ok(), want.map(PathBuf::from), "{name}");
        }
    }
}
