//! Cores as other programs write and name them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coretool::analyze::Options;
use coretool::report::model::Report;

use crate::support::builds::Build;
use crate::support::compiler::built;
use crate::support::core_maker::gdb_core;
use crate::support::examination::report_of;
use crate::support::fixture;
use crate::support::notice::untested;
use crate::support::report_check::complaints;
use crate::support::scratch;

fn is_installed(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok()
}

fn report(path: &Path) -> Report {
    report_of(path, &Options::default()).expect("a core that can be read")
}

/// QEMU's user mode writes notes of its own kind: no siginfo, no mapped files, and
/// code that is left out.
#[test]
fn qemu_runs_a_program_to_its_core() {
    if !is_installed("qemu-x86_64") {
        return untested("cores of QEMU: qemu-x86_64 is not installed");
    }
    for name in ["null-pointer", "divide-by-zero"] {
        let fixture = fixture::named(name);
        let build = Build::plain(fixture);
        let scratch = scratch::directory("qemu");
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -c unlimited && exec timeout 60 qemu-x86_64 \"$0\""]);
        command.arg(built(fixture, build)).current_dir(scratch.path());
        command.stdin(Stdio::null()).output().expect("sh is there");
        let entries = fs::read_dir(scratch.path()).unwrap().flatten().map(|entry| entry.path());
        let core = entries.into_iter().find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("qemu_"))
        });
        let found = report(&core.expect("QEMU writes a core"));
        let main = found.modules.iter().find(|module| module.path.contains(name));
        assert!(main.is_some_and(|main| main.build_id.is_some()), "{:?}", found.modules);
        // Without a siginfo the address and the cause may be less certain.
        let wrong = complaints(fixture, build, &found);
        let wrong: Vec<_> = wrong.iter().filter(|it| it.contains("frame")).collect();
        assert!(wrong.is_empty(), "{wrong:?}\n{:?}", found.gaps);
        assert_eq!(found.signal.map(|signal| signal.name).as_deref(), Some(fixture.signal()));
    }
}

/// What systemd-coredump leaves: its name, and one frame of zstd.
#[test]
fn files_of_systemd_coredump() {
    let fixture = fixture::named("null-pointer");
    let core = gdb_core(fixture, Build::plain(fixture)).0;
    let name =
        "core.null\\x2dpointer.1000.5b1d6a3c0f5e4b0f9a7d1c2b3a495867.4242.1764590000000000.zst";
    let path = core.path.with_file_name(name);
    let status = Command::new("zstd").args(["-q", "-o"]).arg(&path).arg(&core.path).status();
    assert!(status.expect("zstd is installed").success());
    assert_eq!(report(&path).threads, report(&core.path).threads);
}

/// `process save-core` of lldb: a minidump with the stacks.
#[test]
fn lldb_saves_a_core() {
    if !is_installed("lldb") {
        return untested("cores of lldb: it is not installed");
    }
    let fixture = fixture::named("null-pointer");
    let build = Build::plain(fixture);
    let program = built(fixture, build);
    let scratch = scratch::directory("lldb");
    let saved: PathBuf = scratch.path().join("saved");
    let save = format!("process save-core -s stack {}", saved.display());
    let mut command = Command::new("timeout");
    command.args(["120", "lldb", "--batch", "-o", "run", "-k", &save, "-k", "kill"]).arg(program);
    let output = command.stdin(Stdio::null()).output().expect("timeout is installed");
    if !saved.exists() {
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        return untested(&format!("cores of lldb: it saves none here: {talk}"));
    }
    let found = report(&saved);
    let wrong = complaints(fixture, build, &found);
    let wrong: Vec<_> = wrong.iter().filter(|it| it.contains("frame")).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{:?}", found.gaps);
}
