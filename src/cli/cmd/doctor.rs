//! `coretool doctor [PROGRAM]`: whether and how a crash would be captured here,
//! why not, and what to change.
//!
//! It looks at limits, the kernel's settings, permissions, the container, the
//! store, debug information and what language runtimes are told, and proves
//! what it says by crashing a child of its own. It changes no setting, and
//! leaves nothing behind.
//!
//! Exit status: 0 when a crash under `coretool run` is captured, 1 when it would
//! be lost; with `--strict` 1 also when one outside of `coretool run` would be.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::capture::doctor;
use crate::capture::doctor::proof::{self, Proof, Victim};
use crate::capture::doctor::{Check, State};
use crate::cli::choices::Format;
use crate::cli::executable;
use crate::cli::exit::Exit;
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::cli::ui::{Stream, Ui};
use crate::report::model;
use crate::report::model::{CheckState, CrashOutcome, CrashProof, Examination, Prospect};
use crate::report::render;
use crate::report::render::json::{self, Layout};

/// `coretool doctor`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Exit status: 1 when a crash under `coretool run` would be lost. JSON is \
                        as docs/doctor-schema.json has it.")]
pub struct DoctorArgs {
    /// Look at this program, too: a path, or a name in $PATH
    #[arg(value_name = "PROGRAM")]
    pub program: Option<OsString>,

    /// Fail, too, when a crash outside of `coretool run` would be lost
    #[arg(long)]
    pub strict: bool,

    /// Crash no child: only look
    #[arg(long)]
    pub no_proof: bool,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArgs,

    /// Crash here and now: what the proof starts
    #[arg(long, hide = true, exclusive = true)]
    pub crash: bool,
}

/// Does it.
///
/// # Errors
///
/// When there is no directory for temporary files, or nothing can be written.
pub fn doctor(args: &DoctorArgs, ui: &Ui) -> Result<Exit> {
    if args.crash {
        proof::crash_here();
        return Ok(Exit::Failed);
    }
    let store = store_place::chosen(args.store.store.as_deref()).ok();
    let program = args.program.as_deref();
    let mut checks = doctor::examine(program, store.as_deref());
    let file = program.and_then(doctor::file);
    checks.extend(file.map(|file| executable::checks(&file)).unwrap_or_default());
    let proofs = if args.no_proof { Vec::new() } else { prove()? };
    let found = Examination {
        schema: "coretool.doctor/1".to_owned(),
        program: program.map(|program| program.to_string_lossy().into_owned()),
        watched: watched(args, &proofs),
        alone: alone(&checks, &proofs),
        proofs: proofs.iter().map(told_proof).collect(),
        checks: checks.iter().map(told).collect(),
    };
    let mut text = String::new();
    if args.format == Format::Json {
        json::render(&found, Layout::Indented, &mut text).context("cannot render the answer")?;
    } else {
        let options = ui.text_options(Stream::Output);
        render::doctor::render(&found, options.theme, options.width, &mut text)
            .context("cannot render the answer")?;
    }
    ui.data(&text)?;
    let is_lost = |prospect: &Prospect| prospect.outcome == CrashOutcome::Lost;
    let fails = is_lost(&found.watched) || (args.strict && is_lost(&found.alone));
    Ok(if fails { Exit::Failed } else { Exit::Done })
}

/// Crashes children, in a directory that goes away again.
fn prove() -> Result<Vec<Proof>> {
    let directory = tempfile::Builder::new()
        .prefix("coretool-doctor-")
        .tempdir()
        .context("cannot make a directory for the proof")?;
    let program = std::env::current_exe().context("cannot find coretool's own file")?;
    let victim = Victim {
        program: program.into_os_string(),
        arguments: vec!["doctor".into(), "--crash".into()],
    };
    let directory: &Path = directory.path();
    Ok(vec![proof::by_trace(&victim, directory), proof::by_kernel(&victim, directory)])
}

/// A crash under `coretool run`.
fn watched(args: &DoctorArgs, proofs: &[Proof]) -> Prospect {
    let proof = |rung: &str| proofs.iter().find(|proof| proof.rung == rung);
    let came = |rung: &str| proof(rung).is_some_and(|proof| proof.core.is_some());
    let untraced = args.program.as_deref().and_then(doctor::untraced);
    let prospect = |outcome, says: String| Prospect { outcome, says };
    if proofs.is_empty() {
        return prospect(CrashOutcome::Unknown, "no child was crashed to see".to_owned());
    }
    if untraced.is_none() && came("ptrace") {
        let says = "it is traced, and its core is written before it dies".to_owned();
        return prospect(CrashOutcome::Captured, says);
    }
    let why = untraced.or_else(|| proof("ptrace").map(|proof| proof.says.clone()));
    let why = why.unwrap_or_default();
    match args.program.as_deref().map(doctor::no_core) {
        Some(Some(no_core)) => prospect(CrashOutcome::Lost, format!("{why}; {no_core}")),
        _ if came("kernel") => {
            prospect(CrashOutcome::Captured, format!("{why}; the kernel writes its core"))
        }
        _ => match proof("kernel") {
            Some(kernel) if kernel.state == State::Bad => {
                prospect(CrashOutcome::Lost, format!("{why}; {}", kernel.says))
            }
            _ => prospect(CrashOutcome::Unknown, why),
        },
    }
}

/// A crash of a program that nobody watches.
fn alone(checks: &[Check], proofs: &[Proof]) -> Prospect {
    let prospect = |outcome, says: &str| Prospect { outcome, says: says.to_owned() };
    let ways = checks.iter().filter(|check| matches!(check.group, "limits" | "kernel"));
    if let Some(bad) = ways.clone().find(|check| check.state == State::Bad) {
        return prospect(CrashOutcome::Lost, &bad.says);
    }
    let Some(pattern) = ways.clone().find(|check| check.name == "core-pattern") else {
        return prospect(CrashOutcome::Unknown, "core_pattern is not known");
    };
    let kernel = proofs.iter().find(|proof| proof.rung == "kernel");
    match (pattern.state, kernel.map(|proof| proof.state)) {
        (_, Some(State::Bad)) => {
            prospect(CrashOutcome::Lost, kernel.map_or("", |proof| proof.says.as_str()))
        }
        (State::Ok, _) => prospect(CrashOutcome::Captured, &pattern.says),
        (State::Warning, _) => prospect(CrashOutcome::HandedOn, &pattern.says),
        _ => prospect(CrashOutcome::Unknown, &pattern.says),
    }
}

fn told(check: &Check) -> model::Check {
    model::Check {
        group: check.group.to_owned(),
        name: check.name.to_owned(),
        state: state(check.state),
        says: check.says.clone(),
        remedy: check.remedy.clone(),
    }
}

fn told_proof(proof: &Proof) -> CrashProof {
    let number = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
    CrashProof {
        rung: proof.rung.to_owned(),
        state: state(proof.state),
        says: proof.says.clone(),
        threads: proof.core.map(|core| core.threads as u64),
        bytes: proof.core.map(|core| core.bytes),
        milliseconds: proof.core.map(|core| number(core.took.as_millis())),
    }
}

fn state(state: State) -> CheckState {
    match state {
        State::Ok => CheckState::Ok,
        State::Warning => CheckState::Warning,
        State::Bad => CheckState::Bad,
        State::Unknown => CheckState::Unknown,
    }
}
