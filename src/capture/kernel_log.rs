//! What is left of a crash without a core: the kernel's line in its log.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use libc::pid_t;

use crate::base::addr::{FileOff, RunAddr, RunRange};
use crate::base::arch::Arch;
use crate::base::memory::Memory;
use crate::base::signal::Signal;
use crate::capture::privileges;
use crate::dump::kernel_log::{FaultFile, FaultKind, KernelFault, message};
use crate::dump::placement;
use crate::dump::process::{
    Identity, Mapping, Module, Permissions, Process, Source, SourceKind, Thread, ThreadRegisters,
};
use crate::dump::siginfo::{SignalCause, SignalInfo};

/// The most records that are read: a busy log must not keep us.
const MOST_RECORDS: usize = 20_000;

/// The kernel's own limit on a record is 8 KiB with all its escapes.
const LONGEST_RECORD: usize = 8192;

/// The log, watched from before the program's start.
#[derive(Debug)]
pub(super) struct KernelLog {
    log: Result<File, String>,
    executable: Option<(PathBuf, Identification)>,
}

/// What changes when a file does.
type Identification = (u64, u64, u64, i64, i64, i64, i64);

fn identification(file: &Metadata) -> Identification {
    let (dev, ino, len) = (file.dev(), file.ino(), file.len());
    (dev, ino, len, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec())
}

/// A death by a fault, as the kernel's log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedDeath {
    /// The line.
    pub fault: KernelFault,
    /// The signal, as the wait status has it.
    pub signal: Signal,
    /// The program's own file, if it is as it was at the start and the
    /// instruction lies in it.
    module: Option<Module>,
    /// Why there is no such file.
    pub no_module: Option<String>,
    arguments: Vec<Vec<u8>>,
}

impl KernelLog {
    /// Starts to watch, before `program` starts.
    pub(super) fn watch(program: &OsStr) -> Self {
        let executable = privileges::executable(program).and_then(|path| {
            let path = path.canonicalize().ok()?;
            let found = identification(&path.metadata().ok()?);
            Some((path, found))
        });
        Self { log: open(), executable }
    }

    /// The line of process `pid`, which has just died of `signal`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) fn find(
        mut self,
        pid: pid_t,
        signal: Signal,
        arguments: &[&OsStr],
    ) -> Result<LoggedDeath, String> {
        let log = self.log.as_mut().map_err(|why| why.clone())?;
        let is_it = |fault: &KernelFault| {
            u32::try_from(pid) == Ok(fault.tid) && fault.signal() == Some(signal)
        };
        let mut buffer = vec![0; LONGEST_RECORD];
        let mut found = None;
        for _ in 0..MOST_RECORDS {
            match log.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => {
                    let record = buffer.get(..len).unwrap_or_default();
                    let fault = message(record).and_then(|text| KernelFault::parse(&text));
                    // Of several the last one: the others were handled.
                    found = fault.filter(is_it).or(found);
                }
                // Records were overwritten before they were read.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => (),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(_) => break,
            }
        }
        let fault = found.ok_or_else(|| {
            "the kernel's log has no line of the program's first thread; it has none for \
             signals that were sent, keeps silent when there are too many, and names other \
             threads by ids that cannot be told from those of strangers"
                .to_owned()
        })?;
        let (module, no_module) = match self.module(&fault) {
            Ok(module) => (Some(module), None),
            Err(why) => (None, Some(why)),
        };
        let arguments = arguments.iter().map(|word| word.as_bytes().to_vec()).collect();
        Ok(LoggedDeath { fault, signal, module, no_module, arguments })
    }

    /// The program's file, where the loader had put it.
    fn module(&self, fault: &KernelFault) -> Result<Module, String> {
        let file = fault.file.as_ref().ok_or("the instruction lies in no file")?;
        let shown = String::from_utf8_lossy(&file.name);
        let (path, identification) = self
            .executable
            .as_ref()
            .filter(|(path, _)| path.file_name().map(OsStr::as_bytes) == Some(&file.name))
            .ok_or_else(|| {
                format!(
                    "the instruction lies in `{shown}`, and the log does not say which file that is"
                )
            })?;
        let now = path.metadata().map(|file| self::identification(&file));
        if now.ok().as_ref() != Some(identification) {
            return Err(format!("`{}` has changed since the program started", path.display()));
        }
        let headers = head(path)
            .and_then(|head| placement::headers(&head))
            .ok_or_else(|| format!("`{}` cannot be read, or is no ELF file", path.display()))?;
        let (bias, range) = placement::placed(&headers, file, fault.pc).ok_or_else(|| {
            format!("no code of `{}` lies at the offset in the log", path.display())
        })?;
        Ok(Module {
            path: path.as_os_str().as_bytes().to_vec(),
            range,
            bias: Some(bias),
            build_id: None,
            is_main: true,
        })
    }
}

impl LoggedDeath {
    /// The process for the analysis: one thread, of which two registers are
    /// known, and the file in which it stood, if that is sure.
    pub fn process(&self) -> Process<'static> {
        let fault = &self.fault;
        let arch = Arch::X86_64;
        let place = |register| arch.general_index(register);
        let mut registers = ThreadRegisters {
            general: vec![0; arch.general_registers().len()],
            extended: Vec::new(),
            unknown: u64::MAX,
            signature: 0,
        };
        let known = [(arch.program_counter(), fault.pc), (arch.stack_pointer(), fault.sp)];
        for (register, value) in known {
            let Some(index) = place(register) else { continue };
            if let Some(word) = registers.general.get_mut(index) {
                *word = value.0;
                registers.unknown &= !(1 << index);
            }
        }
        let cause = match &fault.kind {
            FaultKind::Page(address) => SignalCause::Fault { address: *address },
            FaultKind::Trap(what) => match what.as_str() {
                "divide error" | "invalid opcode" => SignalCause::Fault { address: fault.pc },
                "general protection fault" => SignalCause::Kernel,
                _ => SignalCause::None,
            },
        };
        let mapping = fault.file.as_ref().and_then(|file| self.mapping(file));
        Process {
            source: Source {
                kind: SourceKind::KernelLog,
                path: None,
                complete: false,
                compressed: false,
            },
            arch,
            identity: Identity {
                pid: Some(fault.tid),
                command: fault.name.clone(),
                executable: self.module.as_ref().map(|module| module.path.clone()),
                arguments: self.arguments.clone(),
                arguments_complete: true,
                ..Identity::default()
            },
            signal: Some(SignalInfo { signal: self.signal, code: None, cause }),
            threads: vec![Thread {
                tid: fault.tid,
                name: Some(fault.name.clone()),
                registers: Some(registers),
            }],
            mappings: mapping.into_iter().collect(),
            modules: self.module.iter().cloned().collect(),
            auxv: Vec::new(),
            memory: Box::new(Nothing),
            sidecar: None,
        }
    }

    fn mapping(&self, file: &FaultFile) -> Option<Mapping> {
        let module = self.module.as_ref()?;
        let end = file.start.checked_add(file.len)?;
        let range = RunRange { start: file.start, end };
        let into =
            self.fault.pc.0.checked_sub(file.start.0).filter(|_| range.contains(self.fault.pc))?;
        let offset = FileOff(file.offset?.0.checked_sub(into)?);
        Some(Mapping {
            range,
            // The processor ran it.
            permissions: Permissions { read: true, write: false, execute: true, known: true },
            path: Some(module.path.clone()),
            offset,
            dumped: 0,
        })
    }
}

/// Memory of which nothing is known.
struct Nothing;

impl Memory for Nothing {
    fn read(&self, _at: RunAddr, _out: &mut [u8]) -> usize {
        0
    }
}

/// Opens the log at its end.
fn open() -> Result<File, String> {
    /// `PROC_PID_INIT_INO` of Linux `include/linux/proc_ns.h`.
    const FIRST: &str = "pid:[4026531836]";
    let own = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if own != Path::new(FIRST) {
        return Err("the kernel's log names processes by ids that are not those of this \
                    container"
            .to_owned());
    }
    if fs::read("/proc/sys/debug/exception-trace").is_ok_and(|text| text.starts_with(b"0")) {
        return Err("the kernel logs no crashes (debug.exception-trace is 0)".to_owned());
    }
    let log = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg");
    let at_end = log.and_then(|mut log| log.seek(SeekFrom::End(0)).map(|_| log));
    at_end.map_err(|error| format!("the kernel's log cannot be read (/dev/kmsg: {error})"))
}

/// The first bytes of an executable: its ELF header and some hundred program
/// headers.
fn head(path: &Path) -> Option<Vec<u8>> {
    const HEAD: u64 = 64 << 10;
    let mut head = Vec::new();
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    file.take(HEAD).read_to_end(&mut head).ok()?;
    Some(head)
}
