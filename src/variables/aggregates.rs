//! Structures, classes and unions.

use crate::base::addr::RunAddr;
use crate::symbols::entries::Entry;
use crate::symbols::types::{Composite, Dialect, Member, MemberPlace, Shape, Type};
use crate::variables::dynamic::is_table;
use crate::variables::place::{Missing, Place};
use crate::variables::read::{Level, Reading};
use crate::variables::texts::Texts;
use crate::variables::value::{Value, ValueKind};

/// How many base classes deep a class is looked through.
const MOST_BASES: usize = 8;

impl<'a, 'f> Reading<'_, '_, 'a, 'f> {
    pub(super) fn composite(
        &self,
        of: &Type<'a, 'f>,
        composite: &Composite<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        if let Some(variants) = &composite.variants {
            return self.variant(of, variants, place, level);
        }
        let mut value = Value::leaf(ValueKind::Struct, "", place.origin());
        if of.dialect == Dialect::Rust && composite.members.is_empty() {
            // `struct Marker;`, which has nothing but its name.
            value.text.clone_from(&of.plain_name);
            return value;
        }
        if level.nested == 0 {
            value.text = "{...}".to_owned();
            value.omitted = composite.members.len() as u64;
            return value;
        }
        let mut parts = Vec::new();
        for (index, member) in composite.members.iter().enumerate() {
            if !self.has_parts() {
                value.omitted = composite.members.len().saturating_sub(index) as u64;
                break;
            }
            if is_table(member)
                && let Some(damage) = place.address().and_then(|object| self.table_damage(object))
            {
                let damage = Value::leaf(ValueKind::Pointer, damage, place.origin());
                parts.push(("<vtable>".to_owned(), damage));
            }
            if member.is_artificial || self.is_marker(of, member) {
                continue;
            }
            let part = self.member(of, member, place, level.deeper());
            match &member.name {
                // What a closure of Rust captured by reference.
                Some(name) if of.dialect == Dialect::Rust => {
                    parts.push((name.trim_start_matches("_ref__").to_owned(), part));
                }
                Some(name) => parts.push((name.clone(), part)),
                // Of a class that only has virtual functions, there is nothing to see.
                None if member.is_base && part.is_known() && part.text == "{}" => (),
                None if member.is_base => {
                    let base = self.context.types.get(member.type_entry);
                    parts.push((format!("<{}>", base.plain_name), part));
                }
                // Members of an anonymous structure count as our own.
                None if part.fields.is_empty() => parts.push(("<unnamed>".to_owned(), part)),
                None => parts.extend(part.fields),
            }
        }
        self.assembled(of, value, parts)
    }

    /// Whether a member holds nothing: `PhantomData` and the like of Rust,
    /// empty base classes of C++.
    fn is_marker(&self, of: &Type<'a, 'f>, member: &Member<'a, 'f>) -> bool {
        if of.dialect == Dialect::C || (of.dialect == Dialect::Cpp && !member.is_base) {
            return false;
        }
        let inner = self.context.types.get(member.type_entry);
        match of.dialect {
            Dialect::Rust => inner.size == Some(0),
            // An empty class has one byte, which the next member may share.
            _ => self.is_empty(&inner, MOST_BASES),
        }
    }

    fn is_empty(&self, of: &Type<'a, 'f>, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        of.composite().is_some_and(|composite| {
            composite.variants.is_none()
                && composite.members.iter().all(|member| {
                    member.is_base
                        && self.is_empty(&self.context.types.get(member.type_entry), depth)
                })
        })
    }

    /// A structure from its parts. One of which nothing is known is unknown.
    pub(super) fn assembled(
        &self,
        of: &Type<'a, 'f>,
        mut value: Value,
        parts: Vec<(String, Value)>,
    ) -> Value {
        let is_lost = !parts.is_empty() && parts.iter().all(|(_, part)| !part.is_known());
        if let Some((_, first)) = parts.first().filter(|_| is_lost) {
            return first.clone();
        }
        value.text = structure_text(of.dialect, &parts, self.context.limits.text, value.omitted);
        value.fields = parts;
        value
    }

    /// One member or base class of a structure.
    pub(super) fn member(
        &self,
        of: &Type<'a, 'f>,
        member: &Member<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        if let MemberPlace::Bits(from, width) = member.place {
            return self.bit_field(member.type_entry, place, from, width);
        }
        match self.member_place(of, member, place) {
            Ok(place) => self.value(member.type_entry, &place, level),
            Err(why) => Value::unknown(why),
        }
    }

    /// Where a member lies. Not for bit-fields.
    pub(super) fn member_place(
        &self,
        of: &Type<'a, 'f>,
        member: &Member<'a, 'f>,
        place: &Place<'a, 'f>,
    ) -> Result<Place<'a, 'f>, String> {
        match member.place {
            MemberPlace::Bytes(bytes) => Ok(place.part(bytes)),
            MemberPlace::Bits(from, _) => Ok(place.part(from / 8)),
            MemberPlace::Computed(expression) => {
                let entry = of.entry.ok_or("its type is not known")?;
                let object = place.address().ok_or("its object has no address")?;
                let activation = self.activation.ok_or("it belongs to no frame")?;
                let at = activation.computed(entry, expression, Some(object.0))?;
                Ok(Place::Memory(RunAddr(at)))
            }
        }
    }

    /// The word of the first pointer or number inside of a structure that only
    /// wraps it.
    pub(super) fn wrapped_word(
        &self,
        of: Option<Entry<'a, 'f>>,
        place: &Place<'a, 'f>,
    ) -> Result<u64, Missing> {
        let mut of = self.context.types.get(of);
        let mut place = place.clone();
        for _ in 0..8 {
            let Some(composite) = of.composite() else { break };
            let inner = composite.members.iter().find_map(|member| {
                let inner = self.context.types.get(member.type_entry);
                let place = self.member_place(&of, member, &place).ok()?;
                (inner.size != Some(0)).then_some((inner, place))
            });
            let Some(inner) = inner else { break };
            (of, place) = inner;
        }
        match of.shape {
            Shape::Number(_) | Shape::Pointer(_) => self.word(&of, &place),
            _ => Err(Missing::Because("its layout is new to us".to_owned())),
        }
    }
}
/// A structure as text: `{x = 1, y = 2}`; in Rust `{x: 1, y: 2}`, or
/// `(1, 2)` for tuples.
pub(super) fn structure_text(
    dialect: Dialect,
    parts: &[(String, Value)],
    limit: usize,
    omitted: u64,
) -> String {
    let is_tuple = dialect == Dialect::Rust
        && parts.iter().enumerate().all(|(index, (name, _))| *name == format!("__{index}"));
    let mut texts = Texts::new(limit);
    for (name, part) in parts {
        match dialect {
            Dialect::Rust if is_tuple => texts.push(&part.text),
            Dialect::Rust | Dialect::Go => texts.push(&format!("{name}: {}", part.text)),
            _ => texts.push(&format!("{name} = {}", part.text)),
        }
    }
    let (open, close) = if is_tuple { ("(", ")") } else { ("{", "}") };
    texts.close(open, close, omitted)
}
