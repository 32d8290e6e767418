//! `coretool handler deliver`: gives a user the report of a crash of a process
//! of that user's own.
//!
//! The handler's store is root's. Beside it is a directory for each user who
//! may see a crash: a store of reports that is the user's own. Started as
//! root, this makes that directory, becomes the user, and only then reads the
//! report from standard input and keeps it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};

use crate::capture::sandbox::rights;
use crate::cli::exit::Exit;
use crate::cli::handler::captured::Captured;
use crate::report::model::{Gap, Report};
use crate::report::render::json::{self, Layout};
use crate::triage::store::{Budget, Origin, Store};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest report that is delivered.
const MOST_REPORT: u64 = 64 << 20;

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct DeliverArgs {
    /// The handler's store
    #[arg(long)]
    pub store: PathBuf,
    /// The user
    #[arg(long)]
    pub uid: u32,
    /// The user's group
    #[arg(long)]
    pub gid: u32,
    /// The process, as the host sees it
    #[arg(long)]
    pub pid: u32,
    /// When it started, in clock ticks since boot
    #[arg(long)]
    pub start_time: Option<u64>,
    /// How it was captured
    #[arg(long)]
    pub captured_by: String,
}

/// Where the reports for a user are: beside the handler's store.
pub fn place_of(store: &Path, uid: u32) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push("-users");
    store.with_file_name(name).join(uid.to_string())
}

/// Delivers the report of a crash to the user whose process it was. Root's
/// are in the handler's store already; what only root may see is delivered to
/// nobody.
///
/// # Errors
///
/// Why it was not delivered.
pub fn deliver(store: &Store, crash: &Captured, report: &Report, captured_by: &str) -> Result<()> {
    let Some((uid, gid)) = crash.owner.filter(|(uid, _)| *uid != 0) else { return Ok(()) };
    let mut report = report.clone();
    report.saved = None;
    report.gaps.push(Gap {
        missing: "the core file".to_owned(),
        why: "the handler keeps it for root only".to_owned(),
        hint: Some("as root: coretool list, coretool debug ID".to_owned()),
    });
    let mut text = String::new();
    json::render(&report, Layout::OneLine, &mut text).context("cannot render the report")?;
    let mut command = Command::new("/proc/self/exe");
    command.env_clear().args(["--quiet", "handler", "deliver", "--store"]).arg(store.root());
    command.args(["--uid", &uid.to_string(), "--gid", &gid.to_string()]);
    command.args(["--pid", &crash.pid.to_string(), "--captured-by", captured_by]);
    if let Some(start_time) = crash.start_time {
        command.args(["--start-time", &start_time.to_string()]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start the delivery")?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // Who has failed already reads nothing; its status tells.
            let _written = stdin.map(|mut stdin| stdin.write_all(text.as_bytes()));
        });
        let said = scope.spawn(move || {
            let mut text = String::new();
            let _cut = stderr.map(|err| err.take(4096).read_to_string(&mut text));
            text
        });
        // The directory is the user's, who may have put anything there.
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().context("cannot wait for the delivery")? {
                Some(status) => break status,
                None if Instant::now() > until => {
                    let _gone = child.kill();
                    break child.wait().context("cannot wait for the delivery")?;
                }
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        let said = said.join().unwrap_or_default();
        if !status.success() {
            bail!("the delivery to user {uid} ended with {status}: {}", said.trim());
        }
        Ok(())
    })
}

/// Does it.
///
/// # Errors
///
/// When the directory cannot be made or is not the user's, the rights of root
/// cannot be given up, or the report cannot be kept.
pub fn keep_for_user(args: &DeliverArgs) -> Result<Exit> {
    let place = place_of(&args.store, args.uid);
    let cannot = || format!("cannot make `{}`", place.display());
    make(&place, args.uid, args.gid).with_context(cannot)?;
    rights::become_user(args.uid, args.gid).context("cannot give up the rights of root")?;
    let mut text = Vec::new();
    io::stdin()
        .lock()
        .take(MOST_REPORT)
        .read_to_end(&mut text)
        .context("cannot read the report")?;
    let mut report: Report = serde_json::from_slice(&text).context("that is no report")?;
    let mut origin = Origin::new(SystemTime::now(), &args.captured_by);
    origin.pid = Some(args.pid);
    origin.start_time = args.start_time;
    let store = Store::open(&place, Budget::default())?;
    store.keep(None, &mut report, &origin)?;
    Ok(Exit::Done)
}

/// Makes the directory of a user, in one of root's that all may pass through.
fn make(place: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let parent = place.parent().unwrap_or(Path::new("/"));
    make_directory(parent, 0o711)?;
    let found = fs::symlink_metadata(parent)?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("its parent is not root's alone"));
    }
    // From here on nobody but root can put anything else there.
    let is_new = make_directory(place, 0o700)?;
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let directory = File::options().read(true).custom_flags(flags).open(place)?;
    if is_new {
        std::os::unix::fs::fchown(&directory, Some(uid), Some(gid))?;
    }
    match directory.metadata()?.uid() {
        owner if owner == uid => Ok(()),
        owner => Err(io::Error::other(format!("it belongs to user {owner}"))),
    }
}

/// Makes a directory, whatever the umask is. Returns whether it is new.
fn make_directory(path: &Path, mode: u32) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = place_of(Path::new("/var/lib/coretool"), 1000);
        assert_eq!(place, Path::new("/var/lib/coretool-users/1000"));
    }

    #[test]
    fn only_in_a_directory_of_roots() {
        let dir = tempfile::tempdir().unwrap();
        let own = fs::metadata(dir.path()).unwrap();
        if own.uid() != 0 {
            return;
        }
        let place = place_of(&dir.path().join("s"), 1000);
        make(&place, 1000, 1000).unwrap();
        make(&place, 1000, 1000).unwrap();
        let found = fs::metadata(&place).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o777), (1000, 0o700));
        assert_eq!(fs::metadata(place.parent().unwrap()).unwrap().mode() & 0o777, 0o711);
        // Another's, and a link that somebody has put there.
        assert!(make(&place, 1001, 1001).is_err());
        std::os::unix::fs::symlink("/tmp", place.with_file_name("1002")).unwrap();
        assert!(make(&place.with_file_name("1002"), 1002, 1002).is_err());
        make_directory(&dir.path().join("t-users"), 0o777).unwrap();
        assert!(make(&place_of(&dir.path().join("t"), 1000), 1000, 1000).is_err());
    }
}
