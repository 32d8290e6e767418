//! Which function a line of the source belongs to, when the code there is in
//! another one: the compiler merges equal endings of functions, and then says
//! of none whose it was.

use gimli::constants as dw;

use crate::diagnose::crash::Crash;
use crate::symbols::demangle::demangled;
use crate::symbols::dwarf::Unit;
use crate::symbols::entries::{Descend, Entry};
use crate::variables::calls::FrameCall;

/// Units of one crate that are searched.
const MOST_UNITS: usize = 64;

/// The function of a panic's place, `panic at src/main.rs:35: ...`, in the
/// program that `call` is part of.
pub(super) fn of_panic(
    crash: &Crash<'_, '_>,
    call: &FrameCall,
    explanation: &str,
) -> Option<String> {
    let place = explanation.strip_prefix("panic at ")?;
    let (place, _) = place.split_once(": ").unwrap_or((place, ""));
    let (file, line) = place.rsplit_once(':')?;
    function_at(crash, call, file, line.parse().ok()?)
}

/// The function whose declaration is the last one at or before a line.
fn function_at(crash: &Crash<'_, '_>, call: &FrameCall, file: &str, line: u64) -> Option<String> {
    let at = crash.frame(call.frame)?.at.lookup();
    let (_, module) = crash.symbols.module_at(at)?;
    let debug = module.debug()?;
    let own = call.call.scope.and_then(|scope| debug.unit_by_id(scope.unit));
    let name = |unit: &Unit<'_>| {
        let name = unit.unit.name.as_ref().map(|name| name.to_string_lossy().into_owned());
        name.map(|name| name.split("/@/").next().unwrap_or_default().to_owned())
    };
    // All units of a crate have the name of its main file.
    let of_crate = own.and_then(name);
    let is_of_crate = |unit: &&Unit<'_>| {
        name(unit).is_some_and(|name| match &of_crate {
            Some(of_crate) => name == *of_crate,
            None => !name.is_empty() && (name.ends_with(file) || file.ends_with(&name)),
        })
    };
    let mut best: Option<(u64, String)> = None;
    for unit in debug.units().filter(is_of_crate).take(MOST_UNITS) {
        let offset = unit.unit.header.root_offset();
        let root = Entry { debug, unit, offset };
        root.walk(|entry, _depth| {
            let tag = entry.tag();
            if tag != dw::DW_TAG_subprogram {
                let has_functions = [
                    dw::DW_TAG_namespace,
                    dw::DW_TAG_structure_type,
                    dw::DW_TAG_enumeration_type,
                    dw::DW_TAG_class_type,
                ];
                return if has_functions.contains(&tag) { Descend::Yes } else { Descend::No };
            }
            let declared = entry.number(dw::DW_AT_decl_line).filter(|declared| *declared <= line);
            let is_later = declared.is_some_and(|it| best.as_ref().is_none_or(|(at, _)| it > *at));
            if is_later
                && let Some((in_file, declared)) = entry.declared()
                && (in_file.ends_with(file) || file.ends_with(&in_file))
                && let Some(linkage) = entry.text(dw::DW_AT_linkage_name)
                && let Some(name) = demangled(linkage.as_bytes())
            {
                best = Some((declared, name));
            }
            Descend::Yes
        });
    }
    best.map(|(_, name)| name)
}
