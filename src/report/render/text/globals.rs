//! The variables of the unit in which the program stood.

use std::fmt;

use super::values::{self, Detail};
use crate::base::count::counted;
use crate::report::model::{Globals, Variable};
use crate::report::render::layout::Lines;
use crate::report::render::theme::Role;

pub(super) fn globals(globals: &Globals, parts: usize, lines: &mut Lines<'_>) -> fmt::Result {
    lines.end()?;
    let all: Vec<&Variable> = globals.variables.iter().collect();
    if all.is_empty() {
        let none = format!("{} has no global variables.", globals.unit);
        return lines.line(0, Role::Heading, &none);
    }
    lines.line(0, Role::Heading, &format!("Global variables of {}:", globals.unit))?;
    values::list(&all, Detail::Full { parts }, lines)?;
    match globals.truncated {
        Some(more) => lines.line(8, Role::Dim, &format!("... {}", counted(more, "more variable"))),
        None => Ok(()),
    }
}
