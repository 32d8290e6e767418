//! From a captured process to an entry of the store.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::capture::handler::DumpBudget;
use crate::cli::handler::captured::Captured;
use crate::cli::handler::deliver::deliver;
use crate::report::model::{self, Gap, Report};
use crate::triage::store::{Origin, Staged, Store};

/// How long an analysis may take.
const PATIENCE: Duration = Duration::from_secs(150);
/// The largest report that is taken from the child.
const MOST_REPORT: u64 = 256 << 20;

/// What is copied of a process while it is held.
pub const BUDGET: DumpBudget = DumpBudget { bytes: 4 << 30, time: Duration::from_secs(20) };

/// What was kept.
pub struct Kept {
    /// Its id.
    pub id: String,
    /// Whether the user whose process it was has got the report.
    pub delivered: Result<()>,
}

/// Where the files of a process are.
#[derive(Clone, Copy, Debug)]
pub enum Root<'a> {
    /// Where ours are.
    Ours,
    /// Below this directory.
    Other(&'a OwnedFd),
    /// Below one that is not known any more.
    Lost,
}

/// Analyzes a captured process in a child without rights, and keeps it. When
/// that fails or is `refused`, what the kernel's notes said is kept, with the
/// reason.
///
/// # Errors
///
/// When it cannot be kept.
pub fn keep(
    store: &Store,
    crash: Captured,
    staged: Staged,
    refused: Option<anyhow::Error>,
) -> Result<Kept> {
    let facts = crash.sidecar.to_json();
    let examined = match refused {
        None => examine(&crash, &staged, &facts),
        Some(why) => Err(why),
    };
    let mut report = examined.unwrap_or_else(|error| plain_report(&crash, &error));
    if matches!(crash.root(), Root::Lost) {
        report.gaps.push(Gap {
            missing: "the program's own files".to_owned(),
            why: "it had another root directory, which whoever captured it knew; that one was \
                  killed before the analysis"
                .to_owned(),
            hint: Some("with the files at hand: coretool analyze ID --sysroot DIR".to_owned()),
        });
    }
    let rung = crash.sidecar.capture.as_ref().map_or("handler", |capture| capture.rung.as_str());
    let mut origin = Origin::new(crash.at(), rung);
    origin.pid = Some(crash.pid);
    origin.start_time = crash.start_time;
    origin.sidecar = Some(facts);
    let saved = store.keep(Some(staged), &mut report, &origin)?;
    let delivered = deliver(store, &crash, &report, &origin.captured_by);
    Ok(Kept { id: saved.id, delivered })
}

fn examine(crash: &Captured, staged: &Staged, facts: &[u8]) -> Result<Report> {
    let ours = format!("/proc/{}/fd", std::process::id());
    let mut command = Command::new("/proc/self/exe");
    command.env_clear().args(["--quiet", "handler", "examine", "--core"]);
    command.arg(format!("{ours}/{}", staged.core().as_raw_fd()));
    // Our own files are not its own: better none than wrong ones.
    let nothing = match crash.root() {
        Root::Ours => None,
        Root::Other(root) => {
            command.args(["--root", &format!("{ours}/{}", root.as_raw_fd())]);
            None
        }
        Root::Lost => Some(tempfile::tempdir().context("cannot make an empty directory")?),
    };
    if let Some(nothing) = &nothing {
        command.arg("--root").arg(nothing.path());
    }
    if crash.owner.is_none() {
        command.arg("--root-only");
    }
    let (uid, gid) = crash.owner.unwrap_or((0, 0));
    command.args(["--uid", &uid.to_string(), "--gid", &gid.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start the analysis")?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut text = Vec::new();
            let read = stdout.map(|out| out.take(MOST_REPORT).read_to_end(&mut text));
            let is_read = read.is_some_and(|read| read.is_ok());
            let _listening = sender.send(is_read.then_some(text));
        });
        let said = scope.spawn(move || {
            let mut text = String::new();
            let _cut = stderr.map(|err| err.take(4096).read_to_string(&mut text));
            text
        });
        if let Some(mut stdin) = stdin {
            // It may have failed already, which its status tells.
            let _written = stdin.write_all(facts);
        }
        let text = receiver.recv_timeout(PATIENCE);
        if text.is_err() {
            let _gone = child.kill();
        }
        let status = child.wait().context("cannot wait for the analysis")?;
        let said = said.join().unwrap_or_default();
        let Ok(text) = text else { bail!("the analysis took more than {PATIENCE:?}") };
        if !status.success() {
            bail!("the analysis ended with {status}: {}", said.trim());
        }
        serde_json::from_slice(&text.unwrap_or_default()).context("the analysis sent no report")
    })
}

/// What is known without looking into the core.
fn plain_report(crash: &Captured, error: &anyhow::Error) -> Report {
    let name = crash.signal_name();
    let mut report = Report {
        schema: "coretool.report/1".to_owned(),
        verdict: format!("`{}` died of {name}; its core was not analyzed", crash.command),
        ..Report::default()
    };
    report.process = model::ProcessInfo {
        pid: Some(crash.pid),
        command: Some(crash.command.clone()),
        ..model::ProcessInfo::default()
    };
    report.gaps.push(Gap {
        missing: "the analysis of the core".to_owned(),
        why: format!("{error:#}"),
        hint: Some("analyze the core that was kept: coretool analyze ID".to_owned()),
    });
    report
}
