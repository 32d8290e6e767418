//! `coretool demo [NAME]`: see a small program crash, and the crash explained.
//!
//! The programs are C sources inside of coretool. One is compiled with
//! `cc -g` in a temporary directory and run as `coretool run` runs it. That it
//! crashes is success. Without a name they are listed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cli::args::{CoreChoice, DemoArgs, Format, ReportArgs, RunArgs};
use crate::cli::cmd::run;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::Ui;

/// One program that crashes.
struct Demo {
    name: &'static str,
    /// C, with a comment at its head that says in the first line what happens.
    source: &'static str,
}

macro_rules! demos {
    ($($name:literal)*) => {
        &[$(Demo {
            name: $name,
            source: include_str!(concat!("../../../fixtures/programs/", $name, ".c")),
        }),*]
    };
}

/// All demos, in the order of the list.
const DEMOS: &[Demo] = demos![
    "null-pointer"
    "null-call"
    "bad-pointer"
    "wild-pointer"
    "write-readonly"
    "jump-to-nowhere"
    "jump-to-data"
    "smashed-return"
    "stack-overflow"
    "stack-overflow-thread"
    "divide-by-zero"
    "divide-overflow"
    "illegal-instruction"
    "bus-truncated-file"
    "abort-assert"
    "abort-explicit"
    "abort-double-free"
    "abort-invalid-free"
    "abort-fortify"
    "abort-stack-smashing"
    "sigsys-seccomp"
    "signal-handler"
    "reraise"
    "deep-inlines"
    "threads"
    "quit-hang"
];

/// Does it.
///
/// # Errors
///
/// When the name is unknown, or the program cannot be compiled.
pub fn demo(args: &DemoArgs, ui: &Ui) -> Result<Exit> {
    let Some(name) = &args.name else {
        ui.data(&list())?;
        return Ok(Exit::Done);
    };
    let Some(demo) = DEMOS.iter().find(|demo| demo.name == name) else {
        let what = format!("no demo is called `{name}`");
        return Err(Failure::new(what, "`coretool demo` lists them").into());
    };
    let directory = tempfile::Builder::new()
        .prefix("coretool-demo-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let program = compile(demo, directory.path())?;
    ui.say(&format!("{}: {}", demo.name, demo.about()));
    let report = ReportArgs {
        format: Format::Text,
        output: None,
        force: false,
        registers: args.registers,
        all_threads: false,
    };
    let run = RunArgs {
        no_ptrace: false,
        // The program, without which a core says little, goes away.
        core: Some(CoreChoice::None),
        report,
        debug_directories: Vec::new(),
        program: vec![program.into_os_string()],
    };
    run::run(&run, ui)?;
    Ok(Exit::Done)
}

fn list() -> String {
    let widest = DEMOS.iter().map(|demo| demo.name.len()).max().unwrap_or_default();
    let mut list = String::new();
    for demo in DEMOS {
        list.push_str(&format!("{:widest$}  {}\n", demo.name, demo.about()));
    }
    list
}

/// Compiles `demo` in `directory`, and returns the program.
fn compile(demo: &Demo, directory: &Path) -> Result<PathBuf> {
    let source = format!("{}.c", demo.name);
    std::fs::write(directory.join(&source), demo.source)
        .with_context(|| format!("cannot write `{source}` in `{}`", directory.display()))?;
    let mut command = Command::new("cc");
    command.args(["-g", "-O0", "-fno-omit-frame-pointer", "-o", demo.name]);
    command.args(demo.build_options()).arg(&source).current_dir(directory);
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let hint = "install a C compiler, on Debian and Ubuntu with: apt install gcc";
            return Err(Failure::new("there is no C compiler: `cc` is not found", hint).into());
        }
        output => output.context("cannot run the C compiler `cc`")?,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first =
            said.lines().find(|line| line.contains("error")).unwrap_or("it does not say why");
        bail!("`cc` cannot compile `{source}` ({}): {first}", output.status);
    }
    Ok(directory.join(demo.name))
}

impl Demo {
    /// What happens in it, in one sentence.
    fn about(&self) -> &'static str {
        self.source.lines().next().unwrap_or_default().trim_start_matches('/').trim()
    }

    /// What its source says that the compiler needs.
    fn build_options(&self) -> impl Iterator<Item = &'static str> {
        let lines = self.source.lines().filter_map(|line| line.strip_prefix("// build:"));
        lines.flat_map(str::split_whitespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_demo_says_what_happens() {
        for demo in DEMOS {
            assert!(demo.about().ends_with('.'), "{}: {}", demo.name, demo.about());
        }
        let threads = DEMOS.iter().find(|demo| demo.name == "threads").unwrap();
        assert!(threads.build_options().any(|option| option == "-pthread"));
    }
}
