//! `coretool diff A B`: are two crashes one bug, and what differs? Or, of two
//! directories: which bugs came, which went?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::analyze;
use crate::cli::args::FileArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::stored_core;
use crate::cli::triage::crash_file;
use crate::cli::triage::found_files::found_files;
use crate::cli::triage::project;
use crate::cli::triage::reading::{Reading, triage};
use crate::cli::ui::{Stream, Ui};
use crate::report::model::{Bucket, Report, Thread, Triage};
use crate::report::render::escape::escaped;
use crate::report::render::theme::{Role, Theme};
use crate::triage::cluster::{SIMILAR, why};
use crate::triage::crash::{Crash, Crashes};
use crate::triage::signature::crashed_thread;
use crate::triage::signature::rules::Rules;

/// `coretool diff`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 when they are the same bug or have the same bugs, 4 when not."
)]
pub struct DiffArgs {
    /// A core, report or log, or a directory of them
    pub a: PathBuf,

    /// Another one of the same kind
    pub b: PathBuf,

    /// Where files are looked for.
    #[command(flatten)]
    pub files: FileArgs,
}

/// Does it.
///
/// # Errors
///
/// When one cannot be read, or there is no crash in it.
pub fn diff(args: &DiffArgs, ui: &Ui) -> Result<Exit> {
    let options = analyze::Options {
        symbols: args.files.options()?,
        rules: project::rules()?,
        ..analyze::Options::default()
    };
    let theme = ui.text_options(Stream::Output).theme;
    let mut text = String::new();
    let are_directories = [args.a.is_dir(), args.b.is_dir()];
    let is_same = match are_directories {
        [true, true] => {
            let a = bugs(&args.a, &options, ui)?;
            let b = bugs(&args.b, &options, ui)?;
            stores(&a, &b, theme, &mut text)?
        }
        [false, false] => {
            let a = crash(&args.a, args, &options)?;
            let b = crash(&args.b, args, &options)?;
            crashes(&a, &b, &options.rules, theme, &mut text)?
        }
        _ => {
            let what = "one is a directory and one is a file";
            return Err(Failure::new(what, "compare two crashes, or two directories").into());
        }
    };
    ui.data(&text)?;
    Ok(if is_same { Exit::Done } else { Exit::GateFailed })
}

fn crash(path: &Path, args: &DiffArgs, options: &analyze::Options) -> Result<Report> {
    let path = stored_core::path(path, args.files.store.store.as_deref())?;
    let first = crash_file::reports(&path, options)?.into_iter().next();
    first.ok_or_else(|| {
        let what = format!("there is no crash in `{}`", path.display());
        Failure::new(what, "give a core, a JSON report, or a log with a backtrace").into()
    })
}

fn bugs(path: &Path, options: &analyze::Options, ui: &Ui) -> Result<Triage> {
    let files = found_files(&[path.to_owned()], None, &mut || Ok(String::new()))?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let reading = Reading { options, baseline: None, jobs, reports: 0, members: false };
    Ok(triage(&files, &reading, ui).0)
}

/// Two crashes; whether they are one bug.
fn crashes(a: &Report, b: &Report, rules: &Rules, theme: Theme, text: &mut String) -> Result<bool> {
    let mut both = Crashes::default();
    both.push(Crash::of(a, "a".to_owned(), rules));
    both.push(Crash::of(b, "b".to_owned(), rules));
    both.sort();
    let shape = |at: usize| both.members.get(at).and_then(|it| both.shapes.get(it.shape as usize));
    let (Some(one), Some(other)) = (shape(0), shape(1)) else { return Ok(false) };
    let is_same = one.key == other.key;
    let score = crate::triage::cluster::similarity(&one.stack, &other.stack, &both.rarity());
    let is_family = one.family == other.family;
    let words = match (is_same, is_family && score >= SIMILAR) {
        (true, _) if one.fine_key == other.fine_key => "same bug, same variant",
        (true, _) => "same bug, another variant",
        (false, true) => "similar, maybe the same bug",
        (false, false) => "different bugs",
    };
    theme.paint(Role::Verdict, words, text)?;
    writeln!(text, ": {} (stacks {score:.2} similar)", escaped(&why(one, other)))?;
    row(text, "signature", &one.text, &other.text)?;
    row(text, "verdict", &a.verdict, &b.verdict)?;
    let name = |report: &Report| {
        report.process.executable.clone().or(report.process.command.clone()).unwrap_or_default()
    };
    row(text, "program", &name(a), &name(b))?;
    row(text, "build", one.build.as_deref().unwrap_or("?"), other.build.as_deref().unwrap_or("?"))?;
    row(text, "arguments", &a.process.arguments.join(" "), &b.process.arguments.join(" "))?;
    stacks(a, b, theme, text)?;
    values(a, b, text)?;
    Ok(is_same)
}

/// One fact of both, when they differ.
fn row(text: &mut String, what: &str, a: &str, b: &str) -> std::fmt::Result {
    if a == b {
        return Ok(());
    }
    writeln!(text, "{what}\n  A  {}\n  B  {}", escaped(a), escaped(b))
}

/// The stacks side by side, paired in their order.
fn stacks(a: &Report, b: &Report, theme: Theme, text: &mut String) -> std::fmt::Result {
    /// Frames of each.
    const MOST: usize = 40;
    let names = |report: &Report| -> Vec<String> {
        let frames = crashed_thread(report).map(|thread| thread.frames.as_slice());
        let frames = frames.unwrap_or_default().iter().take(MOST);
        frames.map(|frame| frame.function.clone().unwrap_or_else(|| "?".to_owned())).collect()
    };
    let (one, other) = (names(a), names(b));
    if one == other {
        return writeln!(text, "stacks: the same functions");
    }
    writeln!(text, "stacks")?;
    let pairs = longest_common(&one, &other);
    let (mut at, mut there) = (0, 0);
    for (next, next_there) in pairs.into_iter().chain([(one.len(), other.len())]) {
        for name in one.get(at..next).unwrap_or_default() {
            theme.paint(Role::Alarm, &format!("  A  {}", escaped(name)), text)?;
            writeln!(text)?;
        }
        for name in other.get(there..next_there).unwrap_or_default() {
            theme.paint(Role::Hint, &format!("  B  {}", escaped(name)), text)?;
            writeln!(text)?;
        }
        if let Some(name) = one.get(next) {
            writeln!(text, "     {}", escaped(name))?;
        }
        (at, there) = (next + 1, next_there + 1);
    }
    Ok(())
}

/// The longest common subsequence of two short lists, as pairs of indices.
fn longest_common(one: &[String], other: &[String]) -> Vec<(usize, usize)> {
    let mut lengths = vec![vec![0_u32; other.len() + 1]; one.len() + 1];
    for at in (0..one.len()).rev() {
        for there in (0..other.len()).rev() {
            lengths[at][there] = match one[at] == other[there] {
                true => lengths[at + 1][there + 1] + 1,
                false => lengths[at + 1][there].max(lengths[at][there + 1]),
            };
        }
    }
    let (mut at, mut there) = (0, 0);
    let mut pairs = Vec::new();
    while at < one.len() && there < other.len() {
        if one[at] == other[there] {
            pairs.push((at, there));
            at += 1;
            there += 1;
        } else if lengths[at + 1][there] >= lengths[at][there + 1] {
            at += 1;
        } else {
            there += 1;
        }
    }
    pairs
}

/// Arguments and locals of the innermost frames of one function that differ.
fn values(a: &Report, b: &Report, text: &mut String) -> std::fmt::Result {
    /// Differences that are told.
    const MOST: usize = 30;
    let variables = |thread: Option<&Thread>| {
        let mut found = BTreeMap::new();
        for frame in thread.map(|it| it.frames.as_slice()).unwrap_or_default().iter().take(8) {
            let Some(function) = &frame.function else { continue };
            for variable in frame.arguments.iter().chain(&frame.locals) {
                let key = (function.clone(), variable.name.clone());
                found.entry(key).or_insert_with(|| variable.value.text.clone());
            }
        }
        found
    };
    let (one, other) = (variables(crashed_thread(a)), variables(crashed_thread(b)));
    let mut left = MOST;
    for ((function, name), value) in &one {
        let there = other.get(&(function.clone(), name.clone())).filter(|there| *there != value);
        let Some(there) = there else { continue };
        if left == 0 {
            return writeln!(text, "and more values");
        }
        left -= 1;
        row(text, &escaped(&format!("{name} in {function}")), value, there)?;
    }
    Ok(())
}

/// Two lists of bugs; whether they have the same ones.
fn stores(a: &Triage, b: &Triage, theme: Theme, text: &mut String) -> Result<bool> {
    let by_id = |triage: &Triage| -> BTreeMap<String, Bucket> {
        triage.buckets.iter().map(|bucket| (bucket.id.clone(), bucket.clone())).collect()
    };
    let (one, other) = (by_id(a), by_id(b));
    let only = |this: &BTreeMap<String, Bucket>, that: &BTreeMap<String, Bucket>| -> Vec<Bucket> {
        let missing = this.iter().filter(|(id, _)| !that.contains_key(*id));
        missing.map(|(_, bucket)| bucket.clone()).collect()
    };
    let (gone, new) = (only(&one, &other), only(&other, &one));
    for (title, buckets) in [("only in A", &gone), ("only in B", &new)] {
        theme.paint(Role::Heading, &format!("{title}: {}", buckets.len()), text)?;
        writeln!(text)?;
        for bucket in buckets {
            writeln!(
                text,
                "  {}  {}  {}",
                escaped(&bucket.label),
                bucket.count,
                escaped(&bucket.text)
            )?;
        }
    }
    theme.paint(Role::Heading, &format!("in both: {}", one.len() - gone.len()), text)?;
    writeln!(text)?;
    for (id, bucket) in &one {
        if let Some(there) = other.get(id) {
            let label = escaped(&bucket.label);
            writeln!(text, "  {label}  {} and {}", bucket.count, there.count)?;
        }
    }
    Ok(gone.is_empty() && new.is_empty())
}
