//! Which pointer variable an address came from: `conn->fd` for the address
//! 0x18, when `conn` is NULL and `fd` lies 0x18 bytes into what it points to.

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::functions::Call;
use crate::symbols::types::{Dialect, Member, MemberPlace, Shape, Type};
use crate::unwind::frame::Frame;
use crate::variables::place::Place;
use crate::variables::read::Reading;
use crate::variables::scope::variables_at;
use crate::variables::value::Origin;
use crate::variables::{Context, activation};

/// How many variables and members are looked at.
const MOST_VISITS: usize = 2_000;

/// How many pointers may lead to the one that is looked for: one finds
/// `ctx->conn`, two `ctx->conn->peer`.
const MOST_STEPS: usize = 2;

/// How deep members nest.
const MOST_NESTED: usize = 8;

/// A pointer among a call's variables that has the wanted value, and what lies
/// at the wanted distance from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The pointer, as the source would write it: `conn`, `ctx->conn`.
    pub pointer: String,
    /// What was accessed through it: `conn->fd`, `*p`, `p[3]`.
    pub access: String,
    /// The member that was accessed, and the structure that has it: `fd` and
    /// `struct conn`. `None`: the pointer does not point to a structure.
    pub member: Option<(String, String)>,
    /// How many bytes the accessed member or element has.
    pub size: Option<u64>,
    /// How many pointers lead to this one: none for a variable itself.
    pub steps: usize,
    /// Whether the debug information itself states the pointer's value: the
    /// compiler made a constant of it.
    pub is_constant: bool,
}

impl Suspect {
    /// Whether a part of the path has a name that C and C++ reserve to the
    /// implementation (C11 7.1.3, C++ [lex.name]): the inside of a container,
    /// say, where null pointers mean nothing.
    pub fn is_internal(&self) -> bool {
        let parts = self.pointer.split(['.', '>', '(', '*']);
        let is_reserved = |part: &str| {
            let mut letters = part.chars();
            letters.next() == Some('_')
                && letters.next().is_some_and(|second| second == '_' || second.is_ascii_uppercase())
        };
        parts.into_iter().any(is_reserved)
    }
}

/// The pointers of a call's variables, and those that they lead to, whose value
/// is `base` and that have something `offset` bytes further on. Variables come
/// before what they lead to; those whose access is `size` bytes wide, as the
/// faulting instruction's is, come before others.
///
/// Wants a call of the physical frame `frames[index]`, as
/// [`variables`](crate::variables::variables) does.
pub fn suspects(
    context: &Context<'_, '_>,
    frames: &[&Frame],
    index: usize,
    call: &Call,
    base: RunAddr,
    offset: u64,
    size: Option<u64>,
) -> Vec<Suspect> {
    let Some((activation, function)) = activation(context, frames, index, call) else {
        return Vec::new();
    };
    let reading = Reading::new(context, Some(&activation));
    let mut search = Search { reading: &reading, base, offset, found: Vec::new(), visits: 0 };
    for declared in variables_at(function, activation.at) {
        let Some(name) = declared.name else { continue };
        let Ok(place) = activation.place(&declared.attributes) else { continue };
        let of = context.types.get(declared.attributes.type_entry());
        search.visit(name, &of, &place, 0, MOST_NESTED);
    }
    let mut found = search.found;
    found.sort_by_key(|suspect| (suspect.steps, size.is_some() && suspect.size != size));
    found
}

struct Search<'s, 'r, 'c, 'a, 'f> {
    reading: &'s Reading<'r, 'c, 'a, 'f>,
    base: RunAddr,
    offset: u64,
    found: Vec<Suspect>,
    visits: usize,
}

impl<'a, 'f> Search<'_, '_, '_, 'a, 'f> {
    fn visit(
        &mut self,
        name: String,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        steps: usize,
        nested: usize,
    ) {
        self.visits = self.visits.saturating_add(1);
        if self.visits > MOST_VISITS || nested == 0 {
            return;
        }
        match &of.shape {
            Shape::Pointer(target) | Shape::Reference(target) => {
                let Ok(value) = self.reading.word(of, place) else { return };
                let is_reference = matches!(of.shape, Shape::Reference(_));
                if value == self.base.0 {
                    let is_constant = place.origin() == Origin::Constant;
                    let found = self.suspect(name, of, *target, steps, is_reference);
                    self.found.extend(found.map(|found| Suspect { is_constant, ..found }));
                } else if value != 0 && steps < MOST_STEPS {
                    let to = self.reading.context.types.get(*target);
                    let prefix = reached(&name, of.dialect, is_reference);
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

    /// What lies at the offset behind a pointer. `None`: nothing does, so it
    /// was not this pointer.
    fn suspect(
        &self,
        pointer: String,
        of: &Type<'a, 'f>,
        target: Option<Entry<'a, 'f>>,
        steps: usize,
        is_reference: bool,
    ) -> Option<Suspect> {
        let to = self.reading.context.types.get(target);
        let size = to.size.filter(|size| *size > 0)?;
        // Pointers also lead to arrays: `p[3]`.
        let (index, rest) = (self.offset / size, self.offset % size);
        let is_structure = to.composite().is_some();
        let start = match (index, is_structure) {
            (0, true) => reached(&pointer, of.dialect, is_reference),
            (0, false) if is_reference => pointer.clone(),
            (0, false) => format!("*{pointer}"),
            (_, true) => format!("{pointer}[{index}]."),
            (_, false) => format!("{pointer}[{index}]"),
        };
        if !is_structure {
            let is_whole = rest == 0;
            return is_whole.then_some(Suspect {
                pointer,
                access: start,
                member: None,
                size: Some(size),
                steps,
                is_constant: false,
            });
        }
        let mut suspect =
            Suspect { pointer, access: start, member: None, size: None, steps, is_constant: false };
        self.descend(&mut suspect, &to, rest);
        suspect.member.is_some().then_some(suspect)
    }

    /// Adds the members that lie at an offset of a structure, outermost first.
    fn descend(&self, suspect: &mut Suspect, of: &Type<'a, 'f>, offset: u64) {
        let types = &self.reading.context.types;
        let mut of = std::sync::Arc::new(of.clone());
        let mut rest = offset;
        for _ in 0..MOST_NESTED {
            suspect.size = of.size;
            match &of.shape {
                Shape::Composite(composite) if composite.variants.is_none() => {
                    let at = |member: &&Member<'a, 'f>| {
                        let inner = types.get(member.type_entry);
                        let (start, end) = match member.place {
                            MemberPlace::Bytes(start) => {
                                (start, start.saturating_add(inner.size.unwrap_or(0)))
                            }
                            MemberPlace::Bits(from, width) => {
                                (from / 8, from.saturating_add(width).div_ceil(8))
                            }
                            MemberPlace::Computed(_) => return false,
                        };
                        (start..end).contains(&rest)
                    };
                    let Some(member) = composite.members.iter().find(at) else { return };
                    if let Some(name) = &member.name {
                        if !suspect.access.ends_with(['.', '>']) {
                            suspect.access.push('.');
                        }
                        suspect.access.push_str(name);
                        suspect.member = Some((name.clone(), of.plain_name.clone()));
                    }
                    let start = match member.place {
                        MemberPlace::Bytes(start) => start,
                        _ => rest,
                    };
                    rest = rest.saturating_sub(start);
                    of = types.get(member.type_entry);
                }
                Shape::Array(array) if array.dimensions.len() == 1 => {
                    let inner = types.get(array.element);
                    let Some(size) = inner.size.filter(|size| *size > 0) else { return };
                    suspect.access.push_str(&format!("[{}]", rest / size));
                    rest %= size;
                    of = inner;
                }
                _ => return,
            }
        }
    }
}

/// How a language writes "the member of what this points to".
fn reached(pointer: &str, dialect: Dialect, is_reference: bool) -> String {
    match dialect {
        _ if is_reference => format!("{pointer}."),
        Dialect::Rust => format!("(*{pointer})."),
        Dialect::C | Dialect::Cpp => format!("{pointer}->"),
        Dialect::Go | Dialect::D => format!("{pointer}."),
    }
}
