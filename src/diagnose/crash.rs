//! All that a rule may look at.

use std::sync::OnceLock;
use std::time::Duration;

use crate::base::addr::RunAddr;
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::base::signal::Signal;
use crate::diagnose::hang::Hang;
use crate::dump::process::{Process, Thread};
use crate::dump::siginfo::{SignalCause, SignalInfo};
use crate::symbols::Symbols;
use crate::unwind::frame::Frame;
use crate::unwind::registers::Registers;
use crate::variables::calls::{FrameCall, ThreadCalls};

/// A dead process and what is known of it.
pub struct Crash<'a, 'f> {
    /// The process.
    pub process: &'a Process<'f>,
    /// Its memory, with the matching bytes of mapped files.
    pub memory: &'a dyn Memory,
    /// Names, lines and types.
    pub symbols: &'a Symbols<'f>,
    /// Bounds on every walk.
    pub limits: &'a Limits,
    /// The stacks, in the order of the process's threads: the crashed one
    /// first.
    pub threads: &'a [ThreadCalls],
    /// A fault that a signal handler of this thread saw before the fatal
    /// signal: the true cause when the handler raised the signal again.
    pub first_chance: Option<FirstChance>,
    /// Why the process is looked at, when no signal killed it.
    pub occasion: Occasion,
    /// Who waits for whom, once somebody has asked.
    pub hang: OnceLock<Hang>,
}

/// Why a process is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Occasion {
    /// It has died, or somebody else has made the dump.
    #[default]
    Death,
    /// Somebody asks what it is doing; it runs on.
    Look,
    /// It had not ended in so much time.
    Timeout(Duration),
}

/// A fault that a handler of the program has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstChance {
    /// The signal, its code and address.
    pub signal: SignalInfo,
    /// How many handled faults the thread had in all.
    pub count: u64,
}

impl FirstChance {
    /// The fault of the crashed thread that was noted beside its core.
    pub fn noted(process: &Process<'_>) -> Option<Self> {
        let tid = process.crashed_thread()?.tid;
        let faults = &process.sidecar.as_ref()?.handled_faults;
        let fault = faults.iter().find(|fault| fault.tid == tid)?;
        let cause = match fault.address {
            Some(address) => SignalCause::Fault { address: RunAddr(address) },
            None => SignalCause::None,
        };
        let signal = SignalInfo { signal: Signal(fault.signal), code: fault.code, cause };
        Some(Self { signal, count: fault.count })
    }
}

impl<'a> Crash<'a, '_> {
    /// The fatal signal, if there was one.
    pub fn signal(&self) -> Option<&'a SignalInfo> {
        self.process.signal.as_ref()
    }

    /// Whether the process died of this signal.
    pub fn died_of(&self, signal: Signal) -> bool {
        self.signal().is_some_and(|info| info.signal == signal)
    }

    /// The crashed thread.
    pub fn thread(&self) -> Option<&'a Thread> {
        self.process.crashed_thread()
    }

    /// The crashed thread's calls, innermost first.
    pub fn calls(&self) -> &'a [FrameCall] {
        self.threads.first().map(|thread| thread.calls.as_slice()).unwrap_or_default()
    }

    /// The crashed thread's physical frame of this index.
    pub fn frame(&self, index: usize) -> Option<&'a Frame> {
        self.threads.first()?.stack.frames().nth(index)
    }

    /// The registers at the crash.
    pub fn registers(&self) -> Option<&'a Registers> {
        self.frame(0).map(|frame| &frame.registers)
    }

    /// Who waits for whom.
    pub fn hang(&self) -> &Hang {
        self.hang.get_or_init(|| Hang::of(self))
    }

    /// Where the crash happened.
    pub fn pc(&self) -> Option<RunAddr> {
        self.registers().and_then(Registers::pc)
    }
}
