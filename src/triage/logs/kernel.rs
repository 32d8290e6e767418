//! The kernel's lines about a crash: `app[12]: segfault at 18 ip ... in app[...]`.

use super::Reader;
use super::draft::Draft;
use super::frame::between;
use crate::report::model::{Frame, Hex, Report, Severity};

pub(super) struct Segfault;

/// How far above zero an address still counts as a null pointer's.
const NEAR_NULL: u64 = 0x1_0000;

impl Reader for Segfault {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn read(&self, lines: &[String]) -> Option<(Report, usize)> {
        let line = lines.first()?;
        let (head, tail) = line.split_once("]: segfault at ").or_else(|| {
            let (head, tail) = line.split_once("] general protection fault ")?;
            Some((head, tail))
        })?;
        let is_protection = line.contains("] general protection fault ");
        let (before, pid) = head.rsplit_once('[')?;
        let command = before.rsplit(' ').next().unwrap_or(before).to_owned();
        let hex = |text: &str| {
            let end = text.find(|char: char| !char.is_ascii_hexdigit()).unwrap_or(text.len());
            u64::from_str_radix(text.get(..end)?, 16).ok()
        };
        let after = |mark: &str| tail.split_once(mark).and_then(|(_, rest)| hex(rest));
        let ip = after("ip ").or_else(|| after("ip:"))?;
        // `in app[55d0c0ffe000+1000]`; newer kernels: `in app[1139,55d0...+1000]`.
        let module = tail.rsplit_once(" in ").map(|(_, rest)| rest);
        let name = module.and_then(|module| module.split('[').next());
        let range = module.and_then(|module| between(module, "[", "]"));
        let offset = range.and_then(|range| match range.split_once(',') {
            Some((offset, _)) => hex(offset),
            None => ip.checked_sub(hex(range)?),
        });
        let error = after("error ").or_else(|| after("error:"));
        let is_write = error.is_some_and(|bits| bits & 2 != 0);
        let address = if is_protection { None } else { hex(tail) };
        let verb = if is_write { "write of" } else { "read of" };
        let (cause, explanation) = match address {
            Some(at) if at < NEAR_NULL => ("null-pointer", format!("{verb} memory at {at:#x}")),
            Some(at) => ("wild-pointer", format!("{verb} memory at {at:#x}")),
            None => ("wild-pointer", "use of an address that no processor accepts".to_owned()),
        };
        let frame = Frame {
            pc: Hex(ip),
            module: name.map(str::to_owned),
            offset: offset.map(Hex),
            ..Frame::default()
        };
        let draft = Draft {
            signal: Some("SIGSEGV".to_owned()),
            cause,
            title: "segfault".to_owned(),
            explanation,
            severity: if is_write { Severity::Medium } else { Severity::Low },
            frames: vec![frame],
            pid: pid.parse().ok(),
            command: Some(command),
        };
        Some((draft.report(), 1))
    }
}
