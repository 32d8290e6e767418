//! `coretool demo [NAME]`: see a small program crash, and the crash explained.
//!
//! The programs are compiled with `cc -g` in a temporary directory and run as
//! `coretool run` does. Without a name, a list. Nothing is kept.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::capture::launch::Capture;
use crate::capture::orphans::Orphans;
use crate::cli::args::{DemoArgs, ReportArgs};
use crate::cli::cmd::run::{Program, Reporting, watch};
use crate::cli::destination::Destination;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::{Stream, Ui};
use crate::report::render::json::Layout;

/// A program that ships inside of the tool.
struct Demo {
    name: &'static str,
    source: &'static str,
}

/// One line a program.
macro_rules! demos {
    ($($name:literal)*) => {
        &[$(Demo {
            name: $name,
            source: include_str!(concat!("../../../fixtures/programs/", $name, ".c")),
        }),*]
    };
}

const DEMOS: &[Demo] = demos! {
    "null-pointer"
    "null-call"
    "bad-pointer"
    "wild-pointer"
    "write-readonly"
    "jump-to-nowhere"
    "jump-to-data"
    "smashed-return"
    "stack-overflow"
    "divide-by-zero"
    "illegal-instruction"
    "abort-assert"
    "abort-double-free"
    "abort-stack-smashing"
    "bus-truncated-file"
    "sigsys-seccomp"
    "killed-by-other"
    "signal-handler"
    "threads"
    "quit-hang"
    "values-c"
};

/// Does it.
///
/// # Errors
///
/// When there is no such program, or no C compiler.
pub fn demo(args: &DemoArgs, ui: &Ui) -> Result<Exit> {
    let Some(name) = &args.name else {
        ui.data(&list())?;
        return Ok(Exit::Done);
    };
    let demo = DEMOS.iter().find(|demo| demo.name == name).ok_or_else(|| {
        Failure::new(format!("there is no demo `{name}`"), "for a list: coretool demo")
    })?;
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let program = compile(demo, directory.path())?;
    let report = ReportArgs { registers: args.registers, ..ReportArgs::default() };
    let destination = Destination::new(&report, Stream::Error, Layout::OneLine)?;
    let destination = destination.relative_to(directory.path());
    let words = [program.into()];
    let environment = Vec::new();
    let capture = Capture::Auto;
    let orphans = Orphans::Report;
    let other_stores = "/".into();
    let program =
        Program { words: &words, capture, orphans, environment, limit: None, other_stores };
    watch(&program, Reporting::unsaved(ui, destination))?;
    Ok(Exit::Done)
}

fn list() -> String {
    let widest = DEMOS.iter().map(|demo| demo.name.len()).max().unwrap_or(0);
    let line = |demo: &Demo| format!("{:widest$}  {}\n", demo.name, title(demo.source));
    DEMOS.iter().map(line).collect()
}

/// The program's first comment, up to its first full stop.
fn title(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("// "));
    let text = lines.collect::<Vec<_>>().join(" ");
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text,
    }
}

/// Options for the compiler, from a line `// build: -pthread`.
fn build_options(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines().filter_map(|line| line.strip_prefix("// build:"));
    lines.flat_map(str::split_whitespace)
}

/// Compiles the program into `directory`, and returns its path.
fn compile(demo: &Demo, directory: &Path) -> Result<std::path::PathBuf> {
    let program = directory.join(demo.name);
    let source = program.with_extension("c");
    std::fs::write(&source, demo.source)
        .with_context(|| format!("cannot write `{}`", source.display()))?;
    let hint = "install a C compiler (Debian: apt install gcc libc6-dev)";
    let compiled = Command::new("cc")
        .args(["-g", "-w"])
        .args(build_options(demo.source))
        .arg("-o")
        .args([&program, &source])
        .stdin(Stdio::null())
        .output()
        .with_context(|| Failure::new("cannot run the C compiler `cc`", hint))?;
    if !compiled.status.success() {
        let text = String::from_utf8_lossy(&compiled.stderr).into_owned();
        let first = text.lines().next().unwrap_or_default().to_owned();
        return Err(Failure::new(format!("`cc` failed: {first}"), hint).into());
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_every_program_with_its_story() {
        let list = list();
        assert_eq!(list.lines().count(), DEMOS.len());
        for (demo, line) in DEMOS.iter().zip(list.lines()) {
            let rest = line.strip_prefix(demo.name).expect("the name comes first");
            assert!(rest.trim().len() > 10, "{line}");
        }
        assert!(list.starts_with("null-pointer "), "the first one to try");
    }

    #[test]
    fn options_of_the_compiler_come_from_the_source() {
        let options = |name: &str| {
            let demo = DEMOS.iter().find(|demo| demo.name == name).unwrap();
            build_options(demo.source).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(options("null-pointer"), "");
        assert_eq!(options("smashed-return"), "-fno-stack-protector");
    }
}
