//! Fixtures built for other architectures, and their cores, made by QEMU.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use tempfile::TempDir;

use crate::support::builds::{Build, Compiler, Level};
use crate::support::fixture::Fixture;
use crate::support::foreign_core::{ForeignCore, Kind, Segment};
use crate::support::gdb_remote::{Remote, free_port};
use crate::support::scratch;

/// An architecture that Debian has a cross compiler for and QEMU runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// As `docs/ARCHITECTURES.md` has it.
    pub(crate) label: &'static str,
    /// As coretool calls it.
    pub(crate) name: &'static str,
    pub(crate) compiler: &'static str,
    /// Whether addresses have 64 bits, and whether the highest byte comes first.
    pub(crate) is_64: bool,
    pub(crate) is_big: bool,
    /// What it is told besides.
    flags: &'static [&'static str],
    /// The emulator, and the processor that it is to be.
    pub(crate) qemu: &'static str,
    processor: Option<&'static str>,
    /// Whether this QEMU writes cores of it; else its stub is asked.
    writes_cores: bool,
}

const fn target(
    label: &'static str,
    name: &'static str,
    compiler: &'static str,
    qemu: &'static str,
) -> Target {
    Target {
        label,
        name,
        compiler,
        is_64: true,
        is_big: false,
        flags: &[],
        qemu,
        processor: None,
        writes_cores: true,
    }
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    target("aarch64", "aarch64", "aarch64-linux-gnu-gcc", "qemu-aarch64"),
    // Return addresses are signed.
    Target {
        flags: &["-mbranch-protection=standard"],
        processor: Some("max"),
        ..target("aarch64-pac", "aarch64", "aarch64-linux-gnu-gcc", "qemu-aarch64")
    },
    Target { is_64: false, ..target("arm", "arm", "arm-linux-gnueabihf-gcc", "qemu-arm") },
    Target { is_64: false, ..target("i386", "i386", "i686-linux-gnu-gcc", "qemu-i386") },
    Target {
        writes_cores: false,
        ..target("riscv64", "riscv64", "riscv64-linux-gnu-gcc", "qemu-riscv64")
    },
    target("ppc64le", "ppc64", "powerpc64le-linux-gnu-gcc", "qemu-ppc64le"),
    Target { is_big: true, ..target("ppc64", "ppc64", "powerpc64-linux-gnu-gcc", "qemu-ppc64") },
    Target { is_big: true, ..target("s390x", "s390x", "s390x-linux-gnu-gcc", "qemu-s390x") },
];

/// The core of a fixture's death on another architecture.
pub(crate) struct ForeignDeath {
    _directory: TempDir,
    pub(crate) core: PathBuf,
    pub(crate) program: PathBuf,
}

/// The builds that are tested: `-O0` and `-O2`.
pub(crate) const BUILDS: [Build; 2] = [
    Build { compiler: Compiler::Gcc, level: Level::O0, is_dwarf4: false, is_stripped: false },
    Build { compiler: Compiler::Gcc, level: Level::O2, is_dwarf4: false, is_stripped: false },
];

impl Target {
    /// Why it cannot be tested here, if so.
    pub(crate) fn missing_tool(self) -> Option<String> {
        let tools = [self.compiler, self.qemu];
        let is_missing = |tool: &&&str| {
            let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
            found.is_err()
        };
        tools.iter().find(is_missing).map(|tool| format!("{tool} is not installed"))
    }

    /// The fixture's program, static, built once.
    fn built(self, fixture: &Fixture, build: Build) -> PathBuf {
        type Slot = Arc<OnceLock<PathBuf>>;
        static SLOTS: LazyLock<Mutex<HashMap<(String, Build, Target), Slot>>> =
            LazyLock::new(Mutex::default);
        let key = (fixture.name.clone(), build, self);
        let slot =
            Arc::clone(SLOTS.lock().expect("no panic under the lock").entry(key).or_default());
        slot.get_or_init(|| self.compile(fixture, build)).clone()
    }

    fn compile(self, fixture: &Fixture, build: Build) -> PathBuf {
        let level = if build.is_optimized() { "-O2" } else { "-O0" };
        let mut command = Command::new(self.compiler);
        command.args(["-g", "-static", "-w", level]).args(self.flags).args(&fixture.flags);
        let text = fs::read_to_string(&fixture.source).expect("a fixture is readable");
        let mut hasher = DefaultHasher::new();
        (format!("{command:?}"), text).hash(&mut hasher);
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        fs::create_dir_all(&cache).expect("cargo's directory for tests is writable");
        let name = format!("{}-{}{level}-{:016x}", fixture.name, self.label, hasher.finish());
        let wanted = cache.join(name);
        if wanted.exists() {
            return wanted;
        }
        let scratch = scratch::directory("cross");
        let made = scratch.path().join("program");
        let output = command.arg("-o").arg(&made).arg(&fixture.source).output();
        let output = output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?} failed:\n{talk}");
        fs::rename(&made, &wanted).expect("within one file system");
        wanted
    }

    /// Lets the fixture die, and keeps the core.
    pub(crate) fn die(self, fixture: &Fixture, build: Build) -> ForeignDeath {
        let program = self.built(fixture, build);
        let directory = scratch::directory(&fixture.name);
        let core = if self.writes_cores {
            self.qemu_core(&program, directory.path())
        } else {
            let core = directory.path().join("core");
            fs::write(&core, self.remote_core(fixture, &program).bytes())
                .expect("a writable directory");
            core
        };
        ForeignDeath { _directory: directory, core, program }
    }

    /// The core that QEMU writes into its working directory.
    fn qemu_core(self, program: &Path, directory: &Path) -> PathBuf {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -c unlimited && exec timeout 60 \"$0\" \"$@\"", self.qemu]);
        command.args(self.processor.iter().flat_map(|name| ["-cpu", name]));
        command.arg(program).current_dir(directory);
        let output = command.stdin(Stdio::null()).output().expect("sh and timeout are there");
        let entries = fs::read_dir(directory).expect("the directory can be listed").flatten();
        let mut found = None;
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("qemu_") && name.ends_with(".core") {
                found = Some(entry.path());
            } else {
                // QEMU's own.
                let _ = fs::remove_file(entry.path());
            }
        }
        let talk = String::from_utf8_lossy(&output.stderr);
        found.unwrap_or_else(|| panic!("{} wrote no core: {talk}", self.qemu))
    }

    /// A core of what QEMU's stub tells: of RISC-V, for which this QEMU writes
    /// none.
    fn remote_core(self, fixture: &Fixture, program: &Path) -> ForeignCore {
        let port = free_port();
        let mut child = Command::new(self.qemu)
            .args(["-g", &port.to_string()])
            .arg(program)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("QEMU is installed");
        let mut remote = Remote::connect(port);
        // Signals of other kinds are handled, and so are the first of the fatal
        // kind. The protocol's numbers are those of Linux for these.
        let fatal = match fixture.signal() {
            "SIGABRT" => 6,
            "SIGSEGV" => 11,
            other => panic!("the protocol's number of {other} is not known here"),
        };
        let mut left = fixture.handled;
        let mut signal = remote.go_on(None);
        while signal != fatal || left > 0 {
            left -= u32::from(signal == fatal);
            signal = remote.go_on(Some(signal));
        }
        let core = self.ask(&mut remote, program, signal);
        let _ = child.kill();
        let _ = child.wait();
        core
    }

    fn ask(self, remote: &mut Remote, program: &Path, signal: u8) -> ForeignCore {
        let kind = Kind::usual(243, true, false);
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let all: Vec<u64> = remote.registers().chunks_exact(8).map(word).collect();
        // x0 to x31, pc; in `pr_reg` the pc has the place of x0.
        let mut registers = all[..32].to_vec();
        registers[0] = all[32];
        let auxv: Vec<(u64, u64)> = remote
            .auxiliary_vector()
            .chunks_exact(16)
            .map(|pair| (word(&pair[..8]), word(&pair[8..])))
            .filter(|(key, _)| *key != 0)
            .collect();
        let mut segments = loads(program, kind);
        for segment in &mut segments {
            // What is only read is left out, as the kernel does.
            if segment.flags & 2 != 0 {
                segment.bytes = read(remote, segment.start, segment.size);
            }
        }
        segments.extend(areas(remote, &registers, &segments));
        segments.sort_by_key(|segment| segment.start);
        ForeignCore {
            kind,
            signal: u16::from(signal),
            fault: None,
            threads: vec![(77, registers)],
            auxv,
            segments,
            notes: Vec::new(),
        }
    }
}

const PAGE: u64 = 0x1000;

/// The `PT_LOAD` segments of a static 64-bit little-endian program, by pages.
fn loads(program: &Path, kind: Kind) -> Vec<Segment> {
    assert!(kind.is_64 && !kind.is_big, "no other is asked for");
    let file = fs::read(program).expect("a program");
    let number = |at: usize, size: usize| {
        file[at..at + size].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let table = number(32, 8) as usize;
    let headers = (0..number(56, 2) as usize).map(|index| table + index * 56);
    let of = |at: usize| {
        let (offset, start, size) = (number(at + 8, 8), number(at + 16, 8), number(at + 40, 8));
        let first = start / PAGE * PAGE;
        Segment {
            start: first,
            size: (start + size).next_multiple_of(PAGE) - first,
            bytes: Vec::new(),
            flags: number(at + 4, 4) as u32,
            file: Some((program.display().to_string(), offset / PAGE * PAGE)),
        }
    };
    headers.filter(|at| number(*at, 4) == 1).map(of).collect()
}

/// Pages from `start` on, as many as there are in a row.
fn read(remote: &mut Remote, start: u64, size: u64) -> Vec<u8> {
    let mut found = Vec::new();
    for at in (start..start.saturating_add(size)).step_by(PAGE as usize) {
        match remote.memory(at, PAGE as usize) {
            Some(page) => found.extend(page),
            None => break,
        }
    }
    found
}

/// The stack, and what else registers point to: the heap, and the page of the
/// signal trampoline.
fn areas(remote: &mut Remote, registers: &[u64], known: &[Segment]) -> Vec<Segment> {
    /// Of one area.
    const MOST: u64 = 48 * PAGE;
    let mut found: Vec<Segment> = Vec::new();
    let pointers = [registers[2]].into_iter().chain(registers.iter().copied());
    for pointer in pointers.collect::<Vec<u64>>() {
        let start = pointer / PAGE * PAGE;
        let is_known = |it: &Segment| (it.start..it.start + it.size).contains(&pointer);
        if start == 0 || known.iter().chain(&found).any(is_known) {
            continue;
        }
        let bytes = read(remote, start, MOST);
        // The next area is in the core already.
        let next = known.iter().chain(&found).map(|it| it.start).filter(|at| *at > start).min();
        let size = (bytes.len() as u64).min(next.unwrap_or(u64::MAX) - start);
        if size > 0 {
            let bytes = bytes[..size as usize].to_vec();
            found.push(Segment { start, size, bytes, flags: 7, file: None });
        }
    }
    found
}
