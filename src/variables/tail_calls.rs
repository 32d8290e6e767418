//! Functions that end by jumping to another one (tail calls): which ones lie
//! between a call and the function that it led to.
//!
//! Nothing on the stack tells that they were there. Only a chain that is the
//! one possible way is used; everything else is doubt, and doubt is said.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use gimli::constants as dw;
use gimli::{DwAt, DwTag};

use crate::base::addr::{FrameAddr, LinkAddr, RunAddr};
use crate::base::arch::Machine;
use crate::symbols::entries::{Attributes, Descend, Entry};
use crate::symbols::module::ModuleSymbols;
use crate::variables::Context;
use crate::variables::branches::direct_target;

/// How many functions are looked at for jumps.
const MOST_FUNCTIONS: usize = 48;

/// Bytes of `jmp rel32`.
const JUMP_BYTES: u64 = 5;

/// The names of one idea in DWARF 5 and, before it, in GNU's extension.
pub(super) const RETURN_ADDRESS: [DwAt; 2] = [dw::DW_AT_call_return_pc, dw::DW_AT_low_pc];
pub(super) const CALLEE: [DwAt; 2] = [dw::DW_AT_call_origin, dw::DW_AT_abstract_origin];
const IS_TAIL_CALL: [DwAt; 2] = [dw::DW_AT_call_tail_call, dw::DW_AT_GNU_tail_call];

/// Any of these on a function: all its tail calls are described.
const KNOWS_TAIL_CALLS: [DwAt; 5] = [
    dw::DW_AT_call_all_calls,
    dw::DW_AT_call_all_source_calls,
    dw::DW_AT_call_all_tail_calls,
    dw::DW_AT_GNU_all_call_sites,
    dw::DW_AT_GNU_all_tail_call_sites,
];

/// A jump that ends one function and begins another.
#[derive(Clone)]
pub(super) struct Jump<'a, 'f> {
    /// The function that jumps.
    pub(super) from: Entry<'a, 'f>,
    /// The description of the jump.
    pub(super) call: Attributes<'a, 'f>,
    /// Where it jumps to.
    to: Entry<'a, 'f>,
}

/// The jumps that lead from `first` to `own`, in their order: the only way in
/// which they can. None when the two are the same function.
pub(super) fn chain<'a, 'f>(
    context: &Context<'a, 'f>,
    first: Entry<'a, 'f>,
    own: Entry<'a, 'f>,
) -> Result<Vec<Jump<'a, 'f>>, String> {
    let jumps = jumps_from(context, first, own)?;
    // Functions from which a jump may lead to `own`.
    let mut leading = vec![own];
    let mut next = 0_usize;
    while let Some(function) = leading.get(next).copied() {
        next = next.saturating_add(1);
        for jump in jumps.iter().filter(|jump| jump.to == function) {
            if !leading.contains(&jump.from) {
                leading.push(jump.from);
            }
        }
    }
    let mut way = Vec::new();
    let mut here = first;
    while here != own {
        let mut ways = jumps.iter().filter(|jump| jump.from == here && leading.contains(&jump.to));
        match (ways.next(), ways.next()) {
            (Some(jump), None) if way.len() <= MOST_FUNCTIONS => {
                way.push(jump.clone());
                here = jump.to;
            }
            (None, _) => {
                return Err("its caller called another function".to_owned());
            }
            _ => {
                return Err("its caller called another function, which may have jumped here in \
                            several ways"
                    .to_owned());
            }
        }
    }
    Ok(way)
}

/// Makes sure that a function, once entered by a call, is not entered again by
/// a jump from a function that it jumped to.
pub(super) fn no_jump_back<'a, 'f>(
    context: &Context<'a, 'f>,
    own: Entry<'a, 'f>,
) -> Result<(), String> {
    let doubtful = || "its function may have been entered by a jump".to_owned();
    let mut jumps = jumps_of(context, own, own).ok_or_else(doubtful)?;
    let starts: Vec<_> = jumps.iter().map(|jump| jump.to).collect();
    for start in starts {
        if start != own {
            jumps.extend(jumps_from(context, start, own).map_err(|_| doubtful())?);
        }
    }
    if jumps.iter().any(|jump| jump.to == own) { Err(doubtful()) } else { Ok(()) }
}

/// All jumps of `first` and of the functions that they lead to. Those of `own`
/// are left out.
fn jumps_from<'a, 'f>(
    context: &Context<'a, 'f>,
    first: Entry<'a, 'f>,
    own: Entry<'a, 'f>,
) -> Result<Vec<Jump<'a, 'f>>, String> {
    let doubtful = || "its caller called another function, which may have jumped here".to_owned();
    let mut functions = vec![first];
    let mut jumps = Vec::new();
    let mut next = 0_usize;
    while let Some(function) = functions.get(next).copied() {
        next = next.saturating_add(1);
        if function == own {
            continue;
        }
        if next > MOST_FUNCTIONS {
            return Err(doubtful());
        }
        for jump in jumps_of(context, function, own).ok_or_else(doubtful)? {
            if !functions.contains(&jump.to) {
                functions.push(jump.to);
            }
            jumps.push(jump);
        }
    }
    Ok(jumps)
}

/// The jumps of one function. `None`: not all of them, or not all of their
/// targets, are known.
fn jumps_of<'a, 'f>(
    context: &Context<'a, 'f>,
    function: Entry<'a, 'f>,
    own: Entry<'a, 'f>,
) -> Option<Vec<Jump<'a, 'f>>> {
    let attributes = function.attributes()?;
    let origins = attributes.origins();
    let is_described =
        origins.iter().any(|origin| KNOWS_TAIL_CALLS.iter().any(|name| origin.is_set(*name)));
    if !is_described {
        return None;
    }
    let mut calls = Vec::new();
    function.walk(|entry, _| {
        if !is_call_site(entry.tag()) {
            return Descend::Yes;
        }
        if is_tail_call(entry) {
            calls.push(entry.clone());
        }
        Descend::No
    });
    let jumps = calls.into_iter().map(|call| {
        let named = first_of(&CALLEE, |name| call.reference(name))?;
        let to = if is_same_function(named, own) {
            own
        } else if has_code(named) {
            named
        } else {
            // clang says where the jump is, gcc where it ends.
            let jump = call.address(dw::DW_AT_call_pc).map(|pc| pc.wrapping_add(JUMP_BYTES));
            let after = jump.or_else(|| first_of(&RETURN_ADDRESS, |name| call.address(name)));
            after.and_then(|at| jumped_to(context, LinkAddr(at), function)).unwrap_or(named)
        };
        Some(Jump { from: function, call, to })
    });
    jumps.collect()
}

/// The function that the jump before an address leads to.
fn jumped_to<'a, 'f>(
    context: &Context<'a, 'f>,
    after: LinkAddr,
    function: Entry<'a, 'f>,
) -> Option<Entry<'a, 'f>> {
    let is_its = |module: &&ModuleSymbols<'f>| {
        module.debug().is_some_and(|debug| std::ptr::eq(debug, function.debug))
    };
    let module = context.symbols.modules().iter().find(is_its)?;
    function_at(context, branch_target(context, after.to_run(module.bias()))?)
}

/// The function that begins at an address.
pub(super) fn function_at<'a, 'f>(context: &Context<'a, 'f>, at: RunAddr) -> Option<Entry<'a, 'f>> {
    let (_, module) = context.symbols.module_at(at)?;
    let calls = context.symbols.calls(FrameAddr::Pc(at));
    let scope = calls.iter().rev().find_map(|call| call.scope)?;
    let debug = module.debug()?;
    let unit = debug.unit_by_id(scope.unit)?;
    let found = Entry { debug, unit, offset: scope.subprogram };
    let start = LinkAddr(found.attributes()?.entry_pc()?).to_run(module.bias());
    (start == at).then_some(found)
}

/// Where the direct call or jump just before an address leads to: read from the
/// instruction, through a stub of the linkage table if it goes there. Ask only
/// where a description says that there is one: it tells the end of such an
/// instruction, not that one ends there.
pub(super) fn branch_target(context: &Context<'_, '_>, after: RunAddr) -> Option<RunAddr> {
    let arch = context.process.arch;
    if !arch.is_x86_64() {
        let target = direct_target(arch, context.memory, after)?;
        // Behind a function's global entry, PowerPC64 has a local one.
        let symbol = context.symbols.symbol_at(target).filter(|it| it.offset == 8);
        let is_local = arch.machine == Machine::Ppc64 && symbol.is_some();
        return Some(if is_local { RunAddr(target.0.wrapping_sub(8)) } else { target });
    }
    let mut code = [0_u8; 6];
    let start = after.0.checked_sub(6)?;
    context.memory.read_exact(RunAddr(start), &mut code).ok()?;
    let relative = |bytes: &[u8]| {
        let distance = i32::from_le_bytes(*bytes.first_chunk()?);
        Some(RunAddr(after.0.wrapping_add_signed(i64::from(distance))))
    };
    match code {
        // `call *disp32(%rip)`, `jmp *disp32(%rip)`: code built without stubs.
        [0xff, 0x15 | 0x25, slot @ ..] => pointed(context, relative(&slot)?),
        // `call rel32`, `jmp rel32`.
        [_, 0xe8 | 0xe9, distance @ ..] => {
            let target = relative(&distance)?;
            Some(through_stub(context, target).unwrap_or(target))
        }
        _ => None,
    }
}

/// Where a stub of the linkage table jumps to: `jmp *disp32(%rip)`, after an
/// `endbr64` and with a `bnd` in some (System V psABI for AMD64, section 5.2).
fn through_stub(context: &Context<'_, '_>, stub: RunAddr) -> Option<RunAddr> {
    let mut code = [0_u8; 11];
    context.memory.read_exact(stub, &mut code).ok()?;
    let mut rest = code.as_slice();
    for prefix in [&[0xf3, 0x0f, 0x1e, 0xfa][..], &[0xf2][..]] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let rest = rest.strip_prefix(&[0xff, 0x25][..])?;
    let distance = i32::from_le_bytes(*rest.first_chunk()?);
    let used = code.len().checked_sub(rest.len())?.checked_add(4)?;
    let next = stub.0.checked_add(u64::try_from(used).ok()?)?;
    pointed(context, RunAddr(next.wrapping_add_signed(i64::from(distance))))
}

fn pointed(context: &Context<'_, '_>, slot: RunAddr) -> Option<RunAddr> {
    context.memory.u64(slot).ok().map(RunAddr)
}

/// The first of several spellings that is there.
pub(super) fn first_of<T>(names: &[DwAt], get: impl Fn(DwAt) -> Option<T>) -> Option<T> {
    names.iter().find_map(|name| get(*name))
}

pub(super) fn is_call_site(tag: DwTag) -> bool {
    matches!(tag, dw::DW_TAG_call_site | dw::DW_TAG_GNU_call_site)
}

pub(super) fn is_tail_call(call: &Attributes<'_, '_>) -> bool {
    IS_TAIL_CALL.iter().any(|name| call.is_set(*name))
}

fn has_code(function: Entry<'_, '_>) -> bool {
    function.attributes().is_some_and(|function| {
        function.get(dw::DW_AT_low_pc).is_some() || function.get(dw::DW_AT_ranges).is_some()
    })
}

/// Whether an entry that a call names, perhaps a declaration in another unit,
/// means this function.
pub(super) fn is_same_function<'a, 'f>(named: Entry<'a, 'f>, own: Entry<'a, 'f>) -> bool {
    if named == own {
        return true;
    }
    let (Some(named), Some(own)) = (named.attributes(), own.attributes()) else { return false };
    let (named, own) = (named.origins(), own.origins());
    if named.iter().any(|one| own.iter().any(|other| one.entry == other.entry)) {
        return true;
    }
    // Another unit's declaration: functions of one linkage name are one.
    let is_external =
        |list: &[Attributes<'a, 'f>]| list.iter().any(|origin| origin.is_set(dw::DW_AT_external));
    if !is_external(&named) || !is_external(&own) {
        return false;
    }
    let text = |list: &[Attributes<'a, 'f>], name| list.iter().find_map(|origin| origin.text(name));
    let linkage = |list: &[Attributes<'a, 'f>]| {
        text(list, dw::DW_AT_linkage_name).or_else(|| text(list, dw::DW_AT_MIPS_linkage_name))
    };
    match (linkage(&named), linkage(&own)) {
        (Some(named), Some(own)) => named == own,
        (None, None) => {
            let name = text(&named, dw::DW_AT_name);
            name.is_some() && name == text(&own, dw::DW_AT_name)
        }
        _ => false,
    }
}
