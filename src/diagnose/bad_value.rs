//! The value that was used as an address and is none: what it is, and where it
//! came from.

use crate::base::addr::RunAddr;
use crate::diagnose::control::jump;
use crate::diagnose::culprit::{Culprit, culprit, passed_in, path};
use crate::diagnose::fault::Fault;
use crate::diagnose::ground::where_it_lies;
use crate::diagnose::instruction::Access;
use crate::diagnose::origin::Origin;
use crate::diagnose::scene::Scene;
use crate::diagnose::wording::{access, register};

/// A value that was followed, or called, and led nowhere.
#[derive(Clone, Debug)]
pub struct BadValue {
    /// The value.
    pub value: u64,
    /// What was done: "read of 4 bytes at 0x...", "call of 0x...".
    pub words: String,
    /// The source's name for what held it.
    pub name: Option<String>,
    /// Where it was loaded from, or what it was reached through.
    pub places: Vec<RunAddr>,
    /// Whether it is known where it was loaded from.
    pub is_loaded: bool,
    /// Whether the access writes.
    pub is_write: bool,
    /// The register that held it.
    pub evidence: Vec<String>,
    /// The call to blame.
    pub call: Option<usize>,
}

/// The value at fault, if a fault is one of a bad address.
pub fn bad_value(scene: &Scene<'_, '_>, fault: &Fault) -> Option<BadValue> {
    if let Some(jump) = jump(scene, fault) {
        let call = scene.call_in_frame(jump.frame).map(|(index, _)| index);
        let words =
            format!("{} {}{}", jump.words(scene), jump.target, where_it_lies(scene, jump.target));
        return Some(BadValue {
            value: jump.target.0,
            words,
            name: jump.pointer,
            is_loaded: !jump.places.is_empty(),
            places: jump.places,
            is_write: false,
            evidence: Vec::new(),
            call,
        });
    }
    let operand = fault.access()?;
    let at = fault.effective_address()?;
    let base = operand.base?;
    let value = base.value?;
    let is_mapped = scene.crash.process.mapping(RunAddr(value)).is_some();
    // With an index, a base that leads to memory is not what is wrong.
    if operand.index.is_some() && is_mapped || base.is_frame() || base.is_code() {
        return None;
    }
    let path = path(scene, fault.frame, &fault.operands);
    let known = path.zip(base.number).map(|(path, number)| {
        let passed = path.is_untouched(number).then(|| {
            let caller = fault.frame.saturating_add(1);
            passed_in(scene, caller, number).filter(|passed| passed.value == value)
        });
        (path.origin(number), passed.flatten())
    });
    let (places, value) = match known {
        Some((Origin::Loaded(at), _)) => (vec![at], value),
        Some((Origin::Moved { from, by }, _)) => {
            (vec![from], value.wrapping_add_signed(by.wrapping_neg()))
        }
        // What a function was called with, its caller has loaded.
        Some((_, Some(passed))) => (passed.place.into_iter().collect(), value),
        _ => (Vec::new(), value),
    };
    let name = culprit(scene, fault.frame, &fault.operands, &operand).and_then(name);
    let words = format!("{}{}", access(Some(&operand), at), where_it_lies(scene, at));
    let call = scene.call_in_frame(fault.frame).map(|(index, _)| index);
    Some(BadValue {
        value,
        words,
        name,
        is_loaded: !places.is_empty(),
        places,
        is_write: is_write(&operand),
        evidence: vec![format!("the base is {}", register(&base))],
        call,
    })
}

fn is_write(operand: &Access) -> bool {
    operand.kind.writes()
}

fn name(culprit: Culprit) -> Option<String> {
    match culprit {
        Culprit::Pointer(suspect) | Culprit::Suspect(suspect) => Some(suspect.pointer),
        Culprit::Global(name) => Some(name),
        Culprit::Returned(_) | Culprit::Constant => None,
    }
}
