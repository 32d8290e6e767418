//! From frames to the calls that a key is made of: steps 2 to 5, and 7.

use crate::report::model::{Frame, NameSource, Report};
use crate::triage::signature::class::{self, Class, class};
use crate::triage::signature::names;
use crate::triage::signature::rules::Rules;

/// Frames that a key looks at.
const MOST: usize = 64;

/// One call, ready for a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// Its normalized name, or `module+?`.
    pub name: String,
    /// What kind of code it is.
    pub class: Class,
    /// The index of its frame in the thread's list.
    pub frame: usize,
    /// Whether a rule calls it a utility: its caller is to blame, too.
    pub is_utility: bool,
    /// A cause that a rule gives to crashes in it.
    pub cause: Option<String>,
}

/// The calls of a stack, without what died in front of them.
pub(super) fn calls(
    report: &Report,
    frames: &[Frame],
    rules: &Rules,
    steps: &mut Vec<(&'static str, String)>,
) -> Vec<Call> {
    let mut start = 0;
    let trampoline = frames.iter().rposition(|frame| frame.signal_frame);
    if let Some(at) = trampoline {
        let handler = at.checked_sub(1).and_then(|at| frames.get(at)?.function.as_deref());
        let what = handler.map(|handler| format!(" to the handler {handler}")).unwrap_or_default();
        steps.push(("signal", format!("starts below the trampoline{what}")));
        start = at + 1;
    }
    // No module: the address is not code of any file.
    let first = frames.get(start).filter(|_| trampoline.is_none());
    if first.is_some_and(|it| it.module.is_none() && it.function.is_none()) && frames.len() > 1 {
        steps.push(("bad pc", "<bad pc> is left out; its caller is next".to_owned()));
        start += 1;
    }
    let executable = report.process.executable.as_deref();
    let mut calls: Vec<Call> = Vec::new();
    for (at, frame) in frames.iter().enumerate().skip(start).take(MOST) {
        let (mut call, why) = call(frame, at, executable);
        let rule = rules.apply(frame, &mut call);
        let why = rule.unwrap_or(why);
        steps.push(("frame", format!("{}: {} ({why})", call.name, call.class.name())));
        if let Some(function) = frame.source_function.as_deref().map(names::normalized)
            && function != call.name
        {
            steps.push(("frame", format!("{function}: its code was merged into {}", call.name)));
            calls.push(Call { name: clean(&function), ..call.clone() });
        }
        let is_unknown = call.name.ends_with("+?");
        let is_same = calls.last().is_some_and(|last| last.name == call.name);
        if !(is_unknown && is_same) {
            calls.push(call);
        }
    }
    if let Some(last) = calls.iter().rposition(|call| call.class == Class::Death) {
        // Where nothing is left the death itself is all that is known.
        if last + 1 < calls.len() {
            steps.push(("cut", format!("{} and all that it called", calls[last].name)));
            calls.drain(..=last);
        }
    }
    calls
}

/// One frame as a call, and why it has its class.
fn call(frame: &Frame, at: usize, executable: Option<&str>) -> (Call, String) {
    let is_go = frame.language.as_deref().is_some_and(|language| language.starts_with("Go"));
    let named =
        frame.function.as_deref().filter(|_| frame.name_source != Some(NameSource::Nearest));
    let name = named.map(|name| match is_go {
        true => names::normalized_go(name),
        false => names::normalized(better(name, frame.linkage_name.as_deref())),
    });
    let name = name.filter(|name| !name.is_empty()).map(|name| clean(&name));
    let (class, why) = class(frame, name.as_deref(), executable);
    let module = frame.module.as_deref().map(class::file_name);
    let name = name.unwrap_or_else(|| match module {
        Some(module) => clean(&format!("{module}+?")),
        None => "<jit>".to_owned(),
    });
    (Call { name, class, frame: at, ..Call::default() }, why)
}

/// A debugger's `operator()` alone tells less than another spelling.
fn better<'n>(name: &'n str, linkage: Option<&'n str>) -> &'n str {
    match linkage {
        Some(linkage) if name.starts_with("operator()") && linkage.contains("::") => linkage,
        _ => name,
    }
}

/// Without what separates the fields of a key.
fn clean(name: &str) -> String {
    let name = name.replace(" | ", "|").replace(" < ", "<");
    name.chars().filter(|char| !char.is_control()).collect()
}

/// Step 7: the first call of the program, or of whoever else is left.
pub(super) fn blamed(calls: &[Call]) -> Option<usize> {
    let order = [Class::App, Class::Dependency, Class::Support, Class::Runtime, Class::Death];
    order.iter().find_map(|class| calls.iter().position(|call| call.class == *class))
}
