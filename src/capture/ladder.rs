//! Which way of catching a death is taken, decided before the program starts.
//!
//! The ways are rungs of a ladder: the first one that works and that the user
//! allows is taken, and the report says which one it was, and why.

use std::ffi::OsStr;
use std::fs;

use nix::sys::resource::{Resource, getrlimit};

use crate::capture::core_pattern::CorePattern;
use crate::capture::kernel_core::Prospect;
use crate::capture::launch::Capture;
use crate::capture::other_store::Keeper;
use crate::capture::privileges;

/// A way to learn of a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// A tracer is there from the first instruction on.
    Ptrace,
    /// The kernel writes a core file.
    Kernel,
    /// The kernel gives its core to our own handler, which keeps it.
    Handler,
    /// The kernel gives its core to somebody else.
    OtherHandler,
    /// No core: the wait status, and the kernel's line in its log.
    KernelLog,
}

impl Rung {
    /// What reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ptrace => "ptrace",
            Self::Kernel => "kernel",
            Self::Handler => "handler",
            Self::OtherHandler => "other-handler",
            Self::KernelLog => "kernel-log",
        }
    }
}

/// The rung that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which one.
    pub rung: Rung,
    /// Why this one, and why none above it; whole clauses.
    pub why: Vec<String>,
    /// What the user should read of that before the program starts: where it
    /// is not what was asked for, or worse than usual.
    pub notices: Vec<String>,
}

/// Who gets the kernel's cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// A file, or nobody.
    File,
    /// Our own handler.
    Ours(String),
    /// Another program, or a socket.
    Other(String),
}

impl Receiver {
    /// The handler whose store is known, where it is one.
    pub(super) fn keeper(&self) -> Option<Keeper> {
        match self {
            Self::Other(receiver) => Keeper::of(receiver),
            Self::File | Self::Ours(_) => None,
        }
    }
}

/// All that decides.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What the user asked for.
    pub wanted: Capture,
    /// Why the program would not be itself under our tracer.
    pub lost_under_trace: Option<String>,
    /// Why no tracer may attach.
    pub untraceable: Option<String>,
    /// Why the kernel dumps no such program, whoever gets its cores.
    pub undumpable: Option<String>,
    /// Who gets the kernel's cores.
    pub receiver: Receiver,
    /// Why the kernel leaves no core file here.
    pub no_file: Option<String>,
}

impl Facts {
    /// Looks around. The second is what finds the core file that may come.
    pub(super) fn look(wanted: Capture, program: &OsStr) -> (Self, Option<Prospect>) {
        let receiver = receiver();
        let prospect = Prospect::look(program);
        let facts = Self {
            wanted,
            lost_under_trace: privileges::lost_under_trace(program),
            untraceable: untraceable(),
            undumpable: privileges::undumpable(program),
            receiver,
            no_file: prospect.as_ref().err().cloned(),
        };
        (facts, prospect.ok())
    }
}

/// Decides.
pub fn decide(facts: &Facts) -> Decision {
    let lost = || facts.lost_under_trace.as_ref();
    match facts.wanted {
        Capture::Auto => match (lost(), &facts.untraceable) {
            (None, None) => Decision {
                rung: Rung::Ptrace,
                why: vec![
                    "a tracer sees the whole process, whatever becomes of the kernel's core"
                        .to_owned(),
                ],
                notices: Vec::new(),
            },
            (Some(why), _) => untraced(facts, Some(format!("{why}: it runs without being traced"))),
            (None, Some(why)) => untraced(
                facts,
                Some(format!("the program cannot be traced ({why}): it runs without being traced")),
            ),
        },
        Capture::Trace => match (&facts.untraceable, lost()) {
            (Some(why), _) => untraced(
                facts,
                Some(format!("the program cannot be traced ({why}): it runs without being traced")),
            ),
            (None, lost) => {
                let lost = lost.map(|why| format!("{why}, and --capture ptrace asks for one"));
                let mut why = vec!["--capture ptrace asks for it".to_owned()];
                why.extend(lost.clone());
                Decision { rung: Rung::Ptrace, why, notices: lost.into_iter().collect() }
            }
        },
        Capture::KernelCore => untraced(facts, None),
        Capture::Handler => {
            let missing = match &facts.receiver {
                Receiver::Ours(_) => None,
                _ => Some(
                    "--capture handler: coretool's handler is not in core_pattern \
                     (`coretool handler install`, as root)"
                        .to_owned(),
                ),
            };
            untraced(facts, missing)
        }
        Capture::None => Decision {
            rung: Rung::KernelLog,
            why: vec!["--capture none asks for no core and no tracer".to_owned()],
            notices: Vec::new(),
        },
    }
}

/// The best rung without a tracer.
fn untraced(facts: &Facts, first: Option<String>) -> Decision {
    let mut why: Vec<String> = first.clone().into_iter().collect();
    let mut notices: Vec<String> = first.into_iter().collect();
    if let (None, Receiver::Ours(handler)) = (&facts.undumpable, &facts.receiver) {
        why.push(format!("core_pattern gives all cores to coretool's handler (`{handler}`)"));
        return Decision { rung: Rung::Handler, why, notices };
    }
    let Some(no_file) = &facts.no_file else {
        why.push("the kernel writes a core file".to_owned());
        return Decision { rung: Rung::Kernel, why, notices };
    };
    let rung = match (&facts.undumpable, &facts.receiver) {
        (None, Receiver::Other(_)) => Rung::OtherHandler,
        _ => Rung::KernelLog,
    };
    if let (Rung::OtherHandler, Some(keeper)) = (rung, facts.receiver.keeper()) {
        why.push(format!("{no_file}, and the store of {} is looked into", keeper.name()));
        return Decision { rung, why, notices };
    }
    let no_core = format!("no core will come of a crash: {no_file}");
    why.push(no_core.clone());
    notices.push(no_core);
    Decision { rung, why, notices }
}

/// Who gets the kernel's cores, as `core_pattern` says.
fn receiver() -> Receiver {
    let text = fs::read("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let core_limit = getrlimit(Resource::RLIMIT_CORE).map_or(u64::MAX, |(soft, _)| soft);
    receiver_of(&CorePattern::parse(&text, false), core_limit)
}

fn receiver_of(pattern: &CorePattern, core_limit: u64) -> Receiver {
    match pattern {
        CorePattern::File(_) | CorePattern::Nothing => Receiver::File,
        // `do_coredump()` in Linux fs/coredump.c starts no helper for a limit
        // of exactly 1: it is the mark of a helper that crashes itself.
        CorePattern::Pipe(command) if core_limit == 1 => Receiver::Other(command.clone()),
        CorePattern::Pipe(command) => {
            let mut words = command.split(' ').filter(|word| !word.is_empty());
            let program = words.next().unwrap_or_default();
            let is_ours = program.rsplit('/').next() == Some("coretool")
                && words.next() == Some("handler")
                && words.next() == Some("pipe");
            match is_ours {
                true => Receiver::Ours(command.clone()),
                false => Receiver::Other(program.to_owned()),
            }
        }
        CorePattern::Socket(path) => {
            // `@/path` speaks no protocol; `@@/path` does, and that is ours.
            let is_ours = path.strip_prefix('@').is_some_and(|path| {
                path.ends_with("/handler/socket")
                    || path.split('/').any(|part| part.split('.').next() == Some("coretool"))
            });
            match is_ours {
                true => Receiver::Ours(path.clone()),
                false => Receiver::Other(format!("the socket `{path}`")),
            }
        }
    }
}

/// Why nobody may trace, where the yama module says so: `ptrace_scope` 3 for
/// all, 2 for all without `CAP_SYS_PTRACE`. Source: Linux
/// `Documentation/admin-guide/LSM/Yama.rst`.
fn untraceable() -> Option<String> {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    scope_forbids(&scope, &status)
}

fn scope_forbids(scope: &str, status: &str) -> Option<String> {
    const SYS_PTRACE: u64 = 1 << 19;
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let capabilities = capabilities.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    let may = capabilities.is_some_and(|set| set & SYS_PTRACE != 0);
    match scope.trim() {
        "3" => Some("kernel.yama.ptrace_scope is 3".to_owned()),
        "2" if !may => {
            Some("kernel.yama.ptrace_scope is 2, and there is no CAP_SYS_PTRACE".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(wanted: Capture) -> Facts {
        Facts {
            wanted,
            lost_under_trace: None,
            untraceable: None,
            undumpable: None,
            receiver: Receiver::File,
            no_file: None,
        }
    }

    #[test]
    fn the_first_rung_that_works() {
        let usual = facts(Capture::Auto);
        let some = |text: &str| Some(text.to_owned());
        let set_uid = Facts {
            lost_under_trace: some("`x` is set-user-id, which it would lose under a tracer"),
            undumpable: some("`x` is set-user-id"),
            no_file: some("`x` is set-user-id"),
            ..usual.clone()
        };
        let limit = Facts { no_file: some("the hard limit is 0"), ..usual.clone() };
        let ours = Facts {
            receiver: Receiver::Ours("coretool handler pipe".to_owned()),
            no_file: some("given to coretool"),
            ..usual.clone()
        };
        let other = Facts {
            receiver: Receiver::Other("/bin/false".to_owned()),
            no_file: some("given to /bin/false"),
            ..usual.clone()
        };
        let known = Facts { receiver: Receiver::Other("apport".to_owned()), ..other.clone() };
        let wanting = |wanted, facts: &Facts| Facts { wanted, ..facts.clone() };
        let yama = Facts { untraceable: some("ptrace_scope is 3"), ..usual.clone() };
        let cases = [
            ("usually", usual.clone(), Rung::Ptrace, 0),
            ("a tracer needs no limit", limit.clone(), Rung::Ptrace, 0),
            ("set-user-id", set_uid.clone(), Rung::KernelLog, 2),
            ("asked for, whatever it costs", wanting(Capture::Trace, &set_uid), Rung::Ptrace, 1),
            ("no tracing here", yama.clone(), Rung::Kernel, 1),
            ("nor if asked for", wanting(Capture::Trace, &yama), Rung::Kernel, 1),
            ("a kernel core", wanting(Capture::KernelCore, &usual), Rung::Kernel, 0),
            ("limit 0", wanting(Capture::KernelCore, &limit), Rung::KernelLog, 1),
            ("our handler has it", wanting(Capture::KernelCore, &ours), Rung::Handler, 0),
            ("somebody has it", wanting(Capture::KernelCore, &other), Rung::OtherHandler, 1),
            ("a store is known", wanting(Capture::KernelCore, &known), Rung::OtherHandler, 0),
            ("our handler", wanting(Capture::Handler, &ours), Rung::Handler, 0),
            ("which is not there", wanting(Capture::Handler, &usual), Rung::Kernel, 1),
            ("nothing", wanting(Capture::None, &usual), Rung::KernelLog, 0),
        ];
        for (name, facts, rung, notices) in cases {
            let decision = decide(&facts);
            assert_eq!(decision.rung, rung, "{name}");
            assert_eq!(decision.notices.len(), notices, "{name}: {decision:?}");
            assert!(!decision.why.is_empty(), "{name}");
        }
    }

    #[test]
    fn who_gets_the_cores() {
        let cases = [
            ("core.%p", u64::MAX, "file"),
            ("", 0, "file"),
            ("|/usr/bin/coretool handler pipe %F %P", 0, "ours"),
            ("|/usr/bin/coretool handler pipe %F %P", 1, "other"),
            ("|/usr/bin/notcoretool handler pipe", 0, "other"),
            ("|/usr/share/apport/apport -p%p", 0, "other"),
            ("@@/run/coretool/core.socket", 0, "ours"),
            ("@@/run/coretool.socket", 0, "ours"),
            ("@@/srv/crashes/handler/socket", 0, "ours"),
            ("@/run/coretool.socket", 0, "other"),
            ("@@/run/systemd/coredump", 0, "other"),
        ];
        for (pattern, limit, want) in cases {
            let found = match receiver_of(&CorePattern::parse(pattern.as_bytes(), false), limit) {
                Receiver::File => "file",
                Receiver::Ours(_) => "ours",
                Receiver::Other(_) => "other",
            };
            assert_eq!(found, want, "{pattern}");
        }
    }

    #[test]
    fn yama() {
        let may = "Name:\tx\nCapEff:\t0000000000080000\n";
        let cases = [
            ("1\n", "", false),
            ("2\n", "CapEff:\t0000000000000000\n", true),
            ("2\n", may, false),
            ("3\n", may, true),
        ];
        for (scope, status, forbidden) in cases {
            assert_eq!(scope_forbids(scope, status).is_some(), forbidden, "{scope}");
        }
    }
}
