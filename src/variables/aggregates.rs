//! Structures, unions, enumerations and arrays.

use crate::symbols::entries::Entry;
use crate::symbols::types::{
    Composite, Dialect, Enumeration, Length, Member, MemberPlace, Shape, Type, Variant, Variants,
};
use crate::variables::numbers::{sign_extended, unsigned};
use crate::variables::place::{Missing, Place};
use crate::variables::read::{Level, Reading};
use crate::variables::value::{Value, ValueKind};

/// How long the text of a structure or array may be. The tree has all of it.
pub(super) const TEXT: usize = 160;

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
            if member.is_artificial || self.is_marker(of, member) {
                continue;
            }
            let part = self.member(of, member, place, level.deeper());
            match &member.name {
                Some(name) => parts.push((name.clone(), part)),
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
        value.text = structure_text(of.dialect, &parts, value.omitted > 0);
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
                Ok(Place::Memory(crate::base::addr::RunAddr(at)))
            }
        }
    }

    /// The active variant of a Rust enum.
    fn variant(
        &self,
        of: &Type<'a, 'f>,
        variants: &Variants<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Value {
        let active = match self.active(of, variants, place) {
            Ok(active) => active,
            Err(why) => return Value::unknown(why),
        };
        let Some(member) = &active.member else {
            return Value::leaf(ValueKind::Enum, "<unnamed variant>", place.origin());
        };
        let payload = self.context.types.get(member.type_entry);
        let name = member.name.clone().unwrap_or_else(|| last_segment(&payload.name).to_owned());
        let is_option = last_segment(&of.plain_name).starts_with("Option<");
        let kind = if is_option { ValueKind::Optional } else { ValueKind::Enum };
        let mut value = Value::leaf(kind, name.clone(), place.origin());
        let fields = payload.composite().map(|composite| composite.members.as_slice());
        if fields.unwrap_or_default().iter().all(|field| field.is_artificial) {
            return value;
        }
        if level.nested == 0 {
            value.text = format!("{name}(...)");
            value.omitted = 1;
            return value;
        }
        let place = match self.member_place(of, member, place) {
            Ok(place) => place,
            Err(why) => return Value::unknown(why),
        };
        let mut parts = Vec::new();
        for field in fields.unwrap_or_default().iter().filter(|field| !field.is_artificial) {
            let part = self.member(&payload, field, &place, level.deeper());
            parts.push((field.name.clone().unwrap_or_default(), part));
        }
        let fields = structure_text(Dialect::Rust, &parts, false);
        let space = if fields.starts_with('{') { " " } else { "" };
        value.text = format!("{name}{space}{fields}");
        value.fields = parts;
        value
    }

    /// Which variant the discriminant selects.
    fn active<'v>(
        &self,
        of: &Type<'a, 'f>,
        variants: &'v Variants<'a, 'f>,
        place: &Place<'a, 'f>,
    ) -> Result<&'v Variant<'a, 'f>, String> {
        let Some(discriminant) = &variants.discriminant else {
            return variants.list.first().ok_or_else(|| "its type has no variants".to_owned());
        };
        let tag = self.context.types.get(discriminant.type_entry);
        let at = self.member_place(of, discriminant, place)?;
        let bytes = self.bytes(&tag, &at).map_err(|missing| missing.reason())?;
        let bits = (bytes.len() as u64).saturating_mul(8);
        let value = unsigned(&bytes).ok_or("its discriminant is too large")?;
        // Selectors are sign-extended or not, as the compiler likes.
        let mask = u128::MAX >> 128_u64.saturating_sub(bits).min(127);
        let is_in = |(low, high): &(u128, u128)| {
            let (low, high) = (low & mask, high & mask);
            if low <= high { (low..=high).contains(&value) } else { value >= low || value <= high }
        };
        let selected = variants.list.iter().find(|variant| variant.selected_by.iter().any(is_in));
        let default = || variants.list.iter().find(|variant| variant.selected_by.is_empty());
        selected
            .or_else(default)
            .ok_or_else(|| format!("its discriminant is {value:#x}, which no variant has"))
    }

    /// A value of an enumeration, from its bytes.
    pub(super) fn enumerator(&self, of: &Type<'a, 'f>, names: &Enumeration, bytes: &[u8]) -> Value {
        let bits = (bytes.len() as u64).saturating_mul(8);
        let Some(raw) = unsigned(bytes) else { return Value::unknown("its type is too large") };
        let signed = if names.is_signed {
            sign_extended(raw, bits)
        } else {
            i128::try_from(raw).unwrap_or(i128::MAX)
        };
        let scope = match (names.is_scoped, of.dialect) {
            (true, Dialect::Cpp) => format!("{}::", last_segment(&of.plain_name)),
            _ => String::new(),
        };
        let named = |value: i128| {
            let found = names.enumerators.iter().find(|(_, known)| *known == value);
            found.map(|(name, _)| format!("{scope}{name}"))
        };
        let text = named(signed)
            .or_else(|| flags(names, signed, &scope))
            .unwrap_or_else(|| signed.to_string());
        let mut value = Value::leaf(ValueKind::Enum, text, crate::variables::value::Origin::Memory);
        value.raw = u64::try_from(raw).ok();
        value
    }

    /// The length of one dimension.
    pub(super) fn length(&self, of: &Type<'a, 'f>, length: Length<'a, 'f>) -> Result<u64, String> {
        let computed = |value: Result<u64, String>, more: i64| {
            let value = value.map_err(|why| format!("its length: {why}"))?;
            // gcc computes the last index, which for no elements is -1.
            let count = value.cast_signed().checked_add(more).unwrap_or(-1);
            u64::try_from(count).map_err(|_| format!("its length is {count}"))
        };
        match (length, self.activation, of.entry) {
            (Length::Fixed(count), _, _) => Ok(count),
            (Length::Computed(expression, more), Some(activation), Some(entry)) => {
                computed(activation.computed(entry, expression, None), more)
            }
            (Length::Variable(variable, more), Some(activation), _) => {
                computed(activation.length_in(variable), more)
            }
            _ => Err("its length is not known".to_owned()),
        }
    }

    /// The type and place of a member, by name, in a structure or in one of
    /// its bases.
    pub(super) fn field(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        name: &str,
    ) -> Result<(Option<Entry<'a, 'f>>, Place<'a, 'f>), String> {
        self.field_within(of, place, name, self.context.limits.depth.saturating_add(4))
            .ok_or_else(|| format!("`{}` has no member `{name}` here", of.plain_name))
    }

    fn field_within(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        name: &str,
        depth: usize,
    ) -> Option<(Option<Entry<'a, 'f>>, Place<'a, 'f>)> {
        let depth = depth.checked_sub(1)?;
        if let Some(member) = of.member(name) {
            return Some((member.type_entry, self.member_place(of, member, place).ok()?));
        }
        of.composite()?
            .members
            .iter()
            .filter(|member| member.is_base || member.name.is_none())
            .find_map(|base| {
                let place = self.member_place(of, base, place).ok()?;
                let base = self.context.types.get(base.type_entry);
                self.field_within(&base, &place, name, depth)
            })
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

/// A value as the OR of enumerators, if the enumeration is one of flags:
/// `(A | C)`. What no enumerator names is shown as a number.
fn flags(names: &Enumeration, value: i128, scope: &str) -> Option<String> {
    let named: Vec<&(String, i128)> =
        names.enumerators.iter().filter(|(_, value)| *value != 0).collect();
    let flags: Vec<&(String, i128)> =
        named.iter().copied().filter(|(_, value)| *value > 0 && value.count_ones() == 1).collect();
    let bits = flags.iter().fold(0, |bits, (_, flag)| bits | flag);
    // One, two and three are numbers to most people; so are one to nine. Names
    // for combinations of flags are common.
    let are_masks = named.iter().all(|(_, value)| *value > 0 && value & !bits == 0);
    let is_count = (1..=named.len() as i128).all(|n| named.iter().any(|(_, value)| *value == n));
    if value <= 0 || value & bits == 0 || flags.len() < 3 || !are_masks || is_count {
        return None;
    }
    let set = flags.iter().filter(|(_, flag)| value & flag != 0);
    let mut parts: Vec<String> = set.map(|(name, _)| format!("{scope}{name}")).collect();
    if value & !bits != 0 {
        parts.push(format!("{:#x}", value & !bits));
    }
    Some(format!("({})", parts.join(" | ")))
}

/// What comes after the last `::` outside of `<>`.
pub(super) fn last_segment(name: &str) -> &str {
    let end = name.find('<').unwrap_or(name.len());
    let start = name.get(..end).and_then(|head| head.rfind("::")).map_or(0, |at| at + 2);
    name.get(start..).unwrap_or(name)
}

/// A structure as text: `{x = 1, y = 2}`; in Rust `{x: 1, y: 2}`, or
/// `(1, 2)` for tuples.
fn structure_text(dialect: Dialect, parts: &[(String, Value)], is_cut: bool) -> String {
    let is_tuple = dialect == Dialect::Rust
        && parts.iter().enumerate().all(|(index, (name, _))| *name == format!("__{index}"));
    let mut texts = Texts::new(TEXT);
    for (name, part) in parts {
        texts.push(match dialect {
            Dialect::Rust if is_tuple => part.text.clone(),
            Dialect::Rust => format!("{name}: {}", part.text),
            _ => format!("{name} = {}", part.text),
        });
    }
    let (open, close) = if is_tuple { ('(', ')') } else { ('{', '}') };
    texts.close(open, close, is_cut)
}

/// Joins parts with commas, up to a length.
pub(super) struct Texts {
    text: String,
    limit: usize,
    is_cut: bool,
}

impl Texts {
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit, is_cut: false }
    }

    pub(super) fn push(&mut self, part: String) {
        // The first part is always shown.
        if self.is_cut || (!self.text.is_empty() && self.text.len() + part.len() > self.limit) {
            self.is_cut = true;
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str(", ");
        }
        self.text.push_str(&part);
    }

    pub(super) fn close(self, open: char, close: char, is_cut: bool) -> String {
        let more = match (self.is_cut || is_cut, self.text.is_empty()) {
            (false, _) => "",
            (true, true) => "...",
            (true, false) => ", ...",
        };
        format!("{open}{}{more}{close}", self.text)
    }
}
