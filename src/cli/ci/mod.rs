//! `coretool run --ci`: what a CI job gets besides the report on its log.
//!
//! While the program runs, its output must not be taken for commands of the
//! service. When it has ended, its crashes are sorted into bugs, told in the
//! service's own way, and left in a directory of artifacts.

pub mod junit_merge;
pub mod service;

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::analyze;
use crate::cli::ci::service::Service;
use crate::cli::new_file::{self, Existing};
use crate::cli::triage::reading::triage_of;
use crate::cli::triage::repository::{PathMap, Repository};
use crate::cli::ui::Ui;
use crate::report::model::{Report, Triage};
use crate::report::render::json::{self, Layout};
use crate::report::render::table::{Look, renderer};
use crate::report::render::teamcity;
use crate::triage::baseline::Baseline;

/// Crashes of one job whose reports are kept: a test run in a loop may have
/// thousands of one kind.
const MOST_REPORTS: usize = 1_000;

/// A step's summary beyond this is dropped by GitHub.
const MOST_SUMMARY: u64 = 1 << 20;

/// Options of `run` for CI jobs.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CiArgs {
    /// Tell crashes as the CI service wants them, and leave reports in --artifacts; the service is
    /// the one whose variables are set, or the one that is named
    #[arg(long, value_enum, value_name = "SERVICE", num_args = 0..=1, require_equals = true,
          default_missing_value = "auto")]
    pub ci: Option<Service>,

    /// Where --ci leaves reports [default: coretool-crashes]
    #[arg(long, value_name = "DIR", requires = "ci")]
    pub artifacts: Option<PathBuf>,

    /// Add crashes to the tests of this JUnit file that died (may be repeated)
    #[arg(long, value_name = "FILE", requires = "ci")]
    pub junit_merge: Vec<PathBuf>,

    /// The bugs that are known, as for `triage`
    #[arg(long, value_name = "FILE", requires = "ci")]
    pub baseline: Option<PathBuf>,
}

/// What is done around a run.
pub struct Ci {
    service: Service,
    artifacts: PathBuf,
    merged: Vec<PathBuf>,
    path_maps: Vec<PathMap>,
    baseline: Option<Baseline>,
    options: analyze::Options,
    /// By which GitHub takes commands again: nobody can guess it.
    token: String,
}

impl Ci {
    /// What the options ask for.
    ///
    /// # Errors
    ///
    /// When the baseline cannot be used.
    pub fn new(
        args: &CiArgs,
        path_maps: &[PathMap],
        options: &analyze::Options,
    ) -> Result<Option<Self>> {
        let Some(service) = args.ci else { return Ok(None) };
        let baseline = args.baseline.as_deref();
        let baseline = baseline.map(crate::cli::cmd::triage::baseline).transpose()?;
        Ok(Some(Self {
            service: service.found(&|name| std::env::var_os(name)),
            artifacts: args.artifacts.clone().unwrap_or_else(|| "coretool-crashes".into()),
            merged: args.junit_merge.clone(),
            path_maps: path_maps.to_vec(),
            baseline,
            options: options.clone(),
            token: token(),
        }))
    }

    /// Before the program starts: from here on its output is only output.
    ///
    /// # Errors
    ///
    /// When standard output cannot be written.
    pub fn before(&self, ui: &Ui) -> Result<()> {
        match self.service {
            Service::Github => ui.data(&format!("::stop-commands::{}\n", self.token)),
            Service::Teamcity => ui.data("##teamcity[disableServiceMessages]\n"),
            _ => Ok(()),
        }
    }

    /// After it has ended, with these crashes.
    ///
    /// # Errors
    ///
    /// When something cannot be written.
    pub fn after(&self, reports: &[Report], ui: &Ui) -> Result<()> {
        match self.service {
            // The program may have left a line unfinished.
            Service::Github => ui.data(&format!("\n::{}::\n", self.token))?,
            Service::Teamcity => ui.data("\n##teamcity[enableServiceMessages]\n")?,
            _ => (),
        }
        let mut triage = triage_of(reports, &self.options, self.baseline.as_ref());
        Repository::here(&self.path_maps).name_places(&mut triage);
        for path in &self.merged {
            match junit_merge::merge(path, &triage, reports) {
                Ok(count) => {
                    ui.say(&format!("coretool: {count} crashes added to `{}`", path.display()))
                }
                Err(error) => ui.error(&error),
            }
        }
        self.outputs(&triage)?;
        if reports.is_empty() {
            return Ok(());
        }
        self.leave(&triage, reports, ui)?;
        self.tell(&triage, ui)
    }

    /// Writes the artifacts. An earlier step's are replaced file by file.
    fn leave(&self, triage: &Triage, reports: &[Report], ui: &Ui) -> Result<()> {
        let directory = &self.artifacts;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot make `{}`", directory.display()))?;
        let files = [
            ("json", "triage.json"),
            ("html", "triage.html"),
            ("markdown", "summary.md"),
            ("sarif", "coretool.sarif"),
            ("junit", "junit.xml"),
            ("gitlab", "gl-code-quality-report.json"),
            ("csv", "bugs.csv"),
        ];
        for (name, file) in files {
            let text = rendered(name, triage)?;
            new_file::write(&directory.join(file), text.as_bytes(), Existing::Replace)?;
        }
        for (number, report) in reports.iter().take(MOST_REPORTS).enumerate() {
            let mut text = String::new();
            json::render(report, Layout::Indented, &mut text)?;
            let path = directory.join(format!("crash-{}.json", number + 1));
            new_file::write(&path, text.as_bytes(), Existing::Replace)?;
        }
        if reports.len() > MOST_REPORTS {
            let more = reports.len() - MOST_REPORTS;
            ui.say(&format!("coretool: {more} more crashes have no file of their own"));
        }
        Ok(())
    }

    /// Tells the service.
    fn tell(&self, triage: &Triage, ui: &Ui) -> Result<()> {
        let shown = self.artifacts.display();
        match self.service {
            Service::Github => {
                ui.data(&rendered("github", triage)?)?;
                if let Some(summary) = variable("GITHUB_STEP_SUMMARY") {
                    append_summary(&summary, &rendered("markdown", triage)?)?;
                }
            }
            Service::Gitlab => {
                let now = std::time::SystemTime::now();
                let epoch = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |it| it.as_secs());
                ui.data(&format!(
                    "\x1b[0Ksection_start:{epoch}:coretool_crashes[collapsed=true]\r\x1b[0K\
                     coretool: {} bugs\n{}\x1b[0Ksection_end:{epoch}:coretool_crashes\r\x1b[0K\n",
                    triage.buckets.len(),
                    rendered("text", triage)?
                ))?;
            }
            Service::Teamcity => {
                ui.data(&rendered("teamcity", triage)?)?;
                let path = teamcity::value(&shown.to_string());
                ui.data(&format!("##teamcity[publishArtifacts '{path}']\n"))?;
            }
            Service::Azure => {
                ui.data(&rendered("azure", triage)?)?;
                let summary = std::path::absolute(self.artifacts.join("summary.md"));
                if let Some(summary) = summary.ok().and_then(|it| it.to_str().map(str::to_owned)) {
                    ui.data(&format!("##vso[task.uploadsummary]{summary}\n"))?;
                }
            }
            Service::Buildkite => {
                ui.data(&format!("+++ coretool: {} bugs\n", triage.buckets.len()))?;
                annotate(&rendered("markdown", triage)?, ui);
            }
            Service::Jenkins | Service::Plain | Service::Auto => (),
        }
        ui.say(&format!(
            "coretool: {} crashes, {} bugs; reports are in `{shown}`",
            triage.crashes,
            triage.buckets.len()
        ));
        Ok(())
    }

    /// Numbers for later steps of a job.
    fn outputs(&self, triage: &Triage) -> Result<()> {
        let Some(path) = variable("GITHUB_OUTPUT").filter(|_| self.service == Service::Github)
        else {
            return Ok(());
        };
        let text = format!(
            "crashes={}\nbugs={}\nnew={}\n",
            triage.crashes,
            triage.buckets.len(),
            triage
                .buckets
                .iter()
                .filter(|it| it.known.as_ref().is_none_or(|known| !known.known))
                .count()
        );
        append(&path, &text)
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn rendered(name: &str, triage: &Triage) -> Result<String> {
    let mut text = String::new();
    let renderer = renderer(name).with_context(|| format!("there is no format `{name}`"))?;
    renderer.triage(triage, &Look::default(), &mut text)?;
    Ok(text)
}

/// Appends to a file of the runner, which other steps share.
fn append(path: &Path, text: &str) -> Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = OpenOptions::new().append(true).create(true).open(path).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)
}

/// Appends to the step's summary, unless all of it would then be dropped.
fn append_summary(path: &Path, text: &str) -> Result<()> {
    let there = path.metadata().map_or(0, |found| found.len());
    if there.saturating_add(text.len() as u64) <= MOST_SUMMARY {
        return append(path, text);
    }
    let short = "\nThe crashes do not fit into this summary; they are in the artifact.\n";
    match there.saturating_add(short.len() as u64) <= MOST_SUMMARY {
        true => append(path, short),
        false => Ok(()),
    }
}

/// Hands a text to Buildkite's agent, where there is one.
fn annotate(text: &str, ui: &Ui) {
    let arguments = ["annotate", "--style", "error", "--context", "coretool"];
    let mut agent = Command::new("buildkite-agent");
    let started = agent.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let done = started.and_then(|mut agent| {
        if let Some(mut pipe) = agent.stdin.take() {
            pipe.write_all(text.as_bytes())?;
        }
        agent.wait()
    });
    if !done.is_ok_and(|status| status.success()) {
        ui.say("coretool: buildkite-agent did not take the annotation");
    }
}

/// 32 random digits.
fn token() -> String {
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut it| it.read_exact(&mut bytes));
    if read.is_err() {
        // Without it the time is hard enough to guess.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        bytes = now.map_or(0, |it| it.as_nanos()).to_le_bytes();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
