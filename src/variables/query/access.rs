//! Members, elements, and what pointers point to.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::cell::Cell;

use crate::base::addr::RunAddr;
use crate::symbols::types::{Array, Dialect, Shape, Type};
use crate::variables::place::Place;
use crate::variables::pretty;
use crate::variables::query::evaluate::{Evaluator, Found};
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::members::{MOST_BASES, MOST_SEARCHED};
use crate::variables::query::operand::{Object, Operand};
use crate::variables::query::result_type::ResultType;
use crate::variables::query::syntax::Member;
use crate::variables::read::Level;
use crate::variables::value::Value;

/// How many pointers and references Rust follows for one dot or one index.
const MOST_FOLLOWED: usize = 8;

/// How many names of members a hint has.
const MOST_NAMES: usize = 16;

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// What a pointer type points to. `None`: it is no pointer.
    pub(super) fn target_type(&self, of: &ResultType<'a, 'f>) -> Option<ResultType<'a, 'f>> {
        match of {
            ResultType::Pointer(to, _) => Some((**to).clone()),
            _ => match self.resolved(of).shape {
                Shape::Pointer(target) => Some(ResultType::Declared(target)),
                _ => None,
            },
        }
    }

    /// Whether an operand is a pointer, not an array.
    pub(super) fn is_pointer(&self, operand: &Operand<'a, 'f>) -> bool {
        let settled = self.settled(operand.clone());
        matches!(settled, Ok(Operand::Object(object)) if self.target_type(&object.of).is_some())
    }

    /// An operand, references followed.
    pub(super) fn settled(&self, operand: Operand<'a, 'f>) -> Found<Operand<'a, 'f>> {
        let Operand::Object(object) = &operand else { return Ok(operand) };
        let of = self.resolved(&object.of);
        match of.shape {
            Shape::Reference(target) => {
                let target = ResultType::Declared(target);
                self.through(&of, &object.place, target).map(Operand::Object)
            }
            _ => Ok(operand),
        }
    }

    /// What a reference type refers to; a `&T` of Rust is one, too. `None`: it
    /// is no reference.
    pub(super) fn referred_type(&self, of: &ResultType<'a, 'f>) -> Option<ResultType<'a, 'f>> {
        let of = self.resolved(of);
        match of.shape {
            Shape::Reference(target) => Some(ResultType::Declared(target)),
            Shape::Pointer(target)
                if of.dialect == Dialect::Rust && of.plain_name.starts_with('&') =>
            {
                Some(ResultType::Declared(target))
            }
            _ => None,
        }
    }

    /// An object, references to it followed: those of Rust, too.
    pub(super) fn unreferenced(&self, object: Object<'a, 'f>) -> Found<Object<'a, 'f>> {
        let mut object = object;
        for _ in 0..MOST_FOLLOWED {
            let Some(target) = self.referred_type(&object.of) else { break };
            object = self.through(&self.resolved(&object.of), &object.place, target)?;
        }
        Ok(object)
    }

    /// What the pointer at a place points to.
    pub(super) fn through(
        &self,
        of: &Type<'a, 'f>,
        place: &Place<'a, 'f>,
        target: ResultType<'a, 'f>,
    ) -> Found<Object<'a, 'f>> {
        if let Some((variable, offset)) = place.pointer() {
            // The compiler removed the pointer together with what it points to.
            let lost = || Trouble::Unknown("what it points to was removed".to_owned());
            let activation = self.activation.ok_or_else(lost)?;
            let attributes = variable.attributes().ok_or_else(lost)?;
            let target_place = activation.place(&attributes).map_err(Trouble::Unknown)?;
            let offset = u64::try_from(offset).map_err(|_| lost())?;
            return Ok(Object::new(target, target_place.part(offset)));
        }
        let word = self.reading.word(of, place).map_err(|why| why.reason())?;
        Ok(Object::new(target, Place::Memory(RunAddr(word))))
    }

    /// `*operand`.
    pub(super) fn target(&self, operand: Operand<'a, 'f>, at: Span) -> Found<Operand<'a, 'f>> {
        let operand = self.settled(operand)?;
        let written = self.written(at).to_owned();
        let object = match operand {
            Operand::Part(value) => return self.part_target(&value, at),
            Operand::Symbol { .. } => return Err(self.untyped(at)),
            Operand::Object(object) => object,
        };
        let of = self.resolved(&object.of);
        if let Some(target) = self.target_type(&object.of) {
            if matches!(target, ResultType::Declared(None)) {
                let fault = Fault::new(at, format!("`{written}` points to no type"));
                let hint = format!("cast it to one: `*(unsigned char *){written}`");
                return Err(fault.with_hint(hint).into());
            }
            let found = self.through(&of, &object.place, target)?;
            if found.place.address() == Some(RunAddr(0)) {
                self.nulls.borrow_mut().push(written);
            }
            return Ok(Operand::Object(found));
        }
        if matches!(of.shape, Shape::Function) {
            return Ok(Operand::Object(object));
        }
        if let Some(element) = self.element_type(&object.of) {
            return Ok(Operand::Object(Object::new(element, object.place)));
        }
        if let Some(found) = self.smart_target(&object, &of)? {
            return Ok(found);
        }
        let what = format!("`{written}` is no pointer, but of type `{}`", of.name);
        let hint = match of.shape {
            Shape::Number(_) => Some(format!("cast it to one: `*(long *){written}`")),
            _ => None,
        };
        Err(Fault { at, what, hint }.into())
    }

    fn part_target(&self, value: &Value, at: Span) -> Found<Operand<'a, 'f>> {
        if let Some(why) = &value.why_unknown {
            return Err(Trouble::Unknown(why.clone()));
        }
        match value.field("*") {
            Some(target) => Ok(Operand::Part(target.clone())),
            None => {
                let what = format!("what `{}` points to was not read", self.written(at));
                let hint = "print the address, and cast it: `*(type *)0x...`";
                Err(Fault::new(at, what).with_hint(hint).into())
            }
        }
    }

    /// What a smart pointer holds. `None`: it is none.
    fn smart_target(
        &self,
        object: &Object<'a, 'f>,
        of: &Type<'a, 'f>,
    ) -> Found<Option<Operand<'a, 'f>>> {
        if pretty::printer(of).is_none() {
            return Ok(None);
        }
        let level = Level { nested: self.view.context.limits.depth, follows: true };
        let value = self.reading.typed(of, &object.place, level);
        if let Some(why) = value.why_unknown {
            return Err(Trouble::Unknown(why));
        }
        let optional = || {
            let is_one = of.plain_name.starts_with("std::optional<");
            value.field("value").filter(|_| is_one)
        };
        if let Some(target) = value.field("*").or_else(optional) {
            let held = self.argument(of).filter(|held| self.is_plain(held));
            return Ok(Some(match (target.address, held) {
                (Some(at), Some(held)) => Operand::Object(Object::new(held, Place::Memory(at))),
                _ => Operand::Part(target.clone()),
            }));
        }
        if value.raw == Some(0) {
            return Err(Trouble::Unknown("it points to nothing".to_owned()));
        }
        Ok(None)
    }

    /// Whether the address of a value of this type is that of the object: a
    /// printer may give that of the text in it.
    pub(super) fn is_plain(&self, of: &ResultType<'a, 'f>) -> bool {
        let of = self.resolved(of);
        let is_pointer = matches!(of.shape, Shape::Pointer(_) | Shape::Reference(_));
        !is_pointer && pretty::printer(&of).is_none()
    }

    /// The type that a container or smart pointer holds: its first argument.
    pub(super) fn argument(&self, of: &Type<'a, 'f>) -> Option<ResultType<'a, 'f>> {
        if let Some(entry) = of.type_argument("_Tp").or_else(|| of.type_argument("T")) {
            return Some(ResultType::Declared(Some(entry)));
        }
        // Slices of Rust name what they point to.
        if let Some(pointer) = of.member("data_ptr") {
            return self.target_type(&ResultType::Declared(pointer.type_entry));
        }
        let (_, first) = of.composite()?.type_arguments.first()?;
        Some(ResultType::Declared(Some(*first)))
    }

    /// The type of an array's elements, or of its rows. `None`: it is none.
    pub(super) fn element_type(&self, of: &ResultType<'a, 'f>) -> Option<ResultType<'a, 'f>> {
        if let ResultType::Array(element, ..) = of {
            return Some((**element).clone());
        }
        let of = self.resolved(of);
        let Shape::Array(array) = &of.shape else { return None };
        match array.dimensions.split_first() {
            Some((_, rest)) if !rest.is_empty() => Some(self.row(&of, array)),
            _ => Some(ResultType::Declared(array.element)),
        }
    }

    /// One row of an array of several dimensions.
    fn row(&self, of: &Type<'a, 'f>, array: &Array<'a, 'f>) -> ResultType<'a, 'f> {
        let dimensions: Vec<_> = array.dimensions.iter().skip(1).copied().collect();
        let element = self.view.context.types.get(array.element);
        let mut lengths = String::new();
        let mut size = element.size;
        for dimension in &dimensions {
            let count = self.reading.length(of, *dimension).ok();
            lengths.push_str(&count.map_or("[]".to_owned(), |count| format!("[{count}]")));
            size = size.zip(count).and_then(|(size, count)| size.checked_mul(count));
        }
        let name = format!("{} {lengths}", element.name);
        let shape = Shape::Array(Array { element: array.element, dimensions });
        ResultType::Plain(std::sync::Arc::new(Type {
            plain_name: name.clone(),
            name,
            aliases: Vec::new(),
            size,
            shape,
            ..of.clone()
        }))
    }

    /// How many bytes an array has whose length the program computed.
    pub(super) fn array_bytes(
        &self,
        of: &Type<'a, 'f>,
        array: &Array<'a, 'f>,
    ) -> Result<u64, String> {
        let size = self.view.context.types.get(array.element).size;
        let mut size = size.ok_or("the size of its elements is not known")?;
        for dimension in &array.dimensions {
            let count = self.reading.length(of, *dimension)?;
            size = size.checked_mul(count).ok_or("it is larger than all memory")?;
        }
        Ok(size)
    }

    /// `operand.name` or `operand->name`.
    pub(super) fn member(
        &self,
        operand: Operand<'a, 'f>,
        member: &Member,
        at: Span,
    ) -> Found<Operand<'a, 'f>> {
        let mut operand = self.settled(operand)?;
        let mut shown = at;
        for step in 0..MOST_FOLLOWED {
            let object = match &operand {
                Operand::Part(value) => return self.part_member(value, member, at),
                Operand::Symbol { .. } => return Err(self.untyped(at)),
                Operand::Object(object) => object,
            };
            let of = self.resolved(&object.of);
            if self.target_type(&object.of).is_some() {
                // In C, the second arrow is missing.
                if step > 0 && of.dialect != Dialect::Rust && self.dialect != Dialect::Rust {
                    let what =
                        format!("`{}` is no structure, but `{}`", self.written(shown), of.name);
                    let hint = format!("write `(*{})->{}`", self.written(at), member.name);
                    return Err(Fault::new(shown, what).with_hint(hint).into());
                }
                operand = self.settled(self.target(operand, at)?)?;
                continue;
            }
            // The first element of an array.
            if member.is_arrow
                && step == 0
                && of.dialect != Dialect::Rust
                && self.element_type(&object.of).is_some()
            {
                operand = self.target(operand, at)?;
                continue;
            }
            shown = at;
            if let Some(found) = self.find_member(&of, &object.place, &member.name) {
                return found.map(Operand::Object).map_err(|trouble| trouble.placed(member.at));
            }
            if let Some(target) = self.smart_target(object, &of)? {
                operand = self.settled(target)?;
                continue;
            }
            // A class may be more than its pointer says.
            if let Some(address) = object.place.address() {
                let real = self.reading.object(&of, address);
                let found = self.find_member(&real.of, &Place::Memory(real.at), &member.name);
                if let Some(found) = found.filter(|_| real.label.is_some()) {
                    self.note(format!("`{}` is a `{}`", self.written(at), real.of.name));
                    return found.map(Operand::Object).map_err(|trouble| trouble.placed(member.at));
                }
            }
            if let Some(found) = self.static_member(&of, &member.name)? {
                return Ok(found);
            }
            return self.unusual_member(object, &of, member);
        }
        Err(Fault::new(at, "it points to a pointer to a pointer to ...").into())
    }

    /// A member that only reading the value finds: of the active variant of a
    /// Rust enum, of a container.
    fn unusual_member(
        &self,
        object: &Object<'a, 'f>,
        of: &Type<'a, 'f>,
        member: &Member,
    ) -> Found<Operand<'a, 'f>> {
        let Some(composite) = of.composite() else {
            let what = match &of.shape {
                Shape::Declared(..) => format!("`{}` is declared here, but not defined", of.name),
                _ => format!("a value of type `{}` has no members", of.name),
            };
            return Err(Fault::new(member.at, what).into());
        };
        let is_read = composite.variants.is_some() || pretty::printer(of).is_some();
        let mut names: Vec<String> = Vec::new();
        if is_read {
            let level = Level { nested: self.view.context.limits.depth, follows: true };
            let value = self.reading.typed(of, &object.place, level);
            if let Some(why) = &value.why_unknown {
                return Err(Trouble::Unknown(why.clone()));
            }
            let spelled = format!("__{}", member.name);
            let found = value.field(&member.name).or_else(|| value.field(&spelled));
            if let Some(found) = found {
                return Ok(Operand::Part(found.clone()));
            }
            names.extend(value.fields.iter().map(|(name, _)| name.clone()));
        }
        self.member_names(of, &mut names, &Cell::new(MOST_SEARCHED), MOST_BASES);
        Err(no_member(&of.name, member, &names).into())
    }

    fn part_member(&self, value: &Value, member: &Member, at: Span) -> Found<Operand<'a, 'f>> {
        if let Some(why) = &value.why_unknown {
            return Err(Trouble::Unknown(why.clone()));
        }
        let spelled = format!("__{}", member.name);
        let within =
            |value: &Value| value.field(&member.name).or_else(|| value.field(&spelled)).cloned();
        let target = value.field("*");
        if let Some(found) = within(value).or_else(|| target.and_then(within)) {
            return Ok(Operand::Part(found));
        }
        let fields = target.map_or(&value.fields, |target| &target.fields);
        let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
        Err(no_member(self.written(at), member, &names).into())
    }

    /// What is said of data and code that no debug information describes.
    pub(super) fn untyped(&self, at: Span) -> Trouble {
        let written = self.written(at);
        let what = format!("the type of `{written}` is not known: no debug information has it");
        Fault::new(at, what).with_hint(format!("cast its address: `*(long *)&{written}`")).into()
    }
}

/// The member is not there; those that are, the closest first.
fn no_member(of: &str, member: &Member, names: &[String]) -> Fault {
    let fault = Fault::new(member.at, format!("`{of}` has no member `{}`", member.name));
    match crate::variables::query::spelling::closest(names, &member.name, MOST_NAMES) {
        Some(list) => fault.with_hint(format!("its members: {list}")),
        None => fault,
    }
}
