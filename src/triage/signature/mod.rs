//! Which bug a crash is: signature version 1.
//!
//! A signature is four keys, from narrow to wide. The **address key** needs no
//! symbols: the same place of the same files. The **bucket key** is the one
//! that people see: the cause, and the functions to blame. The **fine key**
//! tells variants of one bug apart. How similar two stacks are, for keys that
//! were never seen, is the matter of [`cluster`](crate::triage::cluster).
//!
//! Left out on purpose: line numbers, addresses, values, thread ids, template
//! arguments, arguments, the host. The version is part of each key, so that
//! old keys stay valid when the rules change.
//!
//! The bytes that are digested are UTF-8, ` | ` between fields and ` < `
//! between functions, the innermost first, the message last:
//!
//! ```text
//! v1 | null-pointer.write | node_set < tree_insert
//! v1 | assertion-failed | check_size | n <= N
//! ```

pub mod cause;
pub mod class;
mod cycle;
pub mod message;
pub mod names;
pub mod rules;
mod stack;

use crate::report::model::{Frame, Report, Signature, Thread};
use crate::triage::signature::cause::Cause;
use crate::triage::signature::class::Class;
use crate::triage::signature::cycle::smallest_cycle;
pub use crate::triage::signature::stack::Call;

/// The version of the rules below.
pub const VERSION: u32 = 1;

/// Functions of a chain of blame.
const MOST_BLAMED: usize = 3;

/// Frames of the address key.
const ADDRESSES: usize = 16;

/// Functions that the fine key has beyond the bucket key's.
const FINER: usize = 3;

/// Functions that stacks are compared by.
pub const COMPARED: usize = 16;

/// A signature, and how it came about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explained {
    /// The signature.
    pub signature: Signature,
    /// The step's name, and what it did, in the order of the steps.
    pub steps: Vec<(&'static str, String)>,
    /// What stacks are compared by: functions of the program and of libraries
    /// that are not the system's, the innermost first.
    pub compared: Vec<String>,
    /// The family of the cause: only crashes of one family are compared.
    pub family: &'static str,
    /// The frame to blame: its index in the crashed thread's frames.
    pub blamed: Option<usize>,
}

/// The signature of a crash.
pub fn signature(report: &Report, rules: &rules::Rules) -> Signature {
    explained(report, rules).signature
}

/// The signature of a crash, and each step that led to it.
pub fn explained(report: &Report, rules: &rules::Rules) -> Explained {
    let mut steps = Vec::new();
    let thread = crashed_thread(report);
    if let Some(thread) = thread {
        let name = thread.name.as_deref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        steps.push(("thread", format!("{}{name}", thread.tid)));
    }
    let frames = thread.map(|thread| thread.frames.as_slice()).unwrap_or_default();
    let mut calls = stack::calls(report, frames, rules, &mut steps);
    let finding = report.findings.first();
    let mut cause = cause::cause(report, finding);
    let is_recursion = cause.id.starts_with("stack-overflow");
    let cycle = collapse(&mut calls, thread, rules, is_recursion, &mut steps);
    let blamed = stack::blamed(&calls);
    if let Some(given) = blamed.and_then(|at| calls.get(at)).and_then(|call| call.cause.clone()) {
        steps.push(("rule", format!("cause {given}, by a rule of triage.toml")));
        cause = Cause { id: given, ..cause };
    }
    steps.push(("cause", format!("{} (family {})", cause.id, cause.family)));
    let chain = match (cycle.is_empty(), is_recursion) {
        (false, true) => cycle,
        _ => chain(frames, &calls, blamed, &mut steps),
    };
    let message = message::of_key(finding, &cause);
    if let Some(message) = &message {
        steps.push(("message", message.clone()));
    }
    let mut text = format!("v{VERSION} | {}", cause.id);
    if !chain.is_empty() {
        text.push_str(" | ");
        text.push_str(&chain.join(" < "));
    }
    if let Some(message) = &message {
        text.push_str(" | ");
        text.push_str(message);
    }
    let key = id(&text);
    let fine = fine_text(&text, frames, &calls, blamed, chain.len(), report);
    let address = address_text(report, frames);
    steps.push(("address key", address.replace('\n', " ")));
    steps.push(("fine key", fine.clone()));
    let signature = Signature {
        version: VERSION,
        label: format!("{}-{}", cause.mnemonic, key.get(..8).unwrap_or(&key)),
        fine_key: id(&fine),
        address_key: id(&address),
        cause: cause.id.clone(),
        blame: chain,
        key,
        text,
    };
    steps.push(("signature", format!("{}  {}", signature.label, signature.text)));
    let compared = calls
        .iter()
        .filter(|call| matches!(call.class, Class::App | Class::Dependency))
        .map(|call| call.name.clone());
    Explained {
        compared: compared.take(COMPARED).collect(),
        family: cause.family,
        blamed: blamed.and_then(|at| calls.get(at)).map(|call| call.frame),
        signature,
        steps,
    }
}

/// The thread that a signature is about: the one with the fatal signal.
pub fn crashed_thread(report: &Report) -> Option<&Thread> {
    report.threads.iter().find(|thread| thread.crashed).or(report.threads.first())
}

/// The first twelve hexadecimal digits of a text's BLAKE3.
pub fn id(text: &str) -> String {
    let digits = blake3::hash(text.as_bytes()).to_hex();
    digits.as_str().chars().take(12).collect()
}

/// Step 6: a cycle of calls becomes one turn of it. Returns the cycle, from its
/// smallest name on, so that neither entry nor depth matter.
fn collapse(
    calls: &mut Vec<Call>,
    thread: Option<&Thread>,
    rules: &rules::Rules,
    is_recursion: bool,
    steps: &mut Vec<(&'static str, String)>,
) -> Vec<String> {
    let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    let found = smallest_cycle(&names);
    let mut cycle = Vec::new();
    if let Some(found) = found {
        let turn = calls.get(found.start..found.start + found.period).unwrap_or_default();
        let members = turn.iter().filter(|call| call.class != Class::Runtime);
        cycle = members.map(|call| call.name.clone()).collect();
        let repeated = found.start + found.period..found.start + found.period * found.turns;
        steps.push((
            "recursion",
            format!("{} turns of {} become one", found.turns, cycle.join(" < ")),
        ));
        calls.drain(repeated);
    }
    let folded = thread.and_then(|thread| thread.folded.as_ref()).filter(|_| is_recursion);
    if let Some(folded) = folded.filter(|folded| cycle.is_empty() && !folded.cycle.is_empty()) {
        let names = folded.cycle.iter().take(cycle::LONGEST);
        cycle = names.map(|name| rules.grouped(names::normalized(name))).collect();
        steps.push(("recursion", format!("the folded part repeats {}", cycle.join(" < "))));
    }
    let smallest = cycle.iter().enumerate().min_by_key(|(_, name)| name.as_str());
    if let Some((at, _)) = smallest {
        cycle.rotate_left(at);
    }
    cycle
}

/// Steps 7 and 8: whom to blame.
fn chain(
    frames: &[Frame],
    calls: &[Call],
    blamed: Option<usize>,
    steps: &mut Vec<(&'static str, String)>,
) -> Vec<String> {
    let Some(first) = blamed.and_then(|at| calls.get(at)) else { return Vec::new() };
    steps.push(("blame", format!("{}: {}", first.name, first.class.why_blamed())));
    let mut chain = vec![first.name.clone()];
    let mut here = first;
    let rest = calls.iter().skip(blamed.map_or(0, |at| at + 1));
    for call in rest.filter(|call| call.class == first.class) {
        if chain.len() == MOST_BLAMED {
            break;
        }
        let Some(why) = handed_in(frames, here) else {
            let what = format!("nothing says that {} was handed what was bad", here.name);
            steps.push(("stop", what));
            break;
        };
        // A function that calls itself hands on what it was handed.
        if chain.last() != Some(&call.name) {
            steps.push(("extend", format!("{}, since {why}", call.name)));
            chain.push(call.name.clone());
        }
        here = call;
    }
    chain
}

/// Why the caller of a function is to blame, too: what was bad came from there.
fn handed_in(frames: &[Frame], call: &Call) -> Option<String> {
    if call.is_utility {
        return Some(format!("{} is a utility function by triage.toml", call.name));
    }
    let by = frames.get(call.frame)?.handed_in.as_deref()?;
    Some(format!("the bad address came into {} by {by}, unchanged", call.name))
}

/// What the fine key digests: the bucket key's text, more callers, the message
/// with its free text, the blamed line counted from the function's start.
fn fine_text(
    text: &str,
    frames: &[Frame],
    calls: &[Call],
    blamed: Option<usize>,
    skip: usize,
    report: &Report,
) -> String {
    let at = blamed.unwrap_or(0);
    let callers = calls.iter().skip(at).filter(|call| call.class == Class::App).skip(skip);
    let callers: Vec<&str> = callers.take(FINER).map(|call| call.name.as_str()).collect();
    let mut fine = format!("{text} | {}", callers.join(" < "));
    let frame = calls.get(at).and_then(|call| frames.get(call.frame));
    let offset = frame.and_then(|frame| frame.line?.checked_sub(frame.declared_line?));
    if let Some(offset) = offset {
        fine.push_str(&format!(" | +{offset}"));
    }
    if let Some(message) = message::free(report) {
        fine.push_str(" | ");
        fine.push_str(&message);
    }
    fine
}

/// What the address key digests: the signal's class, and places in files.
fn address_text(report: &Report, frames: &[Frame]) -> String {
    let signal = report.signal.as_ref().map_or("none", |signal| signal.name.as_str());
    let mut text = format!("v{VERSION}\n{signal}");
    for frame in frames.iter().filter(|frame| !frame.inlined).take(ADDRESSES) {
        let module = frame.module.as_deref().map(class::file_name).unwrap_or("?");
        let file = match frame.build_id.as_deref() {
            Some(id) => id.get(..8).unwrap_or(id),
            None => module,
        };
        match frame.offset {
            Some(offset) => text.push_str(&format!("\n{file}+{offset}")),
            // An address outside of all files means nothing in another run.
            None => text.push_str(&format!("\n{file}")),
        }
    }
    if frames.is_empty() {
        let program = report.process.executable.as_deref().or(report.process.command.as_deref());
        text.push_str(&format!("\n{}", program.map(class::file_name).unwrap_or("?")));
    }
    text
}

#[cfg(test)]
mod tests;
