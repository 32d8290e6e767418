//! A copy of a process, made by itself: one of its threads is made to fork.
//!
//! The kernel shares all memory between the two until one of them writes, so
//! the process stands still only while its page tables are copied. The copy
//! never runs an instruction. x86-64 only.
//!
//! The thread makes system calls that it did not ask for, at a `syscall`
//! instruction of the vdso, and gets its registers and its mask back. Its own
//! system call, if it was in one, is taken up again by the kernel, since the
//! thread goes on from an interrupt stop, as after every other stop.

use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

use libc::{c_int, c_long, pid_t};

use crate::base::signal::Signal;
use crate::capture::attach::Attached;
use crate::capture::maps;
use crate::capture::status::ThreadState;
use crate::capture::stops::{Resume, resume_of};
use crate::capture::sys;

/// How long one step of the forking thread may take. Copying the page tables
/// of a terabyte takes half a minute.
const PATIENCE: Duration = Duration::from_secs(60);

/// Signals that an instruction raises, also while they are held back.
const FAULTS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];

/// `NT_PRSTATUS` as a register set.
const GENERAL: u32 = 1;

/// Indices of `user_regs_struct`.
const R10: usize = 7;
const R8: usize = 9;
const RAX: usize = 10;
const RDX: usize = 12;
const RSI: usize = 13;
const RDI: usize = 14;
const ORIG_RAX: usize = 15;
const RIP: usize = 16;
const CS: usize = 17;

/// The code segment of 64-bit programs. Source: Linux
/// `arch/x86/include/asm/segment.h`, `__USER_CS`.
const USER_CS: u64 = 0x33;

/// The copy of a process: its child, which stands still until it is ended, or
/// until we end.
pub(super) struct Copy {
    parent: pid_t,
    child: pid_t,
    is_over: bool,
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill();
            let _zombie = self.reap();
        }
    }
}

impl Copy {
    /// Makes a process that is held copy itself.
    ///
    /// # Errors
    ///
    /// When it cannot, with the reason; it is as it was.
    pub(super) fn of(attached: &mut Attached) -> Result<Self, String> {
        let process = attached.process();
        let status = fs::read_to_string(format!("/proc/{process}/status"));
        let status = status.map_err(|error| error.to_string())?;
        if status.lines().any(|line| line.starts_with("Seccomp:") && !line.ends_with('0')) {
            return Err("a seccomp filter watches its system calls".to_owned());
        }
        let gadget = gadget(process).ok_or("its vdso has no `syscall` instruction")?;
        // A thread in a system call is at a place where nothing depends on the
        // next instruction.
        let mut idle: Vec<pid_t> = attached.idle_threads().collect();
        idle.sort_unstable();
        let in_call = |tid: &&pid_t| Call::is_between(**tid);
        let tid = idle.iter().find(in_call).copied();
        let tid = tid.ok_or("none of its threads waits in a system call")?;
        // The descriptors are shared, not copied: a pipe that the process
        // closes is closed. The stack is no memory at all: should we be killed
        // now, the copy dies of its first instruction. And nobody is told of
        // its end.
        let flags = libc::CLONE_FILES as u64;
        let mut call = Call::begin(tid, gadget, libc::SYS_clone, [flags, 8, 0, 0, 0])?;
        let answer = call.run();
        let child = call.child.take();
        let owed = call.end();
        for signal in owed {
            attached.owe(tid, signal);
        }
        match (answer, child) {
            (Ok(_), Some(child)) => {
                let mut copy = Self { parent: process, child, is_over: false };
                match copy.settle() {
                    Ok(()) => Ok(copy),
                    Err(why) => {
                        // Its parent is held: it cannot be asked to reap now.
                        copy.is_over = true;
                        copy.kill();
                        Err(why)
                    }
                }
            }
            (Ok(answer), None) => {
                let number = i32::try_from(answer.wrapping_neg()).unwrap_or(0);
                let error = std::io::Error::from_raw_os_error(number);
                Err(format!("it cannot fork ({error})"))
            }
            (Err(why), _) => Err(why),
        }
    }

    /// The id of the copy.
    pub(super) fn pid(&self) -> pid_t {
        self.child
    }

    /// Waits until the copy stands still; should we die, it dies.
    fn settle(&self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match sys::wait_now_for(self.child) {
                Ok(Some((_, status))) if libc::WIFSTOPPED(status) => {
                    return sys::set_options(self.child, libc::PTRACE_O_EXITKILL)
                        .map_err(|error| error.to_string());
                }
                Ok(None) => thread::sleep(Duration::from_micros(20)),
                _ => break,
            }
        }
        Err("its copy has ended at once".to_owned())
    }

    /// Ends the copy, and makes the process forget it, for which one of its
    /// threads is stopped once more.
    ///
    /// # Errors
    ///
    /// With what stays behind: a zombie, until the process ends.
    pub(super) fn end(mut self) -> Result<(), String> {
        self.is_over = true;
        self.kill();
        self.reap()
    }

    fn kill(&self) {
        let _gone = sys::kill(self.child, libc::SIGKILL);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match sys::wait_now_for(self.child) {
                Ok(Some((_, status))) if libc::WIFSTOPPED(status) => (),
                Ok(None) => thread::sleep(Duration::from_micros(200)),
                _ => break,
            }
        }
    }

    fn reap(&self) -> Result<(), String> {
        /// Reads of a thread that may be running just now.
        const TRIES: u32 = 20;
        let what =
            format!("a zombie, process {}, stays until process {} ends", self.child, self.parent);
        for _ in 0..TRIES {
            let mut attached = match Attached::new(self.parent) {
                Ok(attached) => attached,
                // It has ended: then nothing stays.
                Err(_) if ThreadState::read(self.parent).is_none_or(|state| state.has_ended) => {
                    return Ok(());
                }
                Err(error) => return Err(format!("{what}: {error}")),
            };
            let mut idle: Vec<pid_t> = attached.idle_threads().collect();
            idle.sort_unstable();
            let Some(tid) = idle.iter().find(|tid| Call::is_between(**tid)).copied() else {
                drop(attached);
                thread::sleep(Duration::from_millis(5));
                continue;
            };
            // It may have become another program, and have its vdso elsewhere.
            let gadget = gadget(self.parent)
                .ok_or_else(|| format!("{what}: its vdso has no `syscall` instruction"))?;
            let child = u64::try_from(self.child).unwrap_or(0);
            let how = (libc::__WALL | libc::WNOHANG) as u64;
            let arguments = [child, 0, how, 0, 0];
            let answer = Call::begin(tid, gadget, libc::SYS_wait4, arguments).map(|mut call| {
                let answer = call.run();
                (answer, call.end())
            });
            let (answer, owed) = answer.map_err(|why| format!("{what}: {why}"))?;
            for signal in owed {
                attached.owe(tid, signal);
            }
            return match answer {
                Ok(answer) if answer == i64::from(self.child) => Ok(()),
                // The program has waited for all its children itself.
                Ok(answer) if answer == -i64::from(libc::ECHILD) => Ok(()),
                Ok(answer) => Err(format!("{what}: wait4 answered {answer}")),
                Err(why) => Err(format!("{what}: {why}")),
            };
        }
        Err(format!("{what}: none of its threads waits in a system call"))
    }
}

/// A system call that a thread is made to make.
struct Call {
    tid: pid_t,
    registers: Vec<u8>,
    mask: u64,
    /// The process that it made.
    child: Option<pid_t>,
    /// Signals that came meanwhile, and could not be blocked: stops.
    owed: Vec<c_int>,
}

impl Call {
    /// Whether a thread stands between the end of a system call of its own and
    /// the next instruction, as 64-bit code.
    fn is_between(tid: pid_t) -> bool {
        let Ok(registers) = sys::register_set(tid, GENERAL) else { return false };
        let call = word(&registers, ORIG_RAX).unwrap_or(u64::MAX).cast_signed();
        call >= 0 && word(&registers, CS) == Some(USER_CS)
    }

    /// Puts a thread before the call. All its signals are held back.
    fn begin(tid: pid_t, gadget: u64, number: c_long, arguments: [u64; 5]) -> Result<Self, String> {
        let say = |error: std::io::Error| error.to_string();
        let registers = sys::register_set(tid, GENERAL).map_err(say)?;
        let mask = sys::signal_mask(tid).map_err(say)?;
        let mut changed = registers.clone();
        let places = [RDI, RSI, RDX, R10, R8];
        let fixed = [(RAX, number.cast_unsigned()), (ORIG_RAX, u64::MAX), (RIP, gadget)];
        for (index, value) in places.into_iter().zip(arguments).chain(fixed) {
            if let Some(bytes) = changed.get_mut(index * 8..index * 8 + 8) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
        }
        let call = Self { tid, registers, mask, child: None, owed: Vec::new() };
        let options = libc::PTRACE_O_TRACESYSGOOD
            | libc::PTRACE_O_TRACECLONE
            | libc::PTRACE_O_TRACEFORK
            | libc::PTRACE_O_TRACEVFORK;
        let begun = sys::set_options(tid, options)
            .and_then(|()| sys::set_signal_mask(tid, u64::MAX))
            .and_then(|()| sys::set_register_set(tid, GENERAL, &changed));
        match begun {
            Ok(()) => Ok(call),
            Err(error) => {
                let _owed = call.end();
                Err(say(error))
            }
        }
    }

    /// Lets the thread make the call, and says what the kernel answered.
    fn run(&mut self) -> Result<i64, String> {
        let mut has_begun = false;
        loop {
            sys::to_system_call(self.tid, 0).map_err(|error| error.to_string())?;
            let (signal, event) = self.next_stop()?;
            match event {
                0 if signal == libc::SIGTRAP | 0x80 && !has_begun => has_begun = true,
                0 if signal == libc::SIGTRAP | 0x80 => break,
                // All signals are held back: it is a fault of the call itself.
                0 if FAULTS.contains(&signal) => {
                    return Err(format!("its system call met {}", Signal(signal).name()));
                }
                0 => self.owed.push(signal),
                libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                    let child = sys::event_message(self.tid).ok();
                    self.child = child.and_then(|child| pid_t::try_from(child).ok());
                }
                _ => (),
            }
        }
        let registers = sys::register_set(self.tid, GENERAL).map_err(|error| error.to_string())?;
        let answer = word(&registers, RAX).ok_or("its registers are cut short")?;
        Ok(answer.cast_signed())
    }

    fn next_stop(&self) -> Result<(c_int, c_int), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut tries = 0u32;
        loop {
            match sys::wait_now_for(self.tid) {
                Ok(Some((_, status))) if libc::WIFSTOPPED(status) => {
                    return Ok((libc::WSTOPSIG(status), status >> 16));
                }
                Ok(Some(_)) => return Err("it has been killed meanwhile".to_owned()),
                Ok(None) if Instant::now() < deadline => {
                    tries += 1;
                    // Most steps take microseconds.
                    if tries > 50 {
                        thread::sleep(Duration::from_micros(50));
                    } else {
                        thread::yield_now();
                    }
                }
                Ok(None) => return Err("its system call did not end".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Brings the thread to an interrupt stop, from which the kernel takes up
    /// the system call that it was in, and gives it back what it had. Returns
    /// the signals that are owed to it.
    fn end(mut self) -> Vec<c_int> {
        // Still stopped: the request is kept until it goes on, and it has not
        // run an instruction of its own by then.
        let asked = sys::interrupt(self.tid).and_then(|()| sys::go_on(self.tid, 0));
        if asked.is_ok() {
            // Signals are held back, so this is the stop, or one to be owed.
            while let Ok((signal, event)) = self.next_stop() {
                if event == libc::PTRACE_EVENT_STOP {
                    break;
                }
                if let (0, Resume::Deliver(signal)) = (event, resume_of(signal, event))
                    && !FAULTS.contains(&signal)
                {
                    self.owed.push(signal);
                }
                if sys::go_on(self.tid, 0).is_err() {
                    break;
                }
            }
        }
        let _gone = sys::set_register_set(self.tid, GENERAL, &self.registers);
        let _gone = sys::set_signal_mask(self.tid, self.mask);
        let _gone = sys::set_options(self.tid, 0);
        self.owed
    }
}

fn word(registers: &[u8], index: usize) -> Option<u64> {
    let bytes = registers.get(index * 8..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*bytes))
}

/// The address of a `syscall` instruction in the vdso: `0f 05`.
fn gadget(process: pid_t) -> Option<u64> {
    const MOST: u64 = 1 << 20;
    let mappings = maps::mappings(process);
    let vdso = mappings.iter().find(|mapping| mapping.path.as_deref() == Some(b"[vdso]"))?;
    let mut bytes = vec![0; usize::try_from(vdso.range.len().min(MOST)).ok()?];
    let memory = File::open(format!("/proc/{process}/mem")).ok()?;
    memory.read_exact_at(&mut bytes, vdso.range.start.0).ok()?;
    let at = bytes.windows(2).position(|pair| pair == [0x0f, 0x05])?;
    vdso.range.start.0.checked_add(at as u64)
}
