//! Signals and their codes: names and meanings, as on x86-64 Linux (most
//! architectures share them; MIPS, SPARC, Alpha and PA-RISC do not).
//!
//! Sources: Linux `include/uapi/asm-generic/signal.h` and `siginfo.h`, and
//! `signal(7)`.

/// A signal by its number. Real-time signals are numbers, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(pub i32);

impl Signal {
    /// Ctrl-\ at the terminal, or `kill -QUIT`.
    pub const QUIT: Self = Self(3);
    /// Illegal instruction.
    pub const ILL: Self = Self(4);
    /// Breakpoint or trap.
    pub const TRAP: Self = Self(5);
    /// `abort()`.
    pub const ABRT: Self = Self(6);
    /// Bus error.
    pub const BUS: Self = Self(7);
    /// Arithmetic error.
    pub const FPE: Self = Self(8);
    /// Invalid memory access.
    pub const SEGV: Self = Self(11);
    /// CPU time limit.
    pub const XCPU: Self = Self(24);
    /// File size limit.
    pub const XFSZ: Self = Self(25);
    /// Bad system call.
    pub const SYS: Self = Self(31);

    /// The signals whose default action is to dump core.
    pub const WITH_CORE: [Self; 10] = [
        Self::QUIT,
        Self::ILL,
        Self::TRAP,
        Self::ABRT,
        Self::BUS,
        Self::FPE,
        Self::SEGV,
        Self::XCPU,
        Self::XFSZ,
        Self::SYS,
    ];

    /// Whether the default action is to dump core.
    pub fn dumps_core(self) -> bool {
        Self::WITH_CORE.contains(&self)
    }

    /// The usual name: `SIGSEGV`, `SIGRTMIN+3`, or `signal 99`.
    pub fn name(self) -> String {
        match usize::try_from(self.0).ok().and_then(|number| NAMES.get(number)) {
            Some((name, _)) if !name.is_empty() => (*name).to_owned(),
            // The C library keeps 32 and 33 to itself; its SIGRTMIN is 34.
            _ if self.0 == 34 => "SIGRTMIN".to_owned(),
            _ if (35..=64).contains(&self.0) => format!("SIGRTMIN+{}", self.0 - 34),
            _ => format!("signal {}", self.0),
        }
    }

    /// What the signal says, in a few words: "invalid memory access".
    pub fn meaning(self) -> &'static str {
        match usize::try_from(self.0).ok().and_then(|number| NAMES.get(number)) {
            Some((_, meaning)) if !meaning.is_empty() => meaning,
            _ if (32..=64).contains(&self.0) => "a real-time signal",
            _ => "an unknown signal",
        }
    }

    /// The name and meaning of an `si_code` of this signal.
    pub fn code(self, code: i32) -> Option<(&'static str, &'static str)> {
        let generic = GENERIC_CODES.iter().find(|(number, ..)| *number == code);
        let own = match self {
            Self::SEGV => SEGV_CODES,
            Self::BUS => BUS_CODES,
            Self::FPE => FPE_CODES,
            Self::ILL => ILL_CODES,
            Self::TRAP => TRAP_CODES,
            Self::SYS => SYS_CODES,
            _ => &[],
        };
        let own = own.iter().find(|(number, ..)| *number == code);
        own.or(generic).map(|(_, name, meaning)| (*name, *meaning))
    }
}

/// By number, name and meaning.
const NAMES: &[(&str, &str)] = &[
    ("", ""),
    ("SIGHUP", "the terminal or its owner is gone"),
    ("SIGINT", "interrupted from the keyboard (Ctrl-C)"),
    ("SIGQUIT", "quit from the keyboard (Ctrl-\\)"),
    ("SIGILL", "illegal instruction"),
    ("SIGTRAP", "trap or breakpoint"),
    ("SIGABRT", "the program aborted"),
    ("SIGBUS", "bus error: memory that exists but cannot be accessed"),
    ("SIGFPE", "arithmetic error"),
    ("SIGKILL", "killed"),
    ("SIGUSR1", "user-defined signal 1"),
    ("SIGSEGV", "invalid memory access"),
    ("SIGUSR2", "user-defined signal 2"),
    ("SIGPIPE", "write to a pipe that nobody reads"),
    ("SIGALRM", "timer expired"),
    ("SIGTERM", "asked to terminate"),
    ("SIGSTKFLT", "stack fault of a coprocessor"),
    ("SIGCHLD", "a child stopped or ended"),
    ("SIGCONT", "continue"),
    ("SIGSTOP", "stopped"),
    ("SIGTSTP", "stopped from the keyboard (Ctrl-Z)"),
    ("SIGTTIN", "background process read from the terminal"),
    ("SIGTTOU", "background process wrote to the terminal"),
    ("SIGURG", "urgent data on a socket"),
    ("SIGXCPU", "CPU time limit exceeded"),
    ("SIGXFSZ", "file size limit exceeded"),
    ("SIGVTALRM", "virtual timer expired"),
    ("SIGPROF", "profiling timer expired"),
    ("SIGWINCH", "the window changed its size"),
    ("SIGIO", "input or output is possible"),
    ("SIGPWR", "power failure"),
    ("SIGSYS", "forbidden or unknown system call"),
];

type Code = (i32, &'static str, &'static str);

/// Codes that any signal can carry. Zero and below were sent by a process.
const GENERIC_CODES: &[Code] = &[
    (0, "SI_USER", "sent by kill()"),
    (-1, "SI_QUEUE", "sent by sigqueue()"),
    (-2, "SI_TIMER", "sent by a POSIX timer"),
    (-3, "SI_MESGQ", "sent by a message queue"),
    (-4, "SI_ASYNCIO", "sent when asynchronous input or output ended"),
    (-5, "SI_SIGIO", "sent when input or output became possible"),
    (-6, "SI_TKILL", "sent to one thread by raise(), abort() or pthread_kill()"),
    (128, "SI_KERNEL", "sent by the kernel"),
];

const SEGV_CODES: &[Code] = &[
    (1, "SEGV_MAPERR", "nothing is mapped at the address"),
    (2, "SEGV_ACCERR", "the mapping does not allow this access"),
    (3, "SEGV_BNDERR", "a bounds check failed"),
    (4, "SEGV_PKUERR", "a memory protection key forbids this access"),
];

const BUS_CODES: &[Code] = &[
    (1, "BUS_ADRALN", "the address is not aligned"),
    (2, "BUS_ADRERR", "the page does not exist behind the mapping"),
    (3, "BUS_OBJERR", "a hardware error of the object"),
    (4, "BUS_MCEERR_AR", "the memory is broken, and was needed"),
    (5, "BUS_MCEERR_AO", "the memory is broken"),
];

const FPE_CODES: &[Code] = &[
    (1, "FPE_INTDIV", "integer division by zero, or a quotient that does not fit"),
    (2, "FPE_INTOVF", "integer overflow"),
    (3, "FPE_FLTDIV", "floating-point division by zero"),
    (4, "FPE_FLTOVF", "floating-point overflow"),
    (5, "FPE_FLTUND", "floating-point underflow"),
    (6, "FPE_FLTRES", "inexact floating-point result"),
    (7, "FPE_FLTINV", "invalid floating-point operation"),
    (8, "FPE_FLTSUB", "subscript out of range"),
];

const ILL_CODES: &[Code] = &[
    (1, "ILL_ILLOPC", "illegal opcode"),
    (2, "ILL_ILLOPN", "illegal operand"),
    (3, "ILL_ILLADR", "illegal addressing mode"),
    (4, "ILL_ILLTRP", "illegal trap"),
    (5, "ILL_PRVOPC", "privileged opcode"),
    (6, "ILL_PRVREG", "privileged register"),
    (7, "ILL_COPROC", "coprocessor error"),
    (8, "ILL_BADSTK", "internal stack error"),
];

const TRAP_CODES: &[Code] = &[
    (1, "TRAP_BRKPT", "a breakpoint"),
    (2, "TRAP_TRACE", "a single step"),
    (3, "TRAP_BRANCH", "a taken branch"),
    (4, "TRAP_HWBKPT", "a hardware breakpoint or watchpoint"),
];

const SYS_CODES: &[Code] = &[(1, "SYS_SECCOMP", "a seccomp filter forbids the system call")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_meanings() {
        let cases = [
            (3, "SIGQUIT"),
            (9, "SIGKILL"),
            (11, "SIGSEGV"),
            (31, "SIGSYS"),
            (34, "SIGRTMIN"),
            (37, "SIGRTMIN+3"),
            (64, "SIGRTMIN+30"),
            (0, "signal 0"),
            (-5, "signal -5"),
            (i32::MAX, "signal 2147483647"),
        ];
        for (number, name) in cases {
            assert_eq!(Signal(number).name(), name);
        }
        assert_eq!(Signal(99).meaning(), "an unknown signal");
    }

    #[test]
    fn codes_depend_on_the_signal() {
        assert_eq!(Signal::SEGV.code(1).map(|code| code.0), Some("SEGV_MAPERR"));
        assert_eq!(Signal::BUS.code(2).map(|code| code.0), Some("BUS_ADRERR"));
        assert_eq!(Signal::SEGV.code(-6).map(|code| code.0), Some("SI_TKILL"));
        assert_eq!(Signal::QUIT.code(1), None, "no signal-specific codes");
    }
}
