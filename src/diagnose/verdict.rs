//! One sentence: what happened.

use crate::base::count::span;
use crate::base::signal::Signal;
use crate::diagnose::brevity;
use crate::diagnose::crash::{Crash, Occasion};
use crate::diagnose::finding::Finding;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::{doubted, said};
use crate::dump::siginfo::{SignalCause, SignalInfo};

/// The first line of a report, without the word `CRASH`:
/// ``SIGSEGV in thread 4245 "worker-3": read of 4 bytes at 0x18, because
/// `conn` is NULL``.
///
/// `findings` are ranked. Without one it says what the signal says, and no
/// more. The target's own words in it are not escaped.
pub fn verdict(crash: &Crash<'_, '_>, findings: &[Finding]) -> String {
    let subject = subject(crash, true);
    let Some(info) = crash.signal() else {
        match (crash.occasion, findings.first()) {
            (Occasion::Look, Some(finding)) => {
                let with = |name| format!("{} is alive", process_name(crash, name));
                return begun([with(true), with(false)], finding);
            }
            (Occasion::Timeout(after), Some(finding)) => {
                let with = |name| match finding.id {
                    "alive" => format!("hang in {}", process_name(crash, name)),
                    _ => format!("hang in {} after {}", process_name(crash, name), span(after)),
                };
                return begun([with(true), with(false)], finding);
            }
            _ => (),
        }
        let process = crash.process;
        let is_whole = process.source.complete && !process.threads.is_empty();
        return if is_whole {
            format!("no fatal signal: {subject} was alive when the dump was made")
        } else {
            format!("the end of {subject} is not known: the dump has lost what tells the signal")
        };
    };
    let signal = info.signal.name();
    let Some(finding) = findings.first() else {
        return brevity::briefest(&[format!(
            "{signal} in {subject}: {}",
            signal_only(crash, info)
        )]);
    };
    let short_subject = self::subject(crash, false);
    let handled = handled(crash, finding);
    // The second line of a report has the program's name, too.
    let subjects = [subject, short_subject];
    let words = words_of(finding);
    let mut ways = Vec::new();
    for words in &words {
        let way = |subject: &String| format!("{signal} in {subject}: {handled}{words}");
        ways.extend(subjects.iter().map(way));
    }
    brevity::briefest(&ways)
}

/// What a finding says, at length and then in fewer words, no surer than it is.
fn words_of(finding: &Finding) -> Vec<String> {
    let whole = finding.explanation.clone();
    let quoted = finding.quoted.as_deref().filter(|quoted| !quoted.is_empty());
    let shorter = quoted.map(|quoted| whole.replacen(quoted, &said(quoted), 1));
    let all = [Some(whole), shorter].into_iter().flatten().chain(finding.brief.clone());
    let doubted = |words: String| match finding.is_observed {
        true => words,
        false => doubted(&words, finding.confidence),
    };
    all.map(doubted).collect()
}

/// One of some ways to begin, and what a finding says of it.
fn begun(starts: [String; 2], finding: &Finding) -> String {
    let mut ways = Vec::new();
    for words in words_of(finding) {
        ways.extend(starts.iter().map(|start| format!("{start}: {words}")));
    }
    brevity::briefest(&ways)
}

/// "after SIGSEGV, which `on_fault` handled: ", when the cause is a fault for
/// which a handler of the program ran before the fatal signal.
fn handled(crash: &Crash<'_, '_>, finding: &Finding) -> String {
    let scene = Scene::new(crash);
    let Some(fault) = scene.fault.as_ref().filter(|fault| fault.is_handled) else {
        return String::new();
    };
    let blamed = finding.call.filter(|_| finding.thread == 0);
    let blamed = blamed.and_then(|index| crash.calls().get(index));
    if blamed.is_none_or(|call| call.frame < fault.frame) {
        return String::new();
    }
    // The handler is the outermost call above the trampoline.
    let trampoline = fault.frame.saturating_sub(1);
    let handler = crash.calls().iter().rfind(|call| call.frame < trampoline);
    match handler.and_then(|call| call.function()) {
        Some(name) => {
            // Of a long path the end tells more.
            let is_long = name.len() > LONGEST_HANDLER && !name.contains(['<', '(']);
            let last = name.rsplit("::").next().filter(|_| is_long);
            let name = last.unwrap_or(name);
            format!("after {}, which `{name}` handled: ", fault.signal.name())
        }
        None => format!("after {}, which the program handled: ", fault.signal.name()),
    }
}

/// A handler's name that is longer is told without its path.
const LONGEST_HANDLER: usize = 30;

/// `thread 4245 "worker-3"`, or the process when it has no other thread. The
/// name that is only the program's is left out unless it is wanted.
fn subject(crash: &Crash<'_, '_>, with_program: bool) -> String {
    let process = crash.process;
    let (kind, id, name) = match crash.process.threads.as_slice() {
        [thread, _, ..] => ("thread", Some(thread.tid), thread.name.as_deref()),
        _ => ("process", process.identity.pid, None),
    };
    let is_main = process.identity.pid == id;
    let command = Some(process.identity.command.as_slice()).filter(|_| is_main);
    let name = name.or(command).filter(|name| !name.is_empty());
    // The kernel and gdb cut both names, at different lengths.
    let is_program = |name: &[u8]| {
        let command = &process.identity.command;
        let common = name.len().min(command.len());
        name == command || common >= CUT_NAME && name.get(..common) == command.get(..common)
    };
    let name = name.filter(|name| with_program || !is_program(name));
    let mut words = kind.to_owned();
    if let Some(id) = id {
        words += &format!(" {id}");
    }
    if let Some(name) = name {
        words += &format!(" \"{}\"", String::from_utf8_lossy(name));
    }
    words
}

/// Bytes of a name that the kernel keeps (`TASK_COMM_LEN`, less its NUL).
const CUT_NAME: usize = 15;

/// `process 4242 "server"`, or without the program's name.
fn process_name(crash: &Crash<'_, '_>, with_program: bool) -> String {
    let identity = &crash.process.identity;
    let mut words = "process".to_owned();
    if let Some(pid) = identity.pid {
        words += &format!(" {pid}");
    }
    if with_program && !identity.command.is_empty() {
        words += &format!(" \"{}\"", String::from_utf8_lossy(&identity.command));
    }
    words
}

/// What the signal itself says.
fn signal_only(crash: &Crash<'_, '_>, info: &SignalInfo) -> String {
    let scene = Scene::new(crash);
    let meaning = info.signal.meaning();
    let code = info.code.and_then(|code| info.signal.code(code)).map(|(_, meaning)| meaning);
    let mut words = match (info.cause, code) {
        (SignalCause::Fault { address }, Some(code)) => format!("{meaning} at {address}: {code}"),
        (SignalCause::Fault { address }, None) => format!("{meaning} at {address}"),
        (SignalCause::Kernel, _) if info.signal == Signal::SEGV => {
            format!("{meaning}, at an address that the processor did not report")
        }
        (_, Some(code)) => format!("{meaning}: {code}"),
        (_, None) => meaning.to_owned(),
    };
    match scene.sender() {
        Sender::Other { pid, uid } => words += &format!(", by process {pid} (user id {uid})"),
        Sender::Itself => words += ", by the process itself",
        Sender::Kernel | Sender::Unknown => (),
    }
    let call = scene.own_call(0).map(|(index, _)| index);
    words + &scene.at(call)
}
