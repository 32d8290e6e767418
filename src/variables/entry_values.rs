//! What a caller passed: the value that a register had when a function was
//! entered, from the description of the call (DWARF 5, 3.4).
//!
//! A wrong call gives a wrong value, so this is refused unless it is certain
//! that the caller called this very function: not one that jumped here (a tail
//! call), and not one that jumped back to its own start.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::cell::OnceCell;

use gimli::constants as dw;
use gimli::{DwAt, Expression, Operation, Register, Value};

use crate::base::addr::{Bias, FrameAddr, LinkAddr, RunAddr};
use crate::symbols::dwarf::Reader;
use crate::symbols::entries::{Attributes, Descend, Entry};
use crate::unwind::frame::Trust;
use crate::variables::expression::value_bytes;
use crate::variables::location::{Activation, Progress};
use crate::variables::place::Place;
use crate::variables::value::Origin;

/// How many functions are looked at for one that jumps back.
const MOST_JUMPS: usize = 16;

/// The call that started a frame.
#[derive(Clone)]
pub struct CallSite<'a, 'f> {
    /// The caller's real function.
    subprogram: Entry<'a, 'f>,
    /// Where the caller stands.
    at: LinkAddr,
    bias: Bias,
    /// The parameters that it describes.
    parameters: Vec<Attributes<'a, 'f>>,
}

/// The names of one idea in DWARF 5 and, before it, in GNU's extension.
const RETURN_ADDRESS: [DwAt; 2] = [dw::DW_AT_call_return_pc, dw::DW_AT_low_pc];
const CALLEE: [DwAt; 2] = [dw::DW_AT_call_origin, dw::DW_AT_abstract_origin];
const TARGET: [DwAt; 2] = [dw::DW_AT_call_target, dw::DW_AT_GNU_call_site_target];
const VALUE: [DwAt; 2] = [dw::DW_AT_call_value, dw::DW_AT_GNU_call_site_value];
const DATA_VALUE: [DwAt; 2] = [dw::DW_AT_call_data_value, dw::DW_AT_GNU_call_site_data_value];
const IS_TAIL_CALL: [DwAt; 2] = [dw::DW_AT_call_tail_call, dw::DW_AT_GNU_tail_call];
const PARAMETER: [DwAt; 2] = [dw::DW_AT_call_parameter, dw::DW_AT_abstract_origin];

/// Any of these on a function: all its tail calls are described.
const KNOWS_TAIL_CALLS: [DwAt; 5] = [
    dw::DW_AT_call_all_calls,
    dw::DW_AT_call_all_source_calls,
    dw::DW_AT_call_all_tail_calls,
    dw::DW_AT_GNU_all_call_sites,
    dw::DW_AT_GNU_all_tail_call_sites,
];

impl<'a, 'f> Activation<'_, 'a, 'f> {
    /// The value of an expression when the function was entered: of a
    /// register, or of the memory that it pointed to.
    pub(super) fn entry_value(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        progress: Progress,
    ) -> Result<Value, String> {
        let mut operations = expression.operations(entry.unit.unit.encoding());
        let mut next = || operations.next().ok().flatten();
        let (register, names) = match (next(), next(), next()) {
            (Some(Operation::Register { register }), None, None) => (register, VALUE),
            (Some(Operation::RegisterOffset { register, offset: 0, .. }), None, None) => {
                (register, VALUE)
            }
            (
                Some(Operation::RegisterOffset { register, offset: 0, .. }),
                Some(Operation::Deref { space: false, .. }),
                None,
            ) => (register, DATA_VALUE),
            _ => return Err("it depends on more than one register of its caller".to_owned()),
        };
        self.passed(progress, names, |parameter| is_register(parameter, register))
    }

    /// The value that the caller passed for a parameter of a function
    /// (`DW_OP_GNU_parameter_ref`).
    pub(super) fn passed_parameter(
        &self,
        parameter: Entry<'a, 'f>,
        progress: Progress,
    ) -> Result<Value, String> {
        self.passed(progress, VALUE, |passed| {
            first(&PARAMETER, |name| passed.reference(name)) == Some(parameter)
        })
    }

    /// What the caller passed in the register that `argument` was in when the
    /// function was entered.
    pub fn argument_at_entry(
        &self,
        argument: &Attributes<'a, 'f>,
    ) -> Result<Place<'a, 'f>, String> {
        let register = self.register_at_entry(argument).ok_or("its place at entry is not known")?;
        let value =
            self.passed(Progress::default(), VALUE, |parameter| is_register(parameter, register))?;
        let bytes = value_bytes(value);
        Ok(Place::bytes(bytes, Origin::EntryValue))
    }

    /// The register that the argument's location names for the function's
    /// first instruction.
    fn register_at_entry(&self, argument: &Attributes<'a, 'f>) -> Option<Register> {
        let start = entry_pc(&self.subprogram.attributes()?)?;
        let location = argument.get(dw::DW_AT_location)?;
        let unit = &argument.entry.unit.unit;
        let mut list = argument.entry.debug.dwarf().attr_locations(unit, location).ok()??;
        while let Ok(Some(part)) = list.next() {
            if (part.range.begin..part.range.end).contains(&start) {
                return only_register(argument.entry, part.data);
            }
        }
        None
    }

    fn passed(
        &self,
        progress: Progress,
        names: [DwAt; 2],
        is_wanted: impl Fn(&Attributes<'a, 'f>) -> bool,
    ) -> Result<Value, String> {
        let progress = progress.deeper()?;
        let site = self.call_site.get_or_init(|| self.find_call_site()).as_ref();
        let site = site.map_err(Clone::clone)?;
        let parameter = site.parameters.iter().find(|parameter| is_wanted(parameter));
        let value = parameter.and_then(|parameter| {
            Some((parameter.entry, first(&names, |name| parameter.expression(name))?))
        });
        let (entry, value) = value.ok_or("its caller does not say what it passed")?;
        let (value, _) = self.caller(site).number(entry, value, None, progress)?;
        Ok(value)
    }

    fn caller<'s>(&'s self, site: &CallSite<'a, 'f>) -> Activation<'s, 'a, 'f> {
        Activation {
            context: self.context,
            frames: self.frames,
            index: self.index.saturating_add(1),
            subprogram: site.subprogram,
            at: site.at,
            bias: site.bias,
            call_site: OnceCell::new(),
        }
    }

    /// Which call of the caller started this frame.
    fn find_call_site(&self) -> Result<CallSite<'a, 'f>, String> {
        let unknown = "its caller is not known";
        let frame = self.frame().ok_or(unknown)?;
        let caller = self.frames.get(self.index.saturating_add(1)).ok_or(unknown)?;
        let FrameAddr::Return(returns_to) = caller.at else {
            return Err("a signal, not a call, led here".to_owned());
        };
        if frame.is_signal_frame || caller.trust == Trust::Scan {
            return Err(unknown.to_owned());
        }
        // The stack's middle may be folded away, so that the next frame that
        // is known is not the caller. In a recursion the return addresses are
        // equal all the same; the stack pointers are not.
        if caller.registers.sp() != frame.cfa {
            return Err(unknown.to_owned());
        }
        let stored = frame.cfa.and_then(|cfa| cfa.0.checked_sub(8)).map(RunAddr);
        let stored = stored.and_then(|at| self.context.memory.u64(at).ok());
        if stored != Some(returns_to.0) {
            return Err(unknown.to_owned());
        }
        let symbols = self.context.symbols;
        let no_tables = "its caller has no debug information";
        let (_, module) = symbols.module_at(caller.at.lookup()).ok_or(no_tables)?;
        let calls = symbols.calls(caller.at);
        let scope = calls.iter().rev().find_map(|call| call.scope).ok_or(no_tables)?;
        let debug = module.debug().ok_or(no_tables)?;
        let unit = debug.unit(scope.unit).ok_or(no_tables)?;
        let subprogram = Entry { debug, unit, offset: scope.subprogram };
        let bias = module.bias();
        let found = call_at(subprogram, returns_to.to_link(bias));
        let call = found.ok_or("its caller does not describe this call")?;
        let is_parameter = |child: &Attributes<'_, '_>| {
            matches!(
                child.tag(),
                dw::DW_TAG_call_site_parameter | dw::DW_TAG_GNU_call_site_parameter
            )
        };
        let parameters = call.entry.children().into_iter().filter(is_parameter).collect();
        let site = CallSite { subprogram, at: scope.at, bias, parameters };
        self.check_callee(&site, &call)?;
        no_jump_back(self.subprogram)?;
        Ok(site)
    }

    /// Makes sure that `call` calls this function, and not one that jumped
    /// here.
    fn check_callee(
        &self,
        site: &CallSite<'a, 'f>,
        call: &Attributes<'a, 'f>,
    ) -> Result<(), String> {
        let jumped = "its caller called another function, which jumped here";
        if is_tail_call(call) {
            return Err(jumped.to_owned());
        }
        if let Some(callee) = first(&CALLEE, |name| call.reference(name)) {
            let own = self.subprogram;
            return if is_same_function(callee, own) { Ok(()) } else { Err(jumped.to_owned()) };
        }
        let indirect = "its caller called through a pointer";
        let target = first(&TARGET, |name| call.expression(name)).ok_or(indirect)?;
        let progress = Progress::default().deeper()?;
        let (target, _) = self.caller(site).number(call.entry, target, None, progress)?;
        let start = self.subprogram.attributes().and_then(|own| entry_pc(&own)).ok_or(indirect)?;
        let start = LinkAddr(start).to_run(self.bias).0;
        match target.to_u64(u64::MAX) {
            Ok(target) if target == start => Ok(()),
            Ok(_) => Err(jumped.to_owned()),
            Err(_) => Err(indirect.to_owned()),
        }
    }
}

/// The first of two spellings that is there.
fn first<T>(names: &[DwAt], get: impl Fn(DwAt) -> Option<T>) -> Option<T> {
    names.iter().find_map(|name| get(*name))
}

fn is_call_site(entry: &Attributes<'_, '_>) -> bool {
    matches!(entry.tag(), dw::DW_TAG_call_site | dw::DW_TAG_GNU_call_site)
}

fn is_tail_call(call: &Attributes<'_, '_>) -> bool {
    IS_TAIL_CALL.iter().any(|name| call.is_set(*name))
}

/// The call that returns to an address: anywhere in the function, in blocks
/// and inlined functions too.
fn call_at<'a, 'f>(subprogram: Entry<'a, 'f>, returns_to: LinkAddr) -> Option<Attributes<'a, 'f>> {
    let mut found = None;
    subprogram.walk(|entry, _| {
        if !is_call_site(entry) {
            return Descend::Yes;
        }
        if first(&RETURN_ADDRESS, |name| entry.address(name)) == Some(returns_to.0) {
            found = Some(entry.clone());
            return Descend::Stop;
        }
        Descend::No
    });
    found
}

fn is_register(parameter: &Attributes<'_, '_>, register: Register) -> bool {
    let location = parameter.expression(dw::DW_AT_location);
    location.and_then(|location| only_register(parameter.entry, location)) == Some(register)
}

/// The register that an expression names, if it does nothing else.
fn only_register(entry: Entry<'_, '_>, expression: Expression<Reader<'_>>) -> Option<Register> {
    let mut operations = expression.operations(entry.unit.unit.encoding());
    match (operations.next().ok()??, operations.next().ok()?) {
        (Operation::Register { register }, None) => Some(register),
        _ => None,
    }
}

/// Where a function is entered.
fn entry_pc(subprogram: &Attributes<'_, '_>) -> Option<u64> {
    subprogram.address(dw::DW_AT_entry_pc).or_else(|| subprogram.address(dw::DW_AT_low_pc))
}

/// Whether an entry that a call names, perhaps a declaration in another unit,
/// means this function.
fn is_same_function<'a, 'f>(named: Entry<'a, 'f>, own: Entry<'a, 'f>) -> bool {
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

/// Makes sure that a function, once entered by a call, is not entered again by
/// a jump from a function that it jumped to.
fn no_jump_back(own: Entry<'_, '_>) -> Result<(), String> {
    let doubtful = || "its function may have been entered by a jump".to_owned();
    let mut seen = vec![own];
    let mut next = 0_usize;
    while let Some(function) = seen.get(next).copied() {
        next = next.saturating_add(1);
        let attributes = function.attributes().ok_or_else(doubtful)?;
        let origins = attributes.origins();
        let is_described =
            origins.iter().any(|origin| KNOWS_TAIL_CALLS.iter().any(|name| origin.is_set(*name)));
        if !is_described || next > MOST_JUMPS {
            return Err(doubtful());
        }
        let mut targets = Vec::new();
        function.walk(|entry, _| {
            if is_call_site(entry) && is_tail_call(entry) {
                targets.push(first(&CALLEE, |name| entry.reference(name)));
            }
            if is_call_site(entry) { Descend::No } else { Descend::Yes }
        });
        for target in targets {
            let target = target.ok_or_else(doubtful)?;
            if is_same_function(target, own) {
                return Err(doubtful());
            }
            if !seen.contains(&target) {
                seen.push(target);
            }
        }
    }
    Ok(())
}
