//! A process that is held by the tracer, as a [`Process`].

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::fs;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;

use libc::pid_t;

use crate::base::addr::RunAddr;
use crate::base::arch::Arch;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::base::signal::Signal;
use crate::base::text::text;
use crate::capture::copied_stacks::CopiedStacks;
use crate::capture::core_writer::{Contents, CoreStats, Notes, write_core};
use crate::capture::error::CaptureError;
use crate::capture::facts;
use crate::capture::facts::{EnvironmentScope, FactScope};
use crate::capture::maps;
use crate::capture::status::ThreadState;
use crate::capture::sys;
use crate::capture::trace::{HandledFault, Kin};
use crate::dump::modules::modules;
use crate::dump::process::{Identity, Process, Source, SourceKind, Thread, ThreadRegisters};
use crate::dump::sidecar::{CaptureFacts, HandledFaultFact, Sidecar, SyscallFacts, ThreadFacts};
use crate::dump::siginfo::{SignalCause, SignalInfo};

/// `NT_PRSTATUS` as a register set: `pr_reg` alone.
const GENERAL: u32 = 1;
/// `NT_PRFPREG`.
const FLOATING: u32 = 2;
/// `NT_X86_XSTATE`.
const EXTENDED: u32 = 0x202;

/// What the tracer knows of a process that it holds.
pub(super) struct Held {
    pub(super) process: pid_t,
    pub(super) crashed: pid_t,
    /// What it dies of. `None`: of nothing, it is only looked at.
    pub(super) signal: Option<Signal>,
    pub(super) info: Option<SignalInfo>,
    pub(super) handled_fault: Option<HandledFault>,
    pub(super) is_main: bool,
    /// Its other threads that stand still.
    pub(super) others: Vec<pid_t>,
    /// Its threads that did not stop in time.
    pub(super) late: Vec<pid_t>,
    /// What only its tracer knows of its relatives.
    pub(super) kin: Kin,
}

/// A process with all threads held: it has been dealt its death, or is only
/// looked at. When the one who was shown it is done, it dies as it would have,
/// or runs on.
pub struct Stopped {
    held: Held,
    state: ThreadState,
    threads: Vec<HeldThread>,
    /// What was copied of it, when its memory is not to be read later.
    copied: Option<Copied>,
    /// The process whose memory is shown in its place: a copy of it.
    image: Option<pid_t>,
    /// Asked for once; the process cannot change meanwhile.
    sidecar: OnceCell<Sidecar>,
    /// What is kept of its environment.
    environment: Cell<EnvironmentScope>,
}

/// What is kept of a process that runs on.
struct Copied {
    stacks: CopiedStacks,
    auxv: Vec<(u64, u64)>,
    identity: Identity,
}

/// One thread, and what the core's notes want of it.
pub(super) struct HeldThread {
    pub(super) state: ThreadState,
    pub(super) mask: u64,
    pub(super) floating: Vec<u8>,
    pub(super) thread: Thread,
}

impl Stopped {
    /// Reads all registers; only the tracer's own thread may.
    pub(super) fn new(held: Held) -> Self {
        let state = ThreadState::read(held.process).unwrap_or_default();
        let tids = [held.crashed].into_iter().chain(held.others.iter().copied());
        let stopped = tids.map(|tid| held_thread(tid, true));
        let late = held.late.iter().map(|tid| held_thread(*tid, false));
        let threads = stopped.chain(late).collect();
        Self {
            held,
            state,
            threads,
            copied: None,
            image: None,
            sidecar: OnceCell::new(),
            environment: Cell::default(),
        }
    }

    /// Copies all stacks, so that [`Stopped::process`] shows the moment even
    /// when the process runs on. Of its other memory only what it cannot
    /// change is then read.
    pub(super) fn copy_stacks(&mut self) {
        let pid = self.image.unwrap_or(self.alive());
        let pointers = self.threads.iter().filter_map(|held| {
            let registers = held.thread.registers.as_ref()?;
            let index = Arch::X86_64.general_index(Arch::X86_64.stack_pointer())?;
            registers.general.get(index).copied()
        });
        let words = self.threads.iter().filter_map(|held| {
            // Of `futex` the first argument, in %rdi.
            let registers = held.thread.registers.as_ref()?;
            let number = registers.word(Arch::X86_64.syscall_index())?;
            let [first, ..] = Arch::X86_64.syscall_arguments();
            (i64::try_from(number) == Ok(libc::SYS_futex)).then(|| registers.word(first))?
        });
        let stacks = CopiedStacks::copy(pid, pointers, words);
        self.copied = Some(Copied { stacks, auxv: auxv(pid), identity: self.identity() });
    }

    /// Shows the memory of `image`, which is a copy of the process.
    pub(super) fn show_memory_of(&mut self, image: pid_t) {
        self.image = Some(image);
    }

    /// Its process id, as this process sees it.
    pub fn pid(&self) -> i32 {
        self.held.process
    }

    /// Whether it is the program that was started, and not a descendant.
    pub fn is_main(&self) -> bool {
        self.held.is_main
    }

    /// The signal that it dies of; `None` when it is only looked at.
    pub fn signal(&self) -> Option<Signal> {
        self.held.signal
    }

    /// The fault that a handler of the crashed thread saw last. It has the
    /// true code and address of a crash that the handler raised again.
    pub fn handled_fault(&self) -> Option<HandledFault> {
        self.held.handled_fault
    }

    /// How many of its threads did not stop in time, and so have no registers.
    pub fn late_threads(&self) -> usize {
        self.held.late.len()
    }

    /// The process for the analysis. Its memory is read while it is held, so
    /// it must be gone when the holder lets go.
    pub fn process(&self, limits: &Limits) -> Process<'_> {
        // Once the stacks are copied, a copy of the process may be gone.
        let image = self.image.filter(|_| self.copied.is_none());
        let pid = image.unwrap_or(self.alive());
        let memory = LiveMemory::open(pid);
        let is_readable = memory.is_open();
        let (auxv, mappings, identity) = match &self.copied {
            Some(copied) => {
                let mappings = copied.stacks.mappings().to_vec();
                (copied.auxv.clone(), mappings, copied.identity.clone())
            }
            None => (auxv(pid), maps::mappings(pid), self.identity()),
        };
        let memory: Box<dyn Memory + '_> = match &self.copied {
            Some(copied) => Box::new(copied.stacks.with(memory)),
            None => Box::new(memory),
        };
        let modules = modules(&mappings, &auxv, &*memory, limits);
        let signal = self.held.signal.map(|signal| {
            let bare = SignalInfo { signal, code: None, cause: SignalCause::None };
            self.held.info.unwrap_or(bare)
        });
        Process {
            source: Source {
                kind: SourceKind::Live,
                path: None,
                complete: is_readable,
                compressed: false,
            },
            arch: Arch::X86_64,
            identity,
            signal,
            threads: self.threads.iter().map(|held| held.thread.clone()).collect(),
            mappings,
            modules,
            auxv,
            memory,
            sidecar: Some(self.sidecar().clone()),
        }
    }

    /// Says what is kept of its environment. Heeded until
    /// [`Stopped::sidecar`] or [`Stopped::process`] is called.
    pub fn keep_environment(&self, environment: EnvironmentScope) {
        self.environment.set(environment);
    }

    /// What `/proc` says of it.
    pub fn sidecar(&self) -> &Sidecar {
        self.sidecar.get_or_init(|| {
            // What is asked of each thread for its registers is known.
            let threads = Some(self.threads.iter().map(thread_facts).collect());
            let environment = self.environment.get();
            let scope = FactScope { threads, environment, ..FactScope::of(self.alive()) };
            let mut sidecar = facts::collect(self.alive(), &scope);
            self.held.kin.add_to(&mut sidecar);
            sidecar.handled_faults.extend(self.handled_fault_fact());
            sidecar.capture =
                Some(CaptureFacts { rung: "ptrace".to_owned(), ..CaptureFacts::default() });
            sidecar
        })
    }

    fn handled_fault_fact(&self) -> Option<HandledFaultFact> {
        let fault = self.held.handled_fault?;
        Some(HandledFaultFact {
            tid: self.threads.first()?.thread.tid,
            count: fault.count,
            signal: fault.info.signal.0,
            code: fault.info.code,
            address: fault.info.address().map(|at| at.0),
        })
    }

    /// Writes an ELF core of the process, sparse, to an empty file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written or the memory cannot be read at all.
    pub fn write_core(&self, contents: Contents, file: &File) -> Result<CoreStats, CaptureError> {
        let pid = self.alive();
        let image = self.image.unwrap_or(pid);
        let notes = Notes {
            identity: self.identity(),
            state: &self.state,
            stat: procfs::process::Process::new(pid).and_then(|process| process.stat()).ok(),
            signal: self.held.signal,
            info: self.held.info.and_then(|_| sys::signal_info(self.held.crashed).ok()),
            auxv: fs::read(format!("/proc/{image}/auxv")).unwrap_or_default(),
            threads: &self.threads,
            sidecar: self.sidecar(),
        };
        write_core(image, &notes, contents, file).map_err(|source| CaptureError::Core { source })
    }

    /// The id by which `/proc` shows the process. That of the crashed thread:
    /// when the first thread has ended before the others, nothing but its name
    /// is left under its own.
    fn alive(&self) -> pid_t {
        self.held.crashed
    }

    fn identity(&self) -> Identity {
        let pid = self.alive();
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let link = |name: &str| {
            let target = fs::read_link(format!("/proc/{pid}/{name}")).ok()?;
            Some(target.as_os_str().as_bytes().to_vec())
        };
        let line = read("cmdline");
        let line = line.strip_suffix(b"\0").unwrap_or(&line);
        Identity {
            pid: id(self.state.own_id),
            ppid: id(self.state.parent),
            uid: Some(self.state.uid),
            gid: Some(self.state.gid),
            command: comm(self.held.process).unwrap_or_default(),
            executable: link("exe"),
            arguments: line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect(),
            arguments_complete: true,
            working_directory: link("cwd"),
        }
    }
}

fn id(pid: pid_t) -> Option<u32> {
    u32::try_from(pid).ok().filter(|pid| *pid > 0)
}

fn held_thread(tid: pid_t, is_stopped: bool) -> HeldThread {
    let state = ThreadState::read(tid).unwrap_or_default();
    let general = is_stopped.then(|| sys::register_set(tid, GENERAL).ok()).flatten();
    let floating = general.as_ref().and_then(|_| sys::register_set(tid, FLOATING).ok());
    let registers = general.map(|general| ThreadRegisters {
        general: words(&general),
        extended: sys::register_set(tid, EXTENDED)
            .ok()
            .or_else(|| floating.clone())
            .unwrap_or_default(),
        unknown: 0,
        signature: 0,
    });
    let own_id = id(state.own_id).or(id(tid)).unwrap_or(0);
    HeldThread {
        mask: sys::signal_mask(tid).unwrap_or(0),
        floating: floating.unwrap_or_default(),
        thread: Thread { tid: own_id, name: comm(tid), registers },
        state,
    }
}

fn thread_facts(held: &HeldThread) -> ThreadFacts {
    ThreadFacts {
        tid: held.thread.tid,
        name: held.thread.name.as_deref().map(text),
        pending: held.state.pending,
        blocked: held.mask,
        syscall: held.thread.registers.as_ref().and_then(syscall),
        ..ThreadFacts::default()
    }
}

/// The system call that a thread was in, and its arguments.
fn syscall(registers: &ThreadRegisters) -> Option<SyscallFacts> {
    // Of user_regs_struct: rdi, rsi, rdx, r10, r8, r9.
    const ARGUMENTS: [usize; 6] = [14, 13, 12, 7, 9, 8];
    let register = |index: usize| registers.general.get(index).copied();
    let number = register(Arch::X86_64.syscall_index())?;
    // All ones: in none.
    i64::try_from(number).ok()?;
    let arguments = ARGUMENTS.map(|index| register(index).unwrap_or(0));
    Some(SyscallFacts { number, arguments })
}

/// The name of a thread; that of the first one is the process's. Its last
/// newline is the kernel's, all else may be its own.
fn comm(tid: pid_t) -> Option<Vec<u8>> {
    let mut name = fs::read(format!("/proc/{tid}/comm")).ok()?;
    name.pop_if(|last| *last == b'\n');
    Some(name)
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let word = |chunk: &[u8]| chunk.try_into().map_or(0, u64::from_le_bytes);
    bytes.chunks_exact(8).map(word).collect()
}

fn auxv(pid: pid_t) -> Vec<(u64, u64)> {
    let words = words(&fs::read(format!("/proc/{pid}/auxv")).unwrap_or_default());
    words.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect()
}

/// The memory of a held process, through `/proc/PID/mem`, which also reads
/// pages that the process itself may not.
pub(super) struct LiveMemory {
    file: Option<File>,
    /// Pages read before. The process is held, so they cannot change; a deep
    /// stack asks for the same page hundreds of times.
    pages: Mutex<HashMap<u64, Option<Box<[u8; PAGE]>>>>,
}

const PAGE: usize = 4096;

/// Pages kept at a time: 32 MiB.
const MOST_PAGES: usize = 8192;

impl LiveMemory {
    pub(super) fn open(pid: pid_t) -> Self {
        Self { file: File::open(format!("/proc/{pid}/mem")).ok(), pages: Mutex::default() }
    }

    /// False when the process is not dumpable for this user.
    fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Copies from one page; zero bytes when it cannot be read.
    fn copy(&self, at: u64, out: &mut [u8]) -> usize {
        let Some(file) = &self.file else { return 0 };
        let (start, skip) = (at & !(PAGE as u64 - 1), (at % PAGE as u64) as usize);
        let mut pages = self.pages.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if pages.len() >= MOST_PAGES {
            pages.clear();
        }
        let page = pages.entry(start).or_insert_with(|| {
            let mut page = Box::new([0; PAGE]);
            file.read_exact_at(&mut page[..], start).ok().map(|()| page)
        });
        let found = page.as_ref().and_then(|page| page.get(skip..)).unwrap_or_default();
        let len = found.len().min(out.len());
        for (to, from) in out.iter_mut().zip(found) {
            *to = *from;
        }
        len
    }
}

impl Memory for LiveMemory {
    fn read(&self, at: RunAddr, out: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(next) = at.checked_add(done as u64) else { break };
            let got = self.copy(next.0, rest);
            if got == 0 {
                break;
            }
            done += got;
        }
        done
    }
}
