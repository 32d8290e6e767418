//! Compares the values that gdb and coretool have for the same variables: what
//! gdb knows we know, and it is the same.

use coretool::report::model::{Frame, Origin, Value, ValueKind, Variable};

use crate::support::gdb::{GdbFrame, GdbVariable};

/// What gdb shows although nobody knows it: the end of our reason, and what gdb
/// does. The first holds for outer frames only.
const FALSE_IN_GDB: &[(&str, &str)] = &[
    ("was not saved by the called function", "takes the register for unchanged"),
    ("does not say where all of it is", "takes bits behind all pieces for zero"),
    ("is no bool", "shows bits that mean nothing"),
    ("is no character", "shows bits that mean nothing"),
    ("which no variant has", "shows bits that mean nothing"),
    ("its length: optimized out at this point", "takes the array for one of one element"),
];

/// What differs in a frame, one line each. What a caller passed is no difference
/// in outer frames, where gdb shows what the register holds now.
pub(crate) fn differences(gdb: &GdbFrame, frame: &Frame) -> Vec<String> {
    let variables: Vec<&Variable> = frame.arguments.iter().chain(&frame.locals).collect();
    let names = gdb.variables.iter().map(|variable| variable.name.as_str());
    // clang's own variable for the length of an array is nobody's in the source.
    // A lambda's own argument is no variable of the source either.
    let of_compiler = |name: &str| name.starts_with("__vla_expr") || name == "__closure";
    let mut names: Vec<_> = names.filter(|name| !of_compiler(name)).collect();
    names.sort_unstable();
    names.dedup();
    let mut wrong = Vec::new();
    for name in names {
        let mut shown = variables.iter().filter(|variable| variable.name == name);
        for expected in gdb.variables.iter().filter(|variable| variable.name == name) {
            match shown.next() {
                None if is_definite(expected) => wrong.push(format!("`{name}` is missing")),
                None => (),
                Some(variable) => compare(name, expected, &variable.value, frame, &mut wrong),
            }
        }
    }
    wrong
}

/// Whether gdb knows any of it.
fn is_definite(gdb: &GdbVariable) -> bool {
    gdb.raw.is_some()
        || (gdb.kind == "float" && gdb.text.is_some())
        || gdb.parts.iter().any(is_definite)
}

fn compare(path: &str, gdb: &GdbVariable, value: &Value, frame: &Frame, wrong: &mut Vec<String>) {
    if !is_definite(gdb) {
        return;
    }
    if value.kind == ValueKind::Unknown {
        let why = value.why_unknown.as_deref().unwrap_or_default();
        let known = FALSE_IN_GDB.iter().position(|(end, _)| why.ends_with(end));
        if known.is_none_or(|at| at == 0 && frame.index == 0) {
            wrong.push(format!("`{path}` is {}, not {}", gdb.shown(), value.text));
        }
        return;
    }
    if value.origin == Some(Origin::EntryValue) && frame.index > 0 {
        return;
    }
    match gdb.kind.as_str() {
        "struct" => {
            for expected in &gdb.parts {
                let name = format!("{path}.{}", expected.name);
                // gcc writes a lambda's capture `x` as `__x`.
                let plain = expected.name.trim_start_matches("__");
                let is_it = |name: &str| name == expected.name || name == plain;
                match value.fields.iter().find(|field| is_it(&field.name)) {
                    Some(field) => compare(&name, expected, &field.value, frame, wrong),
                    // What a printer shows has no such members.
                    None if value.kind != ValueKind::Struct || value.truncated.is_some() => (),
                    None => wrong.push(format!("`{name}` is missing")),
                }
            }
        }
        "array" => {
            for (index, (expected, shown)) in gdb.parts.iter().zip(&value.elements).enumerate() {
                compare(&format!("{path}[{index}]"), expected, shown, frame, wrong);
            }
            let is_short = value.kind == ValueKind::Array
                && value.elements.len() < gdb.parts.len()
                && value.truncated.is_none();
            if is_short {
                wrong.push(format!("`{path}` has {} elements", value.elements.len()));
            }
        }
        "float" => {
            let expected: Option<f64> = gdb.text.as_ref().and_then(|text| text.parse().ok());
            let (Some(expected), Ok(shown)) = (expected, value.text.parse::<f64>()) else { return };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float is shown with its own digits"
            )]
            let is_equal = shown == expected
                || shown as f32 == expected as f32
                || shown.is_nan() && expected.is_nan();
            if !is_equal {
                wrong.push(format!("`{path}` is {expected}, not {}", value.text));
            }
        }
        _ => wrong.extend(difference_of_words(path, gdb, value)),
    }
}

fn difference_of_words(path: &str, gdb: &GdbVariable, value: &Value) -> Option<String> {
    if let Some(text) = &gdb.string
        && !value.text.contains(text.as_str())
    {
        return Some(format!("`{path}` is {text:?}, not {}", value.text));
    }
    let (raw, size, shown) = (gdb.raw.as_ref()?, gdb.size?, value.raw?);
    let expected = u128::from_str_radix(raw.trim_start_matches("0x"), 16).ok()?;
    let mask = if size >= 8 { u64::MAX } else { (1 << (8 * size)) - 1 };
    let is_equal = u128::from(shown.0 & mask) == expected & u128::from(mask);
    (!is_equal).then(|| format!("`{path}` is {raw}, not {shown} ({})", value.text))
}
