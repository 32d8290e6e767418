//! Values as trees that unfold.

use std::fmt::{self, Write};

use super::text;
use crate::report::model::{Value, ValueKind, Variable};

/// Nesting that is shown; the report's own limit is lower.
const DEEPEST: usize = 64;

/// One variable.
pub(super) fn variable(variable: &Variable, out: &mut String) -> fmt::Result {
    node(&variable.name, &variable.type_name, &variable.value, 0, out)
}

fn node(name: &str, type_name: &str, value: &Value, depth: usize, out: &mut String) -> fmt::Result {
    let class = if value.kind == ValueKind::Unknown { "unknown" } else { "mono" };
    let shown_type = match type_name.is_empty() {
        true => String::new(),
        false => format!(" <span class=\"dim mono\">{}</span>", text(type_name)),
    };
    let head = format!(
        "<code>{}</code>{shown_type} = <span class=\"{class}\">{}</span>",
        text(name),
        text(&value.text)
    );
    let is_leaf = value.fields.is_empty() && value.elements.is_empty();
    if is_leaf || depth >= DEEPEST {
        return writeln!(out, "<div>{head}</div>");
    }
    write!(out, "<details><summary>{head}</summary>")?;
    for field in &value.fields {
        node(&field.name, "", &field.value, depth + 1, out)?;
    }
    for (at, element) in value.elements.iter().enumerate() {
        node(&format!("[{at}]"), "", element, depth + 1, out)?;
    }
    if let Some(more) = value.truncated {
        writeln!(out, "<div class=\"dim\">and {more} more</div>")?;
    }
    writeln!(out, "</details>")
}
