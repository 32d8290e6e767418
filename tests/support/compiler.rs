//! Builds fixtures, each once.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use crate::support::builds::{Build, Compiler, Level};
use crate::support::fixture::{Fixture, Language};
use crate::support::scratch;

type Slot = Arc<OnceLock<PathBuf>>;

/// The fixture's program in this build. What was built from the same source by
/// an earlier test run is used again.
///
/// # Panics
/// When the compiler is missing or refuses: a test without it tests nothing.
pub(crate) fn built(fixture: &Fixture, build: Build) -> PathBuf {
    static SLOTS: LazyLock<Mutex<HashMap<(String, Build), Slot>>> = LazyLock::new(Mutex::default);
    let key = (fixture.name.clone(), build);
    let slot = Arc::clone(SLOTS.lock().expect("no panic under the lock").entry(key).or_default());
    slot.get_or_init(|| compile(fixture, build)).clone()
}

fn compile(fixture: &Fixture, build: Build) -> PathBuf {
    let mut command = command(fixture, build);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    fs::create_dir_all(&cache).expect("cargo's directory for tests is writable");
    let label = format!("{}-{build}", fixture.name);
    let mut hasher = DefaultHasher::new();
    let sources = fixture.parts.iter().chain(&fixture.library).chain([&fixture.source]);
    for source in sources {
        hash_source(source, &mut hasher);
    }
    format!("{command:?}").hash(&mut hasher);
    version(build.compiler).hash(&mut hasher);
    let wanted = cache.join(format!("{label}-{:016x}", hasher.finish()));
    if wanted.exists() {
        return wanted;
    }
    for entry in fs::read_dir(&cache).expect("the cache can be listed").flatten() {
        // What an older source was compiled to.
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = name.strip_suffix(".so").unwrap_or(&name);
        let is_old = name.strip_prefix(&format!("{label}-")).is_some_and(|hash| hash.len() == 16);
        if is_old {
            let _ = fs::remove_file(entry.path());
        }
    }
    let scratch = scratch::directory("build");
    let made = scratch.path().join(&fixture.name);
    if let Some(library) = &fixture.library {
        let place = wanted.with_extension("so");
        let mut shared = self::command(fixture, build);
        run(shared.args(["-shared", "-fPIC", "-o"]).arg(&place).arg(library));
        command.arg(format!("-DLIBRARY=\"{}\"", place.display()));
    }
    command.arg("-o").arg(&made).arg(&fixture.source).args(&fixture.parts);
    // Libraries come after what needs them.
    run(command.args(package_flags(fixture)));
    if build.is_stripped {
        run(Command::new("strip").arg(&made));
    }
    fs::rename(&made, &wanted).expect("within one file system");
    wanted
}

/// Hashes a source and those beside it that it includes.
fn hash_source(source: &Path, hasher: &mut DefaultHasher) {
    let text = fs::read_to_string(source).expect("a fixture is readable");
    text.hash(hasher);
    for line in text.lines() {
        let name = line.strip_prefix("#include \"").and_then(|rest| rest.strip_suffix('"'));
        if let Some(name) = name {
            hash_source(&source.with_file_name(name), hasher);
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{talk}");
}

fn command(fixture: &Fixture, build: Build) -> Command {
    let program = match (build.compiler, fixture.language) {
        (Compiler::Gcc, Language::C) => "gcc",
        (Compiler::Gcc, _) => "g++",
        (Compiler::Clang, Language::C) => "clang",
        (Compiler::Clang, _) => "clang++",
        (Compiler::Rustc, _) => "rustc",
        (Compiler::Go, _) => "go",
        (Compiler::Gdc, _) => "gdc",
    };
    let mut command = Command::new(fixture.compiler.as_deref().unwrap_or(program));
    if build.compiler == Compiler::Go {
        // A place of its own, should there be no home directory.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-build");
        command.env("GO111MODULE", "off").env("GOCACHE", cache).arg("build");
        command.args((!build.is_optimized()).then_some("-gcflags=-N -l"));
        return command;
    }
    command.arg("-g");
    if build.compiler == Compiler::Rustc {
        command.args(["--edition", "2024", "-C"]);
        command.arg(if build.is_optimized() { "opt-level=3" } else { "opt-level=0" });
    } else {
        if build.compiler != Compiler::Gdc {
            command.args(["-Wall", "-Wextra", "-Werror"]);
        }
        command.args(match build.level {
            Level::O0 => &["-O0"][..],
            Level::O1 => &["-O1"],
            Level::Debugging => &["-Og"],
            Level::O2 => &["-O2"],
            Level::O3 => &["-O3"],
            Level::Linked => &["-O2", "-flto"],
        });
        if build.is_dwarf4 {
            command.arg("-gdwarf-4");
        }
    }
    command.args(&fixture.flags);
    command
}

/// What the compiler needs for the fixture's packages.
fn package_flags(fixture: &Fixture) -> Vec<String> {
    if fixture.packages.is_empty() {
        return Vec::new();
    }
    let mut ask = Command::new("pkg-config");
    let output = ask.args(["--cflags", "--libs"]).args(&fixture.packages).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run pkg-config: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

/// What the compiler says of itself: another one makes other programs.
fn version(compiler: Compiler) -> String {
    static KNOWN: LazyLock<Mutex<HashMap<Compiler, String>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().expect("no panic under the lock");
    let ask = || {
        let program = match compiler {
            Compiler::Gcc => "gcc",
            Compiler::Clang => "clang",
            Compiler::Rustc => "rustc",
            Compiler::Go => "go",
            Compiler::Gdc => "gdc",
        };
        let ask = if compiler == Compiler::Go { "version" } else { "--version" };
        let output = Command::new(program).arg(ask).output();
        let output = output.unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    known.entry(compiler).or_insert_with(ask).clone()
}
