//! What the doctor found, for people.

use std::fmt::{self, Write};

use crate::report::model::{Check, CheckState, CrashOutcome, Examination, Prospect};
use crate::report::render::layout::{Lines, span};
use crate::report::render::theme::{Role, Theme};

/// The longest word for a state is `warning`.
const INDENT: usize = 9;

/// Writes the two answers, the proofs, and then the checks, one a line, with
/// what to do below them.
///
/// # Errors
///
/// Only those of `out`.
pub fn render(found: &Examination, theme: Theme, width: usize, out: &mut dyn Write) -> fmt::Result {
    let mut lines = Lines::new(out, theme, width);
    prospect(&mut lines, "with `coretool run`: ", &found.watched)?;
    prospect(&mut lines, "without coretool: ", &found.alone)?;
    if !found.proofs.is_empty() {
        lines.end()?;
        lines.line(0, Role::Heading, "Proof")?;
    }
    for proof in &found.proofs {
        let mut says = format!("{}: {}", proof.rung, proof.says);
        if let Some(milliseconds) = proof.milliseconds {
            says.push_str(&format!(" ({milliseconds} ms)"));
        }
        check(&mut lines, proof.state, &says, None)?;
    }
    let mut group = "";
    for found in &found.checks {
        if found.group != group {
            group = &found.group;
            lines.end()?;
            lines.line(0, Role::Heading, &heading(group))?;
        }
        let Check { state, says, remedy, .. } = found;
        check(&mut lines, *state, says, remedy.as_deref())?;
    }
    Ok(())
}

fn prospect(lines: &mut Lines<'_>, label: &str, prospect: &Prospect) -> fmt::Result {
    let (word, role) = match prospect.outcome {
        CrashOutcome::Captured => ("captured", Role::Value),
        CrashOutcome::HandedOn => ("handed on", Role::Unknown),
        CrashOutcome::Lost => ("LOST", Role::Alarm),
        CrashOutcome::Unknown => ("not known", Role::Unknown),
    };
    lines.begin(0, INDENT)?;
    lines.word(0, &[span(Role::Plain, &format!("A crash {label}")), span(role, word)])?;
    lines.word(0, &[span(Role::Plain, ": ")])?;
    lines.sentence(0, Role::Plain, &prospect.says)?;
    lines.end()
}

fn check(
    lines: &mut Lines<'_>,
    state: CheckState,
    says: &str,
    remedy: Option<&str>,
) -> fmt::Result {
    let (word, role) = match state {
        CheckState::Ok => ("ok", Role::Value),
        CheckState::Warning => ("warning", Role::Unknown),
        CheckState::Bad => ("bad", Role::Alarm),
        CheckState::Unknown => ("unknown", Role::Unknown),
    };
    lines.begin(0, INDENT)?;
    lines.word(0, &[span(role, word)])?;
    let gap = INDENT.saturating_sub(word.len());
    lines.sentence(gap, Role::Plain, says)?;
    lines.end()?;
    if let Some(remedy) = remedy {
        lines.begin(INDENT, INDENT.saturating_add(4))?;
        lines.word(0, &[span(Role::Hint, "do:")])?;
        lines.sentence(1, Role::Plain, remedy)?;
        lines.end()?;
    }
    Ok(())
}

/// `debug info` as a heading: `Debug info`.
fn heading(group: &str) -> String {
    let mut letters = group.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::CrashProof;

    #[test]
    fn states_are_words() {
        let check = |group: &str, state, says: &str, remedy: Option<&str>| Check {
            group: group.to_owned(),
            state,
            says: says.to_owned(),
            remedy: remedy.map(str::to_owned),
            ..Check::default()
        };
        let found = Examination {
            watched: Prospect {
                outcome: CrashOutcome::Captured,
                says: "the tracer writes its core".to_owned(),
            },
            alone: Prospect {
                outcome: CrashOutcome::Lost,
                says: "the hard limit on core files is 0 bytes: the kernel writes none".to_owned(),
            },
            proofs: vec![CrashProof {
                rung: "ptrace".to_owned(),
                state: CheckState::Ok,
                says: "a child crashed".to_owned(),
                milliseconds: Some(7),
                ..CrashProof::default()
            }],
            checks: vec![
                check("limits", CheckState::Bad, "the limit is \u{1b}0", Some("raise it")),
                check("debug info", CheckState::Unknown, "not known", None),
            ],
            ..Examination::default()
        };
        let mut out = String::new();
        render(&found, Theme::Plain, 70, &mut out).unwrap();
        insta::assert_snapshot!(out, @r"
        A crash with `coretool run`: captured: the tracer writes its core
        A crash without coretool: LOST: the hard limit on core files is 0
                 bytes: the kernel writes none

        Proof
        ok       ptrace: a child crashed (7 ms)

        Limits
        bad      the limit is \x1b0
                 do: raise it

        Debug info
        unknown  not known
        ");
    }
}
