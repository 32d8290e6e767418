//! From a captured process to an entry of the store.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};

use crate::base::signal::Signal;
use crate::capture::handler::{Access, Dump, DumpBudget};
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

/// Analyzes a captured process in a child without rights, and keeps it. When
/// that fails, what the kernel's notes said is kept, with the reason.
///
/// # Errors
///
/// When it cannot be kept.
pub fn keep(store: &Store, dump: Dump, staged: Staged, at: SystemTime) -> Result<Kept> {
    let facts = dump.sidecar.to_json();
    let mut report = match examine(&dump, &staged, &facts) {
        Ok(report) => report,
        Err(error) => plain_report(&dump, &error),
    };
    let rung = dump.sidecar.capture.as_ref().map_or("handler", |capture| capture.rung.as_str());
    let mut origin = Origin::new(at, rung);
    origin.pid = Some(dump.pid);
    origin.start_time = dump.start_time;
    origin.sidecar = Some(facts);
    let saved = store.keep(Some(staged), &mut report, &origin)?;
    let delivered = deliver(store, &dump, &report, &origin.captured_by);
    Ok(Kept { id: saved.id, delivered })
}

fn examine(dump: &Dump, staged: &Staged, facts: &[u8]) -> Result<Report> {
    let ours = format!("/proc/{}/fd", std::process::id());
    let mut command = Command::new("/proc/self/exe");
    command.env_clear().args(["--quiet", "handler", "examine", "--core"]);
    command.arg(format!("{ours}/{}", staged.core().as_raw_fd()));
    if let Some(root) = &dump.root {
        command.args(["--root", &format!("{ours}/{}", root.as_raw_fd())]);
    }
    let (uid, gid) = match &dump.access {
        Access::Owner { uid, gid } => (*uid, *gid),
        Access::RootOnly(_) => {
            command.arg("--root-only");
            (0, 0)
        }
    };
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
fn plain_report(dump: &Dump, error: &anyhow::Error) -> Report {
    let signal = Signal(i32::from(dump.facts.signal));
    let name = signal.name();
    let mut report = Report {
        schema: "coretool.report/1".to_owned(),
        verdict: format!("`{}` died of {name}; its core was not analyzed", dump.command),
        ..Report::default()
    };
    report.process = model::ProcessInfo {
        pid: Some(dump.pid),
        command: Some(dump.command.clone()),
        ..model::ProcessInfo::default()
    };
    report.gaps.push(Gap {
        missing: "the analysis of the core".to_owned(),
        why: format!("{error:#}"),
        hint: Some("analyze the core that was kept: coretool analyze ID".to_owned()),
    });
    report
}
