//! Where the store's files are, and whether that place may be trusted.
//!
//! ```text
//! ROOT/index.sqlite      the index; made anew from the files when damaged
//! ROOT/journal           the operation that is going on, and its lock
//! ROOT/counts.json       counts of crashes, for a lost index
//! ROOT/crashes/ID/       one crash: entry.json, report.json, core or core-DIGEST.zst
//! ROOT/incoming/         crashes that are being written, and those being removed
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// The paths of a store.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    pub(super) crashes: PathBuf,
    pub(super) incoming: PathBuf,
}

impl Place {
    /// Makes the directories where they are missing, and checks that nobody
    /// else may write to them.
    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        let root = std::path::absolute(root).map_err(StoreError::io("find the directory", root))?;
        let me = nix::unistd::geteuid();
        private_directory(&root, true)?;
        let found = fs::symlink_metadata(&root).map_err(StoreError::io("read", &root))?;
        if found.is_symlink() && me.is_root() {
            let why = "it is a symbolic link, which root does not follow".to_owned();
            return Err(StoreError::Unsafe { path: root, why });
        }
        check(&root, &fs::metadata(&root).map_err(StoreError::io("read", &root))?)?;
        let (crashes, incoming) = (root.join("crashes"), root.join("incoming"));
        for inner in [&crashes, &incoming] {
            private_directory(inner, false)?;
            let found = fs::symlink_metadata(inner).map_err(StoreError::io("read", inner))?;
            if !found.is_dir() {
                let why = "it is no directory".to_owned();
                return Err(StoreError::Unsafe { path: inner.clone(), why });
            }
            check(inner, &found)?;
        }
        Ok(Self { root, crashes, incoming })
    }

    /// The index.
    pub(super) fn index(&self) -> PathBuf {
        self.root.join("index.sqlite")
    }

    /// One crash's directory.
    pub(super) fn crash(&self, id: &str) -> PathBuf {
        self.crashes.join(id)
    }

    /// A new name below `incoming`.
    pub(super) fn new_incoming(&self, prefix: &str) -> PathBuf {
        // A fresh state is random: two writers do not meet.
        let name = RandomState::new().hash_one(std::process::id());
        self.incoming.join(format!("{prefix}{name:016x}"))
    }
}

/// Makes a directory that only its owner may look into. One that is there
/// stays as it is.
pub(super) fn private_directory(path: &Path, with_parents: bool) -> Result<(), StoreError> {
    // With its parents it is made without an error when it is there.
    if with_parents && path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().mode(0o700).recursive(with_parents).create(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => {
            Err(StoreError::io("make the directory", path)(error))
        }
        // The user's umask may have taken it from the owner, too.
        Ok(()) => match fs::set_permissions(path, fs::Permissions::from_mode(0o700)) {
            // Swept by another process already: who opens it will see.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.map_err(StoreError::io("make the directory", path)),
        },
        _ => Ok(()),
    }
}

/// A file that has just been made, readable for its owner whatever the umask.
pub(super) fn owner_only(file: File) -> io::Result<File> {
    let mode = file.metadata()?.mode();
    if mode & 0o600 != 0o600 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn check(path: &Path, found: &fs::Metadata) -> Result<(), StoreError> {
    let me = nix::unistd::geteuid().as_raw();
    let why = if found.uid() != me {
        format!("it belongs to user {}, and you are user {me}", found.uid())
    } else if found.mode() & 0o022 != 0 {
        format!("others may write to it (mode {:03o})", found.mode() & 0o777)
    } else {
        return Ok(());
    };
    Err(StoreError::Unsafe { path: path.to_owned(), why })
}

/// How a file is made that must not exist: for its owner only.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .and_then(owner_only)
}

/// Reads a whole regular file of at most `most` bytes. A pipe, that somebody
/// has put in its place, is not waited for.
pub(super) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, StoreError> {
    let cannot = StoreError::io("read", path);
    let damaged = |why: String| StoreError::Damaged { path: path.to_owned(), why };
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => damaged("it is a symbolic link".to_owned()),
        Some(libc::ENXIO) => damaged("it is no file".to_owned()),
        _ => cannot(error),
    })?;
    let found = file.metadata().map_err(cannot)?;
    if !found.is_file() {
        return Err(damaged("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > most {
        let length = found.len();
        return Err(damaged(format!("it has {length} bytes, and none of ours has over {most}")));
    }
    Ok(bytes)
}

/// Writes a new file.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || new_file(path)?.write_all(bytes);
    write().map_err(|error| {
        let _half = fs::remove_file(path);
        StoreError::io("write", path)(error)
    })
}

/// A file without a name in `directory`, which vanishes unless it is
/// [linked](link).
pub(super) fn nameless_file(directory: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_TMPFILE)
        .open(directory)
        .and_then(owner_only)
}

/// Gives a nameless file a name, which must be free.
pub(super) fn link(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    nix::unistd::linkat(
        nix::fcntl::AT_FDCWD,
        from.as_str(),
        nix::fcntl::AT_FDCWD,
        path,
        nix::fcntl::AtFlags::AT_SYMLINK_FOLLOW,
    )
    .map_err(io::Error::from)
}

/// Bytes that a file takes on disk, without its holes.
pub(super) fn on_disk(found: &fs::Metadata) -> u64 {
    // st_blocks counts units of 512 bytes, whatever the file system's are.
    found.blocks().saturating_mul(512)
}

/// Bytes that the user may still write, and the size of the file system.
pub(super) fn free_space(path: &Path) -> Option<(u64, u64)> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    let unit = found.fragment_size();
    Some((found.blocks_available().saturating_mul(unit), found.blocks().saturating_mul(unit)))
}
