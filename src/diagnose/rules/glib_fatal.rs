//! `glib-fatal`: g_error(), or another message of GLib that is fatal.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::finding::Finding;
use crate::diagnose::passed_text::passed_text;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::quote;

/// Functions that log, the outermost of which the program calls; and which of
/// their arguments is the format.
const LOGGING: [(&str, usize); 3] = [("g_log", 2), ("g_logv", 2), ("g_log_structured", 2)];

/// Bytes of a message.
const LONGEST: usize = 2000;

/// Words of the library's frames that are looked at.
const WORDS: u64 = 1 << 10;

pub(super) struct GlibFatal;

impl Rule for GlibFatal {
    fn id(&self) -> &'static str {
        "glib-fatal"
    }

    fn doc(&self) -> &'static str {
        "GLib ended the program with a message: g_error(), or a warning that was made fatal by \
         G_DEBUG. It stops with a breakpoint, so that a debugger would take over."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "SIGTRAP or SIGABRT within g_log() or g_logv()",
            "the format that was passed, and the text on the heap that it was filled to",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let signal = scene.crash.signal()?.signal;
        let is_own = !matches!(scene.sender(), Sender::Other { .. });
        if !matches!(signal, Signal::TRAP | Signal::ABRT) || !is_own {
            return None;
        }
        let is_log = |name: &str| LOGGING.iter().any(|(log, _)| *log == name);
        let logs = scene.calls().filter(|(_, call)| call.function().is_some_and(is_log));
        let (index, call) = logs.last()?;
        let name = call.function().unwrap_or_default();
        let (_, number) = LOGGING.iter().find(|(log, _)| *log == name)?;
        let format = passed_text(scene, index, *number);
        let text = format.as_ref().and_then(|format| filled(scene, index, format));
        let own = scene.own_call(index.saturating_add(1)).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.97, "fatal message of GLib");
        let at = scene.at(own);
        finding.explanation = match (&text, &format) {
            (Some(text), _) => format!("fatal message of GLib{at}: {}", quote(text)),
            (None, Some(format)) => {
                format!("fatal message of GLib{at}, by the format \"{}\"", quote(format))
            }
            (None, None) => format!("fatal message of GLib{at}"),
        };
        finding.quoted = text.as_deref().map(quote);
        finding.evidence.push(format!("`{name}` is on the stack"));
        if text.is_some() {
            finding.evidence.push(
                "the text was found by its format, among what the library's frames point to"
                    .to_owned(),
            );
        }
        finding.call = own;
        finding.next_step =
            Some("run it with G_DEBUG=fatal-warnings to stop at the first warning".to_owned());
        Some(finding)
    }
}

/// The text that a format was filled to: what the frames of the library, up to
/// the call `index`, point to and what begins and ends as the format does.
fn filled(scene: &Scene<'_, '_>, index: usize, format: &str) -> Option<String> {
    let crash = scene.crash;
    let sp = crash.registers()?.sp()?;
    let end = crash.frame(crash.calls().get(index)?.frame)?.cfa?;
    let words = (0..WORDS).map_while(|index| {
        let at = sp.checked_add(index.checked_mul(8)?).filter(|at| *at < end)?;
        crash.memory.u64(at).ok()
    });
    let frames = scene.frames();
    let saved = frames.iter().take(12).flat_map(|frame| {
        (0..16).filter_map(|number| frame.registers.get(crate::base::arch::Register(number)))
    });
    words.chain(saved).find_map(|word| {
        let mapping = crash.process.mapping(RunAddr(word)).filter(|it| it.permissions.write)?;
        mapping
            .path
            .is_none()
            .then_some(())
            .or_else(|| (mapping.path.as_deref() == Some(b"[heap]")).then_some(()))?;
        let (text, is_whole) = crash.memory.text(RunAddr(word), LONGEST).ok()?;
        let text = String::from_utf8(text).ok().filter(|_| is_whole)?;
        is_filled(&text, format).then(|| text.trim().to_owned())
    })
}

/// Whether a text begins and ends as a format does, and has some of its own.
fn is_filled(text: &str, format: &str) -> bool {
    let Some((head, rest)) = format.split_once('%') else { return text == format };
    let tail = rest.rsplit('%').next().unwrap_or(rest);
    // Behind a conversion: its letters, then the literal text.
    let letters =
        tail.find(|letter: char| letter.is_ascii_alphabetic() && !"hlqjztL".contains(letter));
    let tail = letters.and_then(|at| tail.get(at.saturating_add(1)..)).unwrap_or_default();
    let literal = head.len().saturating_add(tail.len());
    literal >= 3 && text.len() > literal && text.starts_with(head) && text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_texts() {
        let cases = [
            ("cannot open notes.txt", "cannot open %s", true),
            ("cannot open notes.txt: no such file", "cannot open %s: %s", true),
            ("12 items left", "%d items left", true),
            ("size 12 kB", "size %lu kB", true),
            ("something else", "cannot open %s", false),
            ("x", "%s", false),
            ("plain", "plain", true),
            ("plain", "other", false),
        ];
        for (text, format, want) in cases {
            assert_eq!(is_filled(text, format), want, "{text} by {format}");
        }
    }
}
