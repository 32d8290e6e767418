//! What a caller passed: the value that a register had when a function was
//! entered, from the description of the call (DWARF 5, 3.4).
//!
//! A wrong call gives a wrong value, so this is refused unless it is certain
//! that the caller called this very function, or one that jumped here in the
//! only possible way; and that it did not jump back to its own start.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::cell::OnceCell;

use gimli::constants as dw;
use gimli::{DwAt, Expression, Operation, Register};

use crate::base::addr::{Bias, FrameAddr, LinkAddr, RunAddr};
use crate::symbols::dwarf::Reader;
use crate::symbols::entries::{Attributes, Descend, Entry};
use crate::unwind::frame::Trust;
use crate::unwind::registers::read_register;
use crate::variables::location::{Activation, Progress};
use crate::variables::place::Place;
use crate::variables::tail_calls::{
    CALLEE, Jump, RETURN_ADDRESS, branch_target, chain, first_of, function_at, is_call_site,
    is_same_function, is_tail_call, no_jump_back,
};
use crate::variables::typed::Typed;
use crate::variables::value::Origin;

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
    /// The index of the caller's frame. What jumped here has none: no frame has
    /// this number.
    index: usize,
    /// The call that led to a function which jumped here.
    before: Option<Box<Self>>,
}

/// The index of the frame of a function that jumped on.
const GONE: usize = usize::MAX;

/// The names of one idea in DWARF 5 and, before it, in GNU's extension.
const TARGET: [DwAt; 2] = [dw::DW_AT_call_target, dw::DW_AT_GNU_call_site_target];
const VALUE: [DwAt; 2] = [dw::DW_AT_call_value, dw::DW_AT_GNU_call_site_value];
const DATA_VALUE: [DwAt; 2] = [dw::DW_AT_call_data_value, dw::DW_AT_GNU_call_site_data_value];
const PARAMETER: [DwAt; 2] = [dw::DW_AT_call_parameter, dw::DW_AT_abstract_origin];

impl<'a, 'f> Activation<'_, 'a, 'f> {
    /// The value of an expression when the function was entered: computed from
    /// the registers that its caller set, or what one of them pointed to.
    pub(super) fn entry_value(
        &self,
        entry: Entry<'a, 'f>,
        expression: Expression<Reader<'f>>,
        progress: Progress,
    ) -> Result<Typed, String> {
        let mut operations = expression.operations(entry.unit.unit.encoding());
        let mut next = || operations.next().ok().flatten();
        if let (
            Some(Operation::RegisterOffset { register, offset: 0, .. }),
            Some(Operation::Deref { space: false, .. }),
            None,
        ) = (next(), next(), next())
        {
            return self.passed(progress, DATA_VALUE, |passed| is_register(passed, register));
        }
        self.number_at_entry(entry, expression, progress)
    }

    /// What a register held when the function was entered.
    pub(super) fn passed_register(
        &self,
        register: Register,
        progress: Progress,
    ) -> Result<Typed, String> {
        self.passed(progress, VALUE, |passed| is_register(passed, register))
    }

    /// The value that the caller passed for a parameter of a function
    /// (`DW_OP_GNU_parameter_ref`).
    pub(super) fn passed_parameter(
        &self,
        parameter: Entry<'a, 'f>,
        progress: Progress,
    ) -> Result<Typed, String> {
        self.passed(progress, VALUE, |passed| {
            first_of(&PARAMETER, |name| passed.reference(name)) == Some(parameter)
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
        Ok(Place::bytes(value.bytes(), Origin::EntryValue))
    }

    /// The register that the argument's location names for the function's
    /// first instruction.
    fn register_at_entry(&self, argument: &Attributes<'a, 'f>) -> Option<Register> {
        let start = self.subprogram.attributes()?.entry_pc()?;
        let location = argument.get(dw::DW_AT_location)?;
        let unit = &argument.entry.unit.unit;
        let mut list = argument.entry.unit.dwarf().attr_locations(unit, location).ok()??;
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
    ) -> Result<Typed, String> {
        let progress = progress.deeper()?;
        let site = self.call_site.get_or_init(|| self.find_call_site()).as_ref();
        let site = site.map_err(Clone::clone)?;
        let parameter = site.parameters.iter().find(|parameter| is_wanted(parameter));
        let value = parameter.and_then(|parameter| {
            Some((parameter.entry, first_of(&names, |name| parameter.expression(name))?))
        });
        let (entry, value) = value.ok_or("its caller does not say what it passed")?;
        let (value, _) = self.caller(site).number(entry, value, None, progress)?;
        Ok(value)
    }

    fn caller<'s>(&'s self, site: &CallSite<'a, 'f>) -> Activation<'s, 'a, 'f> {
        Activation {
            context: self.context,
            frames: self.frames,
            index: site.index,
            subprogram: site.subprogram,
            at: site.at,
            bias: site.bias,
            body: OnceCell::new(),
            is_passing: true,
            call_site: match &site.before {
                Some(before) => OnceCell::from(Ok((**before).clone())),
                None => OnceCell::new(),
            },
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
        let arch = self.context.process.arch;
        let cfa = frame.cfa.map(|cfa| cfa.0);
        let sp = caller.registers.sp().map(|sp| sp.0.wrapping_add(arch.cfa_above_sp()));
        if sp != cfa {
            return Err(unknown.to_owned());
        }
        // A call that pushes the return address leaves it right below.
        if arch.link_register().is_none() {
            let size = u64::from(arch.register_size());
            let stored = cfa.and_then(|cfa| cfa.checked_sub(size)).map(RunAddr);
            let stored = stored.and_then(|at| read_register(arch, self.context.memory, at).ok());
            if stored != Some(returns_to.0) {
                return Err(unknown.to_owned());
            }
        }
        let symbols = self.context.symbols;
        let no_tables = "its caller has no debug information";
        let (_, module) = symbols.module_at(caller.at.lookup()).ok_or(no_tables)?;
        let calls = symbols.calls(caller.at);
        let scope = calls.iter().rev().find_map(|call| call.scope).ok_or(no_tables)?;
        let debug = module.debug().ok_or(no_tables)?;
        let unit = debug.unit_by_id(scope.unit).ok_or(no_tables)?;
        let subprogram = Entry { debug, unit, offset: scope.subprogram };
        let bias = module.bias();
        let found = call_at(subprogram, returns_to.to_link(bias));
        let call = found.ok_or("its caller does not describe this call")?;
        let index = self.index.saturating_add(1);
        let mut site = CallSite {
            subprogram,
            at: scope.at,
            bias,
            parameters: parameters(call.entry),
            index,
            before: None,
        };
        if is_tail_call(&call) {
            return Err("its caller jumped on instead of calling".to_owned());
        }
        for jump in self.jumps_after(&site, &call, returns_to)? {
            let at = first_of(&RETURN_ADDRESS, |name| jump.call.address(name));
            site = CallSite {
                subprogram: jump.from,
                at: LinkAddr(at.unwrap_or(0).saturating_sub(1)),
                bias: self.bias,
                parameters: parameters(jump.call.entry),
                index: GONE,
                before: Some(Box::new(site)),
            };
        }
        no_jump_back(self.context, self.subprogram)?;
        Ok(site)
    }

    /// The jumps between the call and this function: none if it was called.
    fn jumps_after(
        &self,
        site: &CallSite<'a, 'f>,
        call: &Attributes<'a, 'f>,
        returns_to: RunAddr,
    ) -> Result<Vec<Jump<'a, 'f>>, String> {
        let own = self.subprogram;
        let start = own.attributes().and_then(|own| own.entry_pc());
        let start = start.map(|start| LinkAddr(start).to_run(self.bias));
        if let Some(callee) = first_of(&CALLEE, |name| call.reference(name)) {
            if is_same_function(callee, own) {
                return Ok(Vec::new());
            }
            // By another name, as a library calls its own functions.
            let called = branch_target(self.context, returns_to);
            if called.is_some() && called == start {
                return Ok(Vec::new());
            }
            let called = called.and_then(|at| function_at(self.context, at));
            return chain(self.context, called.unwrap_or(callee), own);
        }
        let indirect = "its caller called through a pointer";
        let target = match first_of(&TARGET, |name| call.expression(name)) {
            Some(target) => {
                let progress = Progress::default().deeper()?;
                let (target, _) = self.caller(site).number(call.entry, target, None, progress)?;
                target.word().map(RunAddr)
            }
            // gcc describes a call by an alias's name as a call of nothing.
            None => branch_target(self.context, returns_to),
        };
        let target = target.ok_or(indirect)?;
        if Some(target) == start {
            return Ok(Vec::new());
        }
        chain(self.context, function_at(self.context, target).ok_or(indirect)?, own)
    }
}

/// The parameters that a call describes.
fn parameters<'a, 'f>(call: Entry<'a, 'f>) -> Vec<Attributes<'a, 'f>> {
    let is_parameter = |child: &Attributes<'_, '_>| {
        matches!(child.tag(), dw::DW_TAG_call_site_parameter | dw::DW_TAG_GNU_call_site_parameter)
    };
    call.children().into_iter().filter(is_parameter).collect()
}

/// The call that returns to an address: anywhere in the function, in blocks
/// and inlined functions too.
fn call_at<'a, 'f>(subprogram: Entry<'a, 'f>, returns_to: LinkAddr) -> Option<Attributes<'a, 'f>> {
    let mut found = None;
    subprogram.walk(|entry, _| {
        if !is_call_site(entry.tag()) {
            return Descend::Yes;
        }
        if first_of(&RETURN_ADDRESS, |name| entry.address(name)) == Some(returns_to.0) {
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
