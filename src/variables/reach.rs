//! How a call's variables lead to an address: `from->lock` for one that lies in
//! what `from` points to.

use crate::base::addr::RunAddr;
use crate::symbols::functions::Call;
use crate::symbols::types::{Dialect, MemberPlace, Shape, Type};
use crate::unwind::frame::Frame;
use crate::variables::place::Place;
use crate::variables::query::inside::part_of;
use crate::variables::read::Reading;
use crate::variables::scope::variables_at;
use crate::variables::{Context, activation};

/// How many variables and members are looked at.
const MOST_VISITS: usize = 500;

/// How many pointers may lead there, one after another.
const MOST_STEPS: usize = 3;

/// How deep members nest.
const MOST_NESTED: usize = 8;

/// The shortest way from a call's variables through pointers to an address, as
/// the source would write it. `None`: none of them leads there.
///
/// Wants a call of the physical frame `frames[index]`, as
/// [`variables`](crate::variables::variables) does.
pub fn reach(
    context: &Context<'_, '_>,
    frames: &[&Frame],
    index: usize,
    call: &Call,
    at: RunAddr,
) -> Option<String> {
    let (activation, function) = activation(context, frames, index, call)?;
    let reading = Reading::new(context, Some(&activation));
    let mut search = Search { reading: &reading, at, found: None, visits: 0 };
    for declared in variables_at(function, activation.at) {
        let Some(name) = declared.name else { continue };
        let Ok(place) = activation.place(&declared.attributes) else { continue };
        let of = context.types.get(declared.attributes.type_entry());
        search.visit(name, &of, &place, 1, MOST_NESTED);
    }
    search.found.map(|(_, path)| path)
}

struct Search<'s, 'r, 'c, 'a, 'f> {
    reading: &'s Reading<'r, 'c, 'a, 'f>,
    at: RunAddr,
    /// The best way so far, and how many pointers it follows.
    found: Option<(usize, String)>,
    visits: usize,
}

impl<'a, 'f> Search<'_, '_, '_, 'a, 'f> {
    /// `steps`: pointers followed, with this one if it is one.
    fn visit(
        &mut self,
        name: String,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        steps: usize,
        nested: usize,
    ) {
        self.visits = self.visits.saturating_add(1);
        let is_no_better = self.found.as_ref().is_some_and(|(best, _)| *best <= steps);
        if self.visits > MOST_VISITS || nested == 0 || is_no_better {
            return;
        }
        match &of.shape {
            Shape::Pointer(target) | Shape::Reference(target) => {
                let Ok(value) = self.reading.word(of, place) else { return };
                let is_reference = matches!(of.shape, Shape::Reference(_));
                let types = &self.reading.context.types;
                let to = types.get(*target);
                let into = self.at.0.checked_sub(value).filter(|_| value != 0);
                if let Some(into) = into.filter(|into| *into < to.size.unwrap_or(0)) {
                    let is_structure = to.composite().is_some_and(|to| !to.is_union);
                    let start = match is_structure {
                        _ if is_reference => name,
                        true => arrow(&name, of.dialect),
                        false => format!("*{name}"),
                    };
                    // What comes next in the structure begins with a dot.
                    let path = part_of(types, *target, start, into);
                    self.found = Some((steps, path.replace("->.", "->").replace("..", ".")));
                } else if value != 0 && steps < MOST_STEPS {
                    let prefix = match is_reference {
                        true => format!("{name}."),
                        false => arrow(&name, of.dialect),
                    };
                    let place = Place::Memory(RunAddr(value));
                    self.members(&prefix, &to, &place, steps + 1, nested - 1);
                }
            }
            Shape::Composite(_) => {
                self.members(&format!("{name}."), of, place, steps, nested - 1);
            }
            _ => (),
        }
    }

    fn members(
        &mut self,
        prefix: &str,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        steps: usize,
        nested: usize,
    ) {
        self.visits = self.visits.saturating_add(1);
        let Some(composite) = of.composite().filter(|_| self.visits <= MOST_VISITS) else {
            return;
        };
        for member in composite.members.iter().filter(|member| !member.is_artificial) {
            if matches!(member.place, MemberPlace::Bits(..)) {
                continue;
            }
            let Ok(at) = self.reading.member_place(of, member, place) else { continue };
            let inner = self.reading.context.types.get(member.type_entry);
            match &member.name {
                Some(name) => self.visit(format!("{prefix}{name}"), &inner, &at, steps, nested),
                // Anonymous structures and base classes add no name.
                None if nested > 0 => self.members(prefix, &inner, &at, steps, nested - 1),
                None => (),
            }
        }
    }
}

/// How a language writes "the member of what this points to".
fn arrow(pointer: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Rust => format!("(*{pointer})."),
        Dialect::C | Dialect::Cpp => format!("{pointer}->"),
        Dialect::Go | Dialect::D => format!("{pointer}."),
    }
}
