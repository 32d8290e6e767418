//! `stack-smashing` and `buffer-overflow`: the C library noticed, and aborted.

use crate::base::signal::Signal;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::overrun::overruns;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::quote;

pub(super) struct StackSmashing;

impl Rule for StackSmashing {
    fn id(&self) -> &'static str {
        "stack-smashing"
    }

    fn doc(&self) -> &'static str {
        "A function wrote beyond a local array and over the guard that the compiler had put \
         behind it. It was noticed when the function returned."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "__stack_chk_fail() on the stack of an abort, or the C library's words `*** stack smashing detected`",
            "the local arrays of the function that noticed",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let on_stack = |name: &str| name == "__stack_chk_fail";
        let (from, evidence) = noticed(scene, on_stack, &["*** stack smashing detected"])?;
        let mut finding = Finding::new(self.id(), 0.99, "stack smashing");
        let call = scene.own_call(from).map(|(index, _)| index);
        finding.explanation = format!(
            "stack smashing detected{}: it wrote beyond one of its local arrays",
            scene.at(call)
        );
        let call = scene.own_call(from);
        if let Some((index, call)) = call {
            finding.evidence.extend(overruns(scene, call));
            finding.call = Some(index);
        }
        finding.evidence.extend(evidence);
        finding.severity = Severity::High;
        finding.next_step = Some(
            "find the write that is too long: compile with -fsanitize=address, or look at what \
             fills the arrays of this function"
                .to_owned(),
        );
        Some(finding)
    }
}

pub(super) struct BufferOverflow;

impl Rule for BufferOverflow {
    fn id(&self) -> &'static str {
        "buffer-overflow"
    }

    fn doc(&self) -> &'static str {
        "A function of the C library was asked to write more than fits, and the check that \
         _FORTIFY_SOURCE put there noticed before it happened."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "__chk_fail() on the stack of an abort, or the C library's words `*** buffer overflow detected`",
            "the function of the C library that was checked, and its caller",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let on_stack = |name: &str| name == "__chk_fail";
        let texts = &["*** buffer overflow detected", "*** %n in writable segment"];
        let (from, evidence) = noticed(scene, on_stack, texts)?;
        let mut finding = Finding::new(self.id(), 0.99, "buffer overflow");
        let checked = scene.call_of(|name| name.ends_with("_chk") && name.starts_with("__"));
        let by = checked.and_then(|(_, call)| call.function());
        let by = by.map(|name| format!(" in {}()", plain(name))).unwrap_or_default();
        let call = scene.own_call(from).map(|(index, _)| index);
        let who = call.and_then(|index| scene.crash.calls().get(index));
        let caller =
            who.map(|call| format!(", called by {}", crate::diagnose::scene::described(call)));
        finding.explanation = format!(
            "buffer overflow detected{by}{}: more was to be written than the buffer holds",
            caller.unwrap_or_default()
        );
        finding.evidence = evidence;
        finding.call = call;
        finding.severity = Severity::Medium;
        Some(finding)
    }
}

/// `__strcpy_chk` checks for `strcpy`.
fn plain(name: &str) -> &str {
    let name = name.strip_suffix("_chk").unwrap_or(name);
    name.trim_start_matches('_')
}

/// Whether the C library aborted for this reason: where its caller's calls
/// begin, and what tells so.
fn noticed(
    scene: &Scene<'_, '_>,
    on_stack: impl Fn(&str) -> bool,
    texts: &[&str],
) -> Option<(usize, Vec<String>)> {
    if !scene.crash.died_of(Signal::ABRT) {
        return None;
    }
    let call = scene.call_of(on_stack);
    let text = scene.message.as_ref();
    let text = text.filter(|it| texts.iter().any(|start| it.text.starts_with(start)));
    if call.is_none() && text.is_none() {
        return None;
    }
    let mut evidence = Vec::new();
    if let Some(text) = text {
        evidence.push(format!("{} holds: {}", text.variable, quote(&text.text)));
    }
    if let Some((_, call)) = call {
        evidence.push(format!("`{}` is on the stack", call.function().unwrap_or_default()));
    }
    Some((call.map_or(0, |(index, _)| index.saturating_add(1)), evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked_functions() {
        assert_eq!(plain("__strcpy_chk"), "strcpy");
        assert_eq!(plain("memcpy"), "memcpy");
    }
}
