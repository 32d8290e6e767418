//! `cxx-exception`, `cxx-pure-virtual`: the C++ runtime gave up.

use crate::base::signal::Signal;
use crate::diagnose::cxx_globals::caught;
use crate::diagnose::exception::exception;
use crate::diagnose::finding::Finding;
use crate::diagnose::rules::Rule;
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::{hedge, quote};

/// Functions of the C++ runtime that are on the stack while an exception flies.
const THROWING: [&str; 3] = ["__cxa_throw", "__cxa_rethrow", "__gxx_personality_v0"];

pub(super) struct CxxException;

impl Rule for CxxException {
    fn id(&self) -> &'static str {
        "cxx-exception"
    }

    fn doc(&self) -> &'static str {
        "A C++ exception was not caught, or left a function that promises not to throw."
    }

    fn signs(&self) -> &'static [&'static str] {
        &[
            "std::terminate() or __cxa_throw() on the stack of an abort",
            "the exception in the runtime's own record, or else the object that the stack points to: its type, its bases, what(), the value of a number or text",
        ]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let terminate = terminated(scene)?;
        if pure_virtual(scene).is_some() {
            return None;
        }
        let throw = scene.call_of(|name| name == "__cxa_throw" || name == "__cxa_rethrow");
        let from = throw.map_or(terminate, |(index, _)| index);
        let call = scene.own_call(from).map(|(index, _)| index);
        let found = exception(scene.crash);
        let is_recorded = found.as_ref().is_some_and(|found| found.is_recorded);
        let confidence = match () {
            () if is_recorded || throw.is_some() && found.is_none() => 0.98,
            () if found.is_some() => 0.9,
            () => 0.8,
        };
        let mut finding = Finding::new(self.id(), confidence, "uncaught exception");
        // A function that is noexcept calls std::terminate from its own
        // landing pad, when the throwing frames are gone already.
        let verb = if throw.is_some() { "thrown" } else { "which ended the program" };
        finding.quoted = found.as_ref().and_then(|found| found.what.as_deref()).map(quote);
        finding.explanation = match &found {
            Some(found) => {
                let what = found.what.as_deref().map(|what| format!(": {}", quote(what)));
                format!(
                    "{}uncaught C++ exception {}{}, {verb}{}",
                    hedge(confidence),
                    found.type_name,
                    what.unwrap_or_default(),
                    scene.at(call)
                )
            }
            None => format!(
                "std::terminate() was called{}{}",
                scene.at(call),
                match caught(scene.crash) {
                    Some(None) => {
                        ", with no exception being handled: a `throw;` without one, or a thread \
                         that was not joined"
                    }
                    _ => "",
                }
            ),
        };
        let bases = found.as_ref().map(|found| found.bases.clone());
        if let Some(found) = found {
            finding.evidence.push(format!(
                "an exception object of type {} is at {} (found through {})",
                found.type_name,
                found.at,
                if found.is_recorded { "the runtime's record" } else { "a pointer on the stack" }
            ));
        }
        let bases = bases.filter(|bases| !bases.is_empty());
        finding.evidence.extend(bases.map(|bases| format!("its bases are {}", bases.join(", "))));
        let runtime = scene.crash.calls().get(terminate).and_then(|call| call.function());
        if let Some(name) = runtime {
            finding.evidence.push(format!("`{name}` is on the stack of an abort"));
        }
        finding.call = call;
        Some(finding)
    }
}

pub(super) struct CxxPureVirtual;

impl Rule for CxxPureVirtual {
    fn id(&self) -> &'static str {
        "cxx-pure-virtual"
    }

    fn doc(&self) -> &'static str {
        "A virtual function without a body was called: in a constructor or destructor of its \
         class, or through a pointer to an object that is gone."
    }

    fn signs(&self) -> &'static [&'static str] {
        &["__cxa_pure_virtual() on the stack of an abort"]
    }

    fn check(&self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let from = pure_virtual(scene)?;
        let call = scene.own_call(from).map(|(index, _)| index);
        let mut finding = Finding::new(self.id(), 0.98, "pure virtual call");
        finding.explanation = format!("a pure virtual function was called{}", scene.at(call));
        finding.evidence.push("__cxa_pure_virtual is on the stack".to_owned());
        finding.call = call;
        finding.next_step = Some(
            "look for a virtual call in a constructor or destructor, or for an object used after \
             its destruction"
                .to_owned(),
        );
        Some(finding)
    }
}

/// The call of `std::terminate`, if that is how the process aborted.
fn terminated(scene: &Scene<'_, '_>) -> Option<usize> {
    let is_own = !matches!(scene.sender(), Sender::Other { .. });
    if !scene.crash.died_of(Signal::ABRT) || !is_own {
        return None;
    }
    // std::terminate itself is a local symbol of a stripped libstdc++; what is
    // exported is the function that throws, or the personality that finds out
    // that a noexcept function must not be left.
    let found = scene.call_of(|name| {
        name.starts_with("std::terminate")
            || name.starts_with("__cxxabiv1::__terminate")
            || THROWING.contains(&name)
    });
    found.map(|(index, _)| index)
}

fn pure_virtual(scene: &Scene<'_, '_>) -> Option<usize> {
    scene.call_of(|name| name == "__cxa_pure_virtual").map(|(index, _)| index)
}
