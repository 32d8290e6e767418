//! The instructions around the fault, with the lines that they come from.

use std::fmt;

use crate::report::model::{Instruction, Report};
use crate::report::render::layout::{Lines, span};
use crate::report::render::theme::Role;

pub(super) fn disassembly(report: &Report, lines: &mut Lines<'_>) -> fmt::Result {
    if report.disassembly.is_empty() {
        return Ok(());
    }
    lines.end()?;
    lines.line(0, Role::Heading, "Instructions around the fault:")?;
    let mut source = None;
    for instruction in &report.disassembly {
        let here = instruction.file.as_deref().zip(instruction.line);
        if here.is_some() && here != source {
            let (file, line) = here.unwrap_or_default();
            let name = file.rsplit('/').next().unwrap_or(file);
            lines.line(2, Role::Dim, &format!("{name}:{line}"))?;
            source = here;
        }
        let role = if instruction.current { Role::Name } else { Role::Plain };
        let mark = if instruction.current { "=>" } else { "" };
        lines.begin(0, 8)?;
        lines.word(0, &[span(role, &format!("{mark:>4} {}", instruction.address))])?;
        let function = function(instruction);
        if !function.is_empty() {
            lines.word(1, &[span(Role::Dim, &function)])?;
        }
        lines.word(2, &[span(role, &instruction.text)])?;
        if let Some(target) = &instruction.target {
            lines.word(2, &[span(Role::Dim, &format!("# {target}"))])?;
        }
        lines.end()?;
    }
    Ok(())
}

fn function(instruction: &Instruction) -> String {
    match (&instruction.function, instruction.function_offset) {
        (Some(name), Some(offset)) => format!("<{name}+{offset}>"),
        (Some(name), None) => format!("<{name}>"),
        (None, _) => String::new(),
    }
}
