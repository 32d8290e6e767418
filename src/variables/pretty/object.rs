//! An object of a library, with what it takes to look into it.

use std::sync::Arc;

use gimli::constants as dw;

use crate::base::addr::RunAddr;
use crate::symbols::cpp_names::template_arguments;
use crate::symbols::entries::{Attributes, Entry};
use crate::symbols::types::{Member, MemberPlace, Shape, Type};
use crate::variables::numbers::{sign_extended, unsigned};
use crate::variables::place::{Missing, Place};
use crate::variables::pretty::Printer;
use crate::variables::pretty::collection::End;
use crate::variables::pretty::libstdcxx;
use crate::variables::read::{Level, Reading};
use crate::variables::value::Value;

/// How many bases and anonymous members a member is looked for in. The deepest
/// honest ones, of variants, have a dozen.
const MOST_BASES: usize = 64;

/// How many structures only wrap what is in them.
const MOST_NESTED: usize = 8;

/// Why an object cannot be shown as what it holds.
#[derive(Debug)]
pub(super) enum Failure {
    /// A member is not there, or of another kind: another version of the
    /// library. The object is shown as the structure that it is.
    NewLayout,
    /// Its memory is missing or damaged; says how.
    Because(String),
}

impl From<Missing> for Failure {
    fn from(missing: Missing) -> Self {
        Self::Because(missing.reason())
    }
}

impl From<End> for Failure {
    fn from(end: End) -> Self {
        match end {
            End::Damaged(how) => Self::Because(format!("damaged: {how}")),
            End::Missing(why) => Self::Because(why),
            End::Endless => Self::NewLayout,
        }
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

/// That the memory of an object makes no sense.
pub(super) fn damaged<T>(how: impl std::fmt::Display) -> Found<T> {
    Err(Failure::Because(format!("damaged: {how}")))
}

/// What was looked for in an object.
pub(super) type Found<T> = Result<T, Failure>;

/// An object of a library.
pub(super) struct Object<'r, 'c, 'a, 'f> {
    pub(super) reading: &'r Reading<'r, 'c, 'a, 'f>,
    pub(super) of: Arc<Type<'a, 'f>>,
    pub(super) place: Place<'a, 'f>,
}

impl Clone for Object<'_, '_, '_, '_> {
    fn clone(&self) -> Self {
        Self { reading: self.reading, of: Arc::clone(&self.of), place: self.place.clone() }
    }
}

/// A printer that is a name and a function.
pub(super) struct Template {
    /// The class, or the class template, as the library names it.
    pub(super) name: &'static str,
    /// What an instance holds.
    pub(super) print: for<'r, 'c, 'a, 'f> fn(&Object<'r, 'c, 'a, 'f>, Level) -> Found<Value>,
}

impl Printer for Template {
    #[cfg(test)]
    fn name(&self) -> &'static str {
        self.name
    }

    fn matches(&self, of: &Type<'_, '_>) -> bool {
        super::is_instance(of, self.name)
    }

    fn print<'a, 'f>(
        &self,
        reading: &Reading<'_, '_, 'a, 'f>,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        level: Level,
    ) -> Result<Value, String> {
        let object = Object { reading, of: Arc::new(of.clone()), place: place.clone() };
        match (self.print)(&object, level) {
            Ok(value) => Ok(value),
            Err(Failure::Because(why)) => Err(why),
            Err(Failure::NewLayout) if object.is_declared() => Err(undefined(of)),
            Err(Failure::NewLayout) => Ok(object.raw(level)),
        }
    }
}

impl<'r, 'c, 'a, 'f> Object<'r, 'c, 'a, 'f> {
    /// An object of a type at an address.
    pub(super) fn at(&self, of: Option<Entry<'a, 'f>>, at: RunAddr) -> Self {
        let of = self.reading.context.types.get(of);
        Self { reading: self.reading, of, place: Place::Memory(at) }
    }

    /// The same place, as an object of another type.
    pub(super) fn seen_as(&self, of: Option<Entry<'a, 'f>>) -> Self {
        let of = self.reading.context.types.get(of);
        Self { reading: self.reading, of, place: self.place.clone() }
    }

    /// As the structure that it is.
    pub(super) fn raw(&self, level: Level) -> Value {
        match self.of.composite() {
            Some(composite) => self.reading.composite(&self.of, composite, &self.place, level),
            None => Value::unknown("its layout is new to us"),
        }
    }

    /// As what its own type makes of it.
    pub(super) fn value(&self, level: Level) -> Value {
        self.reading.typed(&self.of, &self.place, level)
    }

    /// Its address; registers have none.
    pub(super) fn address(&self) -> Found<RunAddr> {
        let why = || Failure::Because("it is not in memory as a whole".to_owned());
        self.place.address().ok_or_else(why)
    }

    /// A member, by name, of it or of one of its bases.
    pub(super) fn member(&self, name: &str) -> Found<Self> {
        let (holder, member) = self.holder(name)?;
        holder.part(&member)
    }

    /// The first of these members that it has.
    pub(super) fn any_member(&self, names: &[&str]) -> Found<Self> {
        names.iter().find_map(|name| self.member(name).ok()).ok_or(Failure::NewLayout)
    }

    /// A member of a member of ...
    pub(super) fn path(&self, names: &[&str]) -> Found<Self> {
        names.iter().try_fold(self.clone(), |object, name| object.member(name))
    }

    fn part(&self, member: &Member<'a, 'f>) -> Found<Self> {
        let of = self.reading.context.types.get(member.type_entry);
        let place = self.reading.member_place(&self.of, member, &self.place)?;
        Ok(Self { reading: self.reading, of, place })
    }

    /// The structure that has the member: itself, or a base or anonymous member
    /// of it. Nearer ones first.
    fn holder(&self, name: &str) -> Found<(Self, Member<'a, 'f>)> {
        let mut waiting = std::collections::VecDeque::from([self.clone()]);
        for _ in 0..MOST_BASES {
            let Some(here) = waiting.pop_front() else { break };
            let Some(composite) = here.of.composite() else { continue };
            if let Some(member) = here.of.member(name) {
                let member = member.clone();
                return Ok((here, member));
            }
            let unnamed = composite.members.iter().filter(|it| it.is_base || it.name.is_none());
            for member in unnamed.take(MOST_BASES) {
                waiting.extend(here.part(member).ok());
            }
        }
        Err(Failure::NewLayout)
    }

    /// The base class whose name begins so.
    pub(super) fn base(&self, name: &str) -> Found<Self> {
        let composite = self.of.composite().ok_or(Failure::NewLayout)?;
        let bases = composite.members.iter().filter(|member| member.is_base);
        for member in bases.take(MOST_BASES) {
            let base = self.part(member)?;
            if base.of.plain_name.starts_with(name) {
                return Ok(base);
            }
        }
        Err(Failure::NewLayout)
    }

    /// The base class whose name begins so, and goes on with this number:
    /// compilers write `std::_Head_base<1, int>` and `std::_Head_base<1UL, int>`.
    pub(super) fn numbered_base(&self, name: &str, number: usize) -> Found<Self> {
        let composite = self.of.composite().ok_or(Failure::NewLayout)?;
        let bases = composite.members.iter().filter(|member| member.is_base);
        for member in bases.take(MOST_BASES) {
            let base = self.part(member)?;
            let rest = base.of.plain_name.strip_prefix(name);
            let digits = rest.and_then(|rest| rest.split(|it: char| !it.is_ascii_digit()).next());
            if digits.and_then(|digits| digits.parse().ok()) == Some(number) {
                return Ok(base);
            }
        }
        Err(Failure::NewLayout)
    }

    /// What the element with this number of a pair of LLVM's library holds. Of
    /// one without members there is only the base.
    pub(super) fn numbered_element(&self, number: usize) -> Found<Self> {
        let composite = self.of.composite().ok_or(Failure::NewLayout)?;
        let suffix = format!(", {number}, ");
        for member in composite.members.iter().filter(|member| member.is_base).take(MOST_BASES) {
            let base = self.part(member)?;
            let name = &base.of.plain_name;
            if name.starts_with("std::__1::__compressed_pair_elem<")
                && name.rsplit_once(suffix.as_str()).is_some_and(|(_, rest)| !rest.contains(','))
            {
                return base.member("__value_");
            }
        }
        Err(Failure::NewLayout)
    }

    /// Where a member of the type lies in every object of it.
    pub(super) fn offset(&self, name: &str) -> Found<u64> {
        let start = Self { place: Place::Memory(RunAddr(0)), ..self.clone() };
        Ok(start.member(name)?.address()?.0)
    }

    /// The word of the number or pointer in a member; bit-fields and wrappers
    /// are looked through.
    pub(super) fn word(&self, name: &str) -> Found<u64> {
        let (holder, member) = self.holder(name)?;
        if let MemberPlace::Bits(from, width) = member.place {
            let bits = self.reading.field_bits(&holder.place, from, width)?;
            return u64::try_from(bits).map_err(|_| Failure::NewLayout);
        }
        holder.part(&member)?.as_word()
    }

    /// As a number or pointer; wrappers are looked through.
    pub(super) fn as_word(&self) -> Found<u64> {
        let inner = self.unwrapped();
        match inner.of.shape {
            Shape::Number(_) | Shape::Pointer(_) | Shape::Reference(_) | Shape::Enumeration(_) => {
                Ok(inner.reading.word(&inner.of, &inner.place)?)
            }
            _ => Err(Failure::NewLayout),
        }
    }

    /// As a number with a sign.
    pub(super) fn as_signed(&self) -> Found<i128> {
        let bytes = self.reading.bytes(&self.of, &self.place)?;
        let bits = (bytes.len() as u64).saturating_mul(8);
        let raw = unsigned(&bytes).ok_or(Failure::NewLayout)?;
        match self.of.shape {
            Shape::Number(dw::DW_ATE_signed | dw::DW_ATE_signed_char) => {
                Ok(sign_extended(raw, bits))
            }
            Shape::Number(dw::DW_ATE_unsigned | dw::DW_ATE_unsigned_char) => {
                i128::try_from(raw).map_err(|_| Failure::NewLayout)
            }
            _ => Err(Failure::NewLayout),
        }
    }

    /// A truth value, which has to be one of the two.
    pub(super) fn flag(&self, name: &str) -> Found<bool> {
        match self.word(name)? {
            0 => Ok(false),
            1 => Ok(true),
            other => damaged(format!("a truth value of it is {other}")),
        }
    }

    /// What is inside of structures that only wrap it: their first member that
    /// is not empty.
    fn unwrapped(&self) -> Self {
        let mut here = self.clone();
        for _ in 0..MOST_NESTED {
            let Some(composite) = here.of.composite() else { break };
            let inner = composite.members.iter().take(MOST_NESTED).find_map(|member| {
                let part = here.part(member).ok()?;
                let is_empty = part.of.composite().is_some_and(|it| it.members.is_empty());
                (!is_empty).then_some(part)
            });
            let Some(inner) = inner else { break };
            here = inner;
        }
        here
    }

    /// What a pointer or reference points to: the type, and the address.
    pub(super) fn target(&self) -> Found<(Option<Entry<'a, 'f>>, RunAddr)> {
        let inner = self.unwrapped();
        match inner.of.shape {
            Shape::Pointer(target) | Shape::Reference(target) => {
                let at = inner.reading.word(&inner.of, &inner.place)?;
                Ok((target, RunAddr(at)))
            }
            _ => Err(Failure::NewLayout),
        }
    }

    /// The type that a pointer points to, whatever its address.
    pub(super) fn target_type(&self) -> Found<Option<Entry<'a, 'f>>> {
        match self.of.shape {
            Shape::Pointer(target) | Shape::Reference(target) => Ok(target),
            _ => Err(Failure::NewLayout),
        }
    }

    /// What a pointer or reference points to; it must not be null.
    pub(super) fn pointee(&self) -> Found<Self> {
        match self.target()? {
            (_, RunAddr(0)) => damaged("a pointer of it is null"),
            (of, at) => Ok(self.at(of, at)),
        }
    }

    /// The address in a member that is a pointer.
    pub(super) fn pointer(&self, name: &str) -> Found<RunAddr> {
        Ok(self.member(name)?.target()?.1)
    }

    /// The type of the template argument of this name. gcc leaves the arguments
    /// of some classes out; then it is the one at this index in the class's name.
    pub(super) fn argument(&self, name: &str, index: usize) -> Found<Entry<'a, 'f>> {
        let named = || {
            let arguments = template_arguments(&self.of.plain_name)?;
            self.type_named(arguments.get(index)?)
        };
        self.of.type_argument(name).or_else(named).ok_or(Failure::NewLayout)
    }

    /// The type of this name, as its own module knows it.
    pub(super) fn type_named(&self, name: &str) -> Option<Entry<'a, 'f>> {
        self.reading.context.type_named(name, self.of.entry)
    }

    /// The value of the template argument of this name.
    pub(super) fn constant(&self, name: &str) -> Found<i64> {
        let entry = self.of.entry.ok_or(Failure::NewLayout)?;
        let mut arguments = entry.children().into_iter().filter(|child| {
            child.tag() == dw::DW_TAG_template_value_parameter
                && child.text(dw::DW_AT_name).as_deref() == Some(name)
        });
        arguments.next().as_ref().and_then(constant_of).ok_or(Failure::NewLayout)
    }

    /// The value of a static member that is a constant.
    pub(super) fn static_constant(&self, name: &str) -> Option<i64> {
        let members = self.of.entry?.children();
        let member = members.iter().find(|it| it.text(dw::DW_AT_name).as_deref() == Some(name))?;
        constant_of(member)
    }

    /// The word so many bytes into it, whose member has no description.
    pub(super) fn word_within(&self, bytes: u64) -> Found<u64> {
        let memory = self.reading.context.memory;
        let word = self.place.part(bytes).read(memory, memory.model().word())?;
        let word = unsigned(&memory.model().order.to_little(word))
            .and_then(|word| u64::try_from(word).ok());
        word.ok_or(Failure::NewLayout)
    }

    /// Whether its type is only declared.
    pub(super) fn is_declared(&self) -> bool {
        matches!(self.of.shape, Shape::Declared(_))
    }

    /// The size of its type.
    pub(super) fn size(&self) -> Found<u64> {
        let why = || Failure::Because("the size of its elements is not known".to_owned());
        size_of(&self.of).filter(|size| *size > 0).ok_or_else(why)
    }

    /// The word at an address.
    pub(super) fn word_at(&self, at: RunAddr) -> Result<u64, End> {
        self.reading.context.memory.word(at).map_err(|missing| self.absent(missing.at))
    }

    /// Whether an address is in the process. One without mappings is one of
    /// which none are known.
    pub(super) fn is_mapped(&self, at: RunAddr) -> bool {
        let process = self.reading.context.process;
        process.mappings.is_empty() || process.mapping(at).is_some()
    }

    /// Why an address that the object states cannot be read.
    pub(super) fn absent(&self, at: RunAddr) -> End {
        match self.is_mapped(at) {
            true => End::Missing(Missing::NotDumped(at).reason()),
            false => End::Damaged(format!("it leads to {at}, which is in no mapped memory")),
        }
    }
}

/// Why a type that is only declared has no value.
fn undefined(of: &Type<'_, '_>) -> String {
    let why = match of.shape {
        Shape::Declared(why) => why,
        _ => "",
    };
    format!("`{}` is only declared here; {why}", of.plain_name)
}

/// The size of a type. The library's strings have theirs even where they are
/// only declared.
pub(super) fn size_of(of: &Type<'_, '_>) -> Option<u64> {
    of.size.or_else(|| match of.shape {
        Shape::Declared(_) => libstdcxx::declared_size(of),
        _ => None,
    })
}

/// `DW_AT_const_value`. Forms of a fixed size are not sign-extended: compilers
/// write what is negative in a signed form.
fn constant_of(attributes: &Attributes<'_, '_>) -> Option<i64> {
    let unsigned = attributes.number(dw::DW_AT_const_value).map(u64::cast_signed);
    unsigned.or_else(|| attributes.signed(dw::DW_AT_const_value))
}
