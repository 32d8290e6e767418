//! What systemd-coredump writes into the journal about a core.

use super::Reader;
use super::draft::Draft;
use super::frame::{MOST, address, between, numbered, signal, signal_name};
use crate::report::model::{Frame, Hex, Report};

pub(super) struct Systemd;

/// Lines between the two messages about one crash, and the stack.
const NEAR: usize = 200;

impl Reader for Systemd {
    fn name(&self) -> &'static str {
        "systemd-coredump"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let first = lines.first()?;
        let (_, rest) = first.split_once("Process ")?;
        let (pid, rest) = rest.split_once(" (")?;
        let (command, rest) = rest.split_once(") of user ")?;
        if !rest.contains("dumped core") && !rest.contains("terminated abnormally") {
            return None;
        }
        let named = signal(rest);
        let number = between(rest, "signal ", "/").and_then(|word| word.parse::<i32>().ok());
        let mut frames: Vec<Frame> = Vec::new();
        let mut taken = 1_usize;
        let mut is_first = true;
        let same = format!("Process {pid} (");
        for line in lines.iter().skip(1).take(2_000) {
            let is_stack = line.contains("Stack trace of thread ");
            if is_stack && !frames.is_empty() {
                is_first = false;
            }
            let is_frame = numbered(line).filter(|_| is_first);
            match is_frame {
                Some((number, rest)) if number == frames.len() as u64 && frames.len() < MOST => {
                    frames.push(parsed(rest));
                }
                Some(_) => break,
                // The next message begins; of the same process, it goes on.
                None if line.contains(") of user ") && !line.contains(&same) => break,
                None if frames.is_empty() && taken > NEAR => break,
                None if !is_first && line.trim().is_empty() => break,
                None => (),
            }
            taken = taken.saturating_add(1);
        }
        let draft = Draft {
            signal: named.or_else(|| number.map(signal_name)),
            frames,
            pid: pid.parse().ok(),
            command: Some(command.to_owned()),
            ..Draft::default()
        };
        Some((draft.report(), taken))
    }
}

/// `0x00005555 node_set (/bin/app + 0x1139)`; `n/a` for no name.
fn parsed(text: &str) -> Frame {
    let mut frame = Frame::default();
    let Some((pc, rest)) = address(text) else { return frame };
    frame.pc = pc;
    let (name, inner) = rest.trim().rsplit_once(" (").unwrap_or((rest.trim(), ""));
    if !name.is_empty() && name != "n/a" {
        frame.function = Some(name.to_owned());
    }
    if let Some((module, offset)) = inner.trim_end_matches(')').split_once(" + ") {
        frame.module = Some(module.to_owned());
        frame.offset = address(offset).map(|(offset, _)| Hex(offset.0));
    }
    frame
}
