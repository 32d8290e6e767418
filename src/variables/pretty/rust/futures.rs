//! Async functions and blocks: the state that the compiler made of them.
//!
//! A future of the compiler's own is an enum over `__state`: 0 before it first
//! stood still, 1 when it has returned, 2 after a panic, then one state for
//! each `.await`, whose line is that of the variant. What lives across the
//! `.await` is in the variant, together with the future that it awaits
//! (`__awaitee`).

use gimli::constants as dw;

use super::object::Object;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Dialect, Type, Variant, Variants};
use crate::variables::aggregates::structure_text;
use crate::variables::pretty::NEW_LAYOUT;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// What the compiler calls the future that is awaited.
const AWAITEE: &str = "__awaitee";

/// Whether a type is such a state.
pub(super) fn is_future(of: &Type<'_, '_>) -> bool {
    states(of).is_some()
}

fn states<'t, 'a, 'f>(of: &'t Type<'a, 'f>) -> Option<&'t Variants<'a, 'f>> {
    let variants = of.composite()?.variants.as_ref()?;
    let state = variants.discriminant.as_ref()?.name.as_deref();
    (state == Some("__state")).then_some(variants)
}

/// An async function or block: where it stood still last, and what it awaits.
pub(super) fn future(object: &Object<'_, '_, '_, '_, '_>, level: Level) -> Result<Value, String> {
    let variants = states(&object.of).ok_or(NEW_LAYOUT)?;
    let active = object.reading.active(&object.of, variants, &object.place)?;
    let member = active.member.as_ref().ok_or(NEW_LAYOUT)?;
    let place = object.reading.member_place(&object.of, member, &object.place)?;
    let payload = object.other(member.type_entry, place);
    let state = payload.of.plain_name.rsplit("::").next().unwrap_or_default().to_owned();
    let mut value = Value::leaf(ValueKind::Enum, "", object.place.origin());
    let name = source_name(&object.of.plain_name);
    let is_over = matches!(state.as_str(), "Returned" | "Panicked");
    // What it had is dropped then.
    if !is_over {
        value.fields = locals(&payload, level);
    }
    let shown = structure_text(Dialect::Rust, &value.fields, object.reading.context.limits.text, 0);
    let shown = if value.fields.is_empty() { String::new() } else { format!(" {shown}") };
    let how = match state.as_str() {
        // As long as it was polled only once and runs, this is its state, too.
        "Unresumed" => "not suspended yet".to_owned(),
        "Returned" => "returned".to_owned(),
        "Panicked" => "panicked".to_owned(),
        _ => match place_of(object.of.entry, active) {
            // Whoever polls it now may be further.
            Some((file, line)) => format!("last suspended at {file}:{line}"),
            None => format!("last suspended, state `{state}`"),
        },
    };
    value.text = format!("{name}{shown} {how}");
    if let Ok(awaitee) = payload.member(AWAITEE)
        && !is_over
    {
        // However long the chain is, it is followed through boxes, too.
        let inner = awaitee.value(Level { nested: level.nested.max(2), ..level });
        let name = &awaitee.of.plain_name;
        let is_named = inner.text.starts_with(name.as_str()) || names_itself(&awaitee);
        let text = if is_named { inner.text.clone() } else { format!("{name} {}", inner.text) };
        value.text = format!("{} -> {text}", value.text);
        value.fields.push((AWAITEE.to_owned(), inner));
    }
    Ok(value)
}

/// Whether what is awaited says in its text what it is: another future of the
/// compiler's, or a pointer, which shows what it points to.
fn names_itself(awaitee: &Object<'_, '_, '_, '_, '_>) -> bool {
    is_future(&awaitee.of) || awaitee.pointer().is_ok()
}

/// Captures, arguments and locals that live in a state.
fn locals(payload: &Object<'_, '_, '_, '_, '_>, level: Level) -> Vec<(String, Value)> {
    let members = payload.of.composite().map(|all| all.members.as_slice()).unwrap_or_default();
    let mut shown = Vec::new();
    let mut seen = Vec::new();
    for member in members {
        let Some(name) = member.name.as_deref().filter(|name| *name != AWAITEE) else { continue };
        // An argument is listed once more as the local that it became.
        if seen.contains(&(name, member.place)) {
            continue;
        }
        seen.push((name, member.place));
        let part = payload.reading.member(&payload.of, member, &payload.place, level.deeper());
        shown.push((name.trim_start_matches("_ref__").to_owned(), part));
    }
    shown
}

/// The function that a future was made of: `app::fetch` for
/// `app::fetch::{async_fn_env#0}`, and the like for blocks.
fn source_name(name: &str) -> String {
    let (mut depth, mut before, mut found) = (0_usize, ' ', None);
    for (at, letter) in name.char_indices() {
        match letter {
            '<' => depth = depth.saturating_add(1),
            '>' if before != '-' => depth = depth.saturating_sub(1),
            ':' if depth == 0
                && name.get(at..).is_some_and(|rest| rest.starts_with("::{async_")) =>
            {
                found = Some(at);
            }
            _ => (),
        }
        before = letter;
    }
    let Some((function, environment)) = found.and_then(|at| name.split_at_checked(at)) else {
        return name.to_owned();
    };
    match environment {
        _ if environment.starts_with("::{async_fn_env") => function.to_owned(),
        _ if environment.starts_with("::{async_block_env") => format!("async block of {function}"),
        _ => format!("async closure of {function}"),
    }
}

/// The file, without its directories, and the line of the `.await` of a state.
fn place_of<'a, 'f>(of: Option<Entry<'a, 'f>>, active: &Variant<'a, 'f>) -> Option<(String, u64)> {
    let wanted = active.member.as_ref()?;
    let parts = of?.children();
    let part = parts.iter().find(|child| child.tag() == dw::DW_TAG_variant_part)?;
    let members = part.entry.children().into_iter().flat_map(|variant| variant.entry.children());
    let mut members = members.filter(|member| member.tag() == dw::DW_TAG_member);
    let member = members.find(|member| member.reference(dw::DW_AT_type) == wanted.type_entry)?;
    let (file, line) = member.declared()?;
    Some((file.rsplit('/').next().unwrap_or_default().to_owned(), line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_source() {
        let cases = [
            ("app::fetch::{async_fn_env#0}", "app::fetch"),
            ("app::fetch::{async_fn_env#0}<i32>", "app::fetch"),
            ("app::main::{async_block_env#1}", "async block of app::main"),
            ("app::f::{async_block_env#0}<b::g::{async_fn_env#0}>", "async block of app::f"),
            ("app::main::{async_closure_env#1}", "async closure of app::main"),
            ("app::a::{async_fn#0}::{async_block_env#0}", "async block of app::a::{async_fn#0}"),
        ];
        for (name, want) in cases {
            assert_eq!(source_name(name), want);
        }
    }
}
