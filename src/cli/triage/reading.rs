//! Reads files of crashes side by side; one that is bad stops no other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::analyze;
use crate::analyze::Locals;
use crate::base::utc;
use crate::cli::progress::Counted;
use crate::cli::triage::crash_file;
use crate::cli::triage::found_files::FoundFile;
use crate::cli::triage::journal::{Journal, Outcome, mark};
use crate::cli::ui::Ui;
use crate::report::model::{Bucket, FailedFile, Report, TRIAGE_SCHEMA, Tool, Triage};
use crate::report::render::escape::escaped;
use crate::triage::baseline::Baseline;
use crate::triage::buckets::{buckets, buckets_with_members};
use crate::triage::crash::{Crash, Crashes, place};

/// Files of which the failure is told.
const MOST_FAILED: usize = 1_000;

/// Frames of one stack that are looked at: keys need no more than 64.
const FRAMES: usize = 1_000;

/// How crashes are read and told.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// For cores.
    pub options: &'a analyze::Options,
    /// What is known already.
    pub baseline: Option<&'a Baseline>,
    /// Files read at once.
    pub jobs: usize,
    /// Bugs of which one crash is told in full.
    pub reports: usize,
    /// Whether each crash is listed with its bug.
    pub members: bool,
}

/// Reads all files, and sorts their crashes into bugs. The second result has a
/// line for each crash, when that is wanted: the bug's id, a tab, the path.
pub fn triage(files: &[FoundFile], reading: &Reading<'_>, ui: &Ui) -> (Triage, String) {
    let asked = format!("{}\n{:?}\n{files:?}", env!("CARGO_PKG_VERSION"), reading.options);
    let (mut journal, known) = Journal::open(&asked);
    let mut crashes = Crashes::default();
    let mut failed: Vec<FailedFile> = Vec::new();
    let mut failed_count = 0;
    let mut take = |outcome: Outcome| {
        if let Some(why) = outcome.error {
            failed_count += 1;
            let path = outcome.path.display().to_string();
            failed.push(FailedFile { path, why });
        }
        outcome.crashes.into_iter().for_each(|crash| crashes.push(crash));
    };
    let mut left = Vec::new();
    let mut known = known;
    for file in files {
        let before = known.remove(&file.path);
        match before.filter(|before| before.mark == mark(&file.path)) {
            Some(outcome) => take(outcome),
            None => left.push(file),
        }
    }
    let progress = Counted::start(ui, files.len() as u64, (files.len() - left.len()) as u64);
    let options = &quick(reading.options);
    let next = AtomicUsize::new(0);
    let jobs = reading.jobs.clamp(1, 512).min(left.len().max(1));
    std::thread::scope(|scope| {
        // Bounded, so that fast readers do not fill the memory.
        let (done, outcomes) = sync_channel::<Outcome>(jobs * 4);
        for _ in 0..jobs {
            let (done, next, left) = (done.clone(), &next, &left);
            scope.spawn(move || {
                on_one_thread(|| {
                    while let Some(file) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if done.send(outcome(file, options)).is_err() {
                            break;
                        }
                    }
                });
            });
        }
        drop(done);
        for outcome in outcomes {
            journal.note(&outcome);
            progress.step();
            take(outcome);
        }
    });
    drop(progress);
    failed.sort_by(|one, other| one.path.cmp(&other.path));
    failed.truncate(MOST_FAILED);
    let count = crashes.members.len() as u64;
    let found = buckets_with_members(&mut crashes, reading.baseline, SystemTime::now());
    let mut lines = String::new();
    for (bucket, numbers) in found.iter().filter(|_| reading.members) {
        for member in numbers.iter().filter_map(|at| crashes.members.get(*at as usize)) {
            let path = escaped(&member.path);
            lines.push_str(&format!("{}\t{path}\n", bucket.id));
        }
    }
    drop(crashes);
    let mut found: Vec<Bucket> = found.into_iter().map(|(bucket, _)| bucket).collect();
    for bucket in found.iter_mut().take(reading.reports) {
        let report = bucket.examples.iter().find_map(|path| again(path, reading.options));
        let Some(report) = report else { continue };
        bucket.title.clone_from(&report.verdict);
        bucket.evidence = report.findings.first().map(|it| it.evidence.clone()).unwrap_or_default();
        bucket.place = place(&report, &reading.options.rules);
        bucket.report = Some(Box::new(report));
    }
    journal.done();
    let triage = Triage {
        schema: TRIAGE_SCHEMA.to_owned(),
        tool: tool(),
        made: Some(utc::rfc3339(SystemTime::now())),
        files: files.len() as u64,
        crashes: count,
        failed,
        failed_count,
        buckets: found,
    };
    (triage, lines)
}

/// Reports that are at hand as a list of bugs.
pub fn triage_of(
    reports: &[Report],
    options: &analyze::Options,
    baseline: Option<&Baseline>,
) -> Triage {
    let mut crashes = Crashes::default();
    let now = SystemTime::now();
    for (number, report) in reports.iter().enumerate() {
        // The number stands for a path: it finds the report again.
        let mut crash = Crash::of(report, format!("{number:09}"), &options.rules);
        crash.at = seconds(now);
        crashes.push(crash);
    }
    let mut found = buckets(&mut crashes, baseline, now);
    for bucket in &mut found {
        let number = bucket.examples.first().and_then(|path| path.parse::<usize>().ok());
        bucket.examples = bucket
            .examples
            .iter()
            .filter_map(|path| reports.get(path.parse::<usize>().ok()?))
            .filter_map(|report| {
                let saved = report.saved.as_ref().and_then(|saved| saved.report.clone());
                saved.or(report.source.path.clone())
            })
            .collect();
        let Some(report) = number.and_then(|number| reports.get(number)) else { continue };
        bucket.title.clone_from(&report.verdict);
        bucket.evidence = report.findings.first().map(|it| it.evidence.clone()).unwrap_or_default();
        bucket.place = place(report, &options.rules);
        bucket.report = Some(Box::new(report.clone()));
    }
    Triage {
        schema: TRIAGE_SCHEMA.to_owned(),
        tool: tool(),
        made: Some(utc::rfc3339(now)),
        files: reports.len() as u64,
        crashes: reports.len() as u64,
        buckets: found,
        ..Triage::default()
    }
}

fn tool() -> Tool {
    Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// What a key needs, and no more.
fn quick(options: &analyze::Options) -> analyze::Options {
    let mut quick = options.clone();
    quick.locals = Locals::None;
    quick.globals = false;
    quick.limits.frames = quick.limits.frames.min(FRAMES);
    quick
}

/// Runs `work` so that what it would share out among threads stays on this one:
/// files are read side by side already.
fn on_one_thread(work: impl FnOnce() + Send) {
    match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// Reads one file.
fn outcome(file: &FoundFile, options: &analyze::Options) -> Outcome {
    let path = &file.path;
    let mut outcome = Outcome { path: path.clone(), mark: mark(path), ..Outcome::default() };
    let at = path.metadata().and_then(|it| it.modified()).ok().and_then(seconds);
    let name = path.display().to_string();
    let crashes = &mut outcome.crashes;
    let mut take = |report: Report| {
        let mut crash = Crash::of(&report, name.clone(), &options.rules);
        crash.at = at;
        crashes.push(crash);
    };
    let read = || crash_file::each(path, options, &mut take);
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(())) => {
            if outcome.crashes.is_empty() && file.is_named {
                outcome.error = Some("there is no crash in it".to_owned());
            }
            if outcome.crashes.len() > 1 {
                for (number, crash) in outcome.crashes.iter_mut().enumerate() {
                    crash.path = format!("{name}#{number}");
                }
            }
        }
        Ok(Err(error)) => outcome.error = Some(format!("{error:#}")),
        Err(_panic) => outcome.error = Some("reading it failed: a defect of coretool".to_owned()),
    }
    outcome
}

/// The report of one crash, in full this time.
fn again(name: &str, options: &analyze::Options) -> Option<Report> {
    let (path, number) = match name.rsplit_once('#') {
        Some((path, number)) if !Path::new(name).exists() => (path, number.parse().ok()?),
        _ => (name, 0_usize),
    };
    let read = || crash_file::reports(&PathBuf::from(path), options).ok();
    let reports = catch_unwind(AssertUnwindSafe(read)).ok()??;
    reports.into_iter().nth(number)
}

fn seconds(at: SystemTime) -> Option<i64> {
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
