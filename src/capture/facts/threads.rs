//! What the kernel says of each thread: `/proc/PID/task/TID`.

use std::time::Instant;

use crate::capture::facts::proc_file::ProcDir;
use crate::dump::sidecar::{SyscallFacts, ThreadFacts};

/// All threads, as far as there is time.
pub(super) fn threads(process: &ProcDir<'_>, deadline: Instant) -> Vec<ThreadFacts> {
    let numbers = process.numbers("task").unwrap_or_default();
    let in_time = numbers.iter().take_while(|_| Instant::now() < deadline);
    in_time.filter_map(|tid| thread(process, *tid)).collect()
}

/// The system call that the first thread is in. `None`: in none, or that is
/// not shown to us.
pub(super) fn first(process: &ProcDir<'_>) -> Option<SyscallFacts> {
    syscall(&process.line("syscall")?)
}

fn thread(process: &ProcDir<'_>, number: u32) -> Option<ThreadFacts> {
    let path = process.path(&format!("task/{number}"));
    let thread = ProcDir::new(&path);
    let mut facts = ThreadFacts { tid: number, ..ThreadFacts::default() };
    status(&thread.read("status")?, &mut facts);
    facts.name = thread.line("comm");
    facts.syscall = thread.line("syscall").as_deref().and_then(syscall);
    // Of a thread that is held it tells who holds it.
    let is_held = matches!(facts.state.as_deref(), Some("traced" | "stopped"));
    let channel = thread.line("wchan").filter(|name| name != "0" && !name.is_empty());
    facts.wait_channel = channel.filter(|_| !is_held);
    facts.state = facts.state.filter(|_| !is_held);
    Some(facts)
}

/// `status`: state, own id, signals.
fn status(text: &[u8], facts: &mut ThreadFacts) {
    for line in text.split(|byte| *byte == b'\n') {
        let Ok(line) = str::from_utf8(line) else { continue };
        let Some((key, value)) = line.split_once(':') else { continue };
        let mut words = value.split_whitespace();
        let mask = || u64::from_str_radix(value.trim(), 16).unwrap_or(0);
        match key {
            "State" => {
                let word = words.next().and_then(super::proc_file::state_word);
                facts.state = word.map(str::to_owned);
            }
            "NSpid" => {
                let own = words.last().and_then(|own| own.parse().ok());
                facts.tid = own.unwrap_or(facts.tid);
            }
            "SigPnd" => facts.pending = mask(),
            "SigBlk" => facts.blocked = mask(),
            _ => (),
        }
    }
}

/// `NUMBER ARG ARG ARG ARG ARG ARG SP PC` in hexadecimal digits but for the
/// number; `-1 SP PC` outside of a system call; `running`. Source: Linux
/// `fs/proc/base.c`, `proc_pid_syscall()`.
fn syscall(line: &str) -> Option<SyscallFacts> {
    let mut words = line.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some(SyscallFacts { number, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_calls() {
        let read = "0 0x3 0x7ffd0 0x400 0x0 0x0 0x0 0x7ffc0 0x7f00";
        let want = SyscallFacts { number: 0, arguments: [3, 0x7ffd0, 0x400, 0, 0, 0] };
        assert_eq!(syscall(read), Some(want));
        for line in ["running", "-1 0x7ffd 0x7f00", "", "0 0x1", "0 1 2 3 4 5 6"] {
            assert_eq!(syscall(line), None, "{line}");
        }
    }

    #[test]
    fn states() {
        let mut facts = ThreadFacts::default();
        let text = b"State:\tS (sleeping)\nNSpid:\t70\t7\nSigPnd:\t00000002\nSigBlk:\t4\n";
        status(text, &mut facts);
        assert_eq!((facts.tid, facts.pending, facts.blocked), (7, 2, 4));
        assert_eq!(facts.state.as_deref(), Some("sleeping"));
    }
}
