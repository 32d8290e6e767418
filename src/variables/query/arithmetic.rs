//! Operators: on numbers, and on pointers.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::variables::query::evaluate::{Evaluator, Found, computed_from};
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::number::{Number, Whole, computed};
use crate::variables::query::operand::Operand;
use crate::variables::query::result_type::ResultType;
use crate::variables::query::syntax::{Expression, Infix, Prefix};
use crate::variables::value::Origin;

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    pub(super) fn prefixed(&self, prefix: Prefix, inner: &Expression) -> Found<Operand<'a, 'f>> {
        let (number, origin) = self.number(self.evaluate(inner)?, inner.at)?;
        let origin = computed_from(&[origin]);
        let faulty = |why: String| Trouble::from(Fault::new(inner.at, why));
        match prefix {
            Prefix::Not => Ok(self.truth(!number.is_true(), origin)),
            Prefix::Minus => {
                let result = number.negated().map_err(faulty)?;
                self.note_widened(&[number], result, inner.at);
                Ok(self.computed(result, origin))
            }
            Prefix::Complement => Ok(self.computed(number.complement().map_err(faulty)?, origin)),
            Prefix::Plus | Prefix::Target | Prefix::Address => Ok(self.computed(number, origin)),
        }
    }

    /// `first infix right`; `left` says where the first operand is written.
    pub(super) fn infix(
        &self,
        infix: Infix,
        first: Operand<'a, 'f>,
        left: Span,
        right: &Expression,
    ) -> Found<Operand<'a, 'f>> {
        let whole = left.to(right.at);
        if infix == Infix::Repeat {
            let count = self.count(right)?;
            return self.repeated(first, left, count);
        }
        let is_logical = matches!(infix, Infix::And | Infix::Or);
        if is_logical {
            let (number, origin) = self.number(first.clone(), left)?;
            // The other side may be unknown, and need not matter.
            if number.is_true() == (infix == Infix::Or) {
                return Ok(self.truth(number.is_true(), computed_from(&[origin])));
            }
        }
        let second = self.evaluate(right)?;
        if let Some(found) = self.pointer_arithmetic(infix, &first, left, &second, right.at)? {
            return Ok(found);
        }
        let compared = match infix.is_comparison() {
            true => self.compared(&first, &second, whole)?,
            false => None,
        };
        let (mut one, from) = self.number(first, left)?;
        let (mut two, also) = self.number(second, right.at)?;
        if let Some((first, second)) = compared {
            let address = |of: u64| Number::Whole(Whole::new(u128::from(of), 64, false));
            (one, two) = (address(first), address(second));
        }
        let origin = computed_from(&[from, also]);
        let result = computed(infix, one, two).map_err(|why| Fault::new(whole, why))?;
        Ok(if is_logical || infix.is_comparison() {
            self.truth(result.is_true(), origin)
        } else {
            let from = if infix.is_shift() { &[one][..] } else { &[one, two] };
            self.note_widened(from, result, whole);
            self.computed(result, origin)
        })
    }

    /// Says where a result is wider than what C would have made of it.
    fn note_widened(&self, from: &[Number], result: Number, at: Span) {
        let Number::Whole(whole) = result else { return };
        let bits = from.iter().filter_map(|number| number.computed_bits()).max();
        if let Some(bits) = bits.filter(|bits| *bits < whole.bits) {
            let of = whole.converted(bits, whole.is_signed).type_name(self.dialect);
            self.note(format!(
                "`{}` does not fit into `{of}`: the result is exact",
                self.written(at)
            ));
        }
    }

    /// `p + 1`, `1 + p`, `p - 1`, `p - q`; `None`: no pointers, or no arithmetic.
    fn pointer_arithmetic(
        &self,
        infix: Infix,
        left: &Operand<'a, 'f>,
        left_at: Span,
        right: &Operand<'a, 'f>,
        right_at: Span,
    ) -> Found<Option<Operand<'a, 'f>>> {
        if !matches!(infix, Infix::Add | Infix::Subtract) {
            return Ok(None);
        }
        let (one, two) = (self.pointed(left)?, self.pointed(right)?);
        let whole = left_at.to(right_at);
        let stride = |to: &ResultType<'a, 'f>| -> Found<i64> {
            let size = match to {
                // GNU C counts bytes.
                ResultType::Declared(None) => Some(1),
                to => self.size_of(to),
            };
            let size = size.and_then(|size| i64::try_from(size).ok()).filter(|size| *size > 0);
            size.ok_or_else(|| {
                Fault::new(whole, format!("the size of `{}` is not known", self.name_of(to))).into()
            })
        };
        let moved = |(to, at, origin): (ResultType<'a, 'f>, u64, Origin),
                     by: (Number, Origin),
                     sign: i64| {
            let step = stride(&to)?;
            let count = match by.0 {
                Number::Whole(count) => count.word().cast_signed(),
                Number::Float(_) | Number::Single(_) => {
                    return Err(Trouble::from(Fault::new(
                        whole,
                        "a pointer moves by whole numbers",
                    )));
                }
            };
            let by_bytes = count.checked_mul(step).and_then(|bytes| bytes.checked_mul(sign));
            let moved = by_bytes.and_then(|bytes| at.checked_add_signed(bytes));
            let moved = moved.ok_or_else(|| {
                Fault::new(whole, format!("{count} of its elements away there is no memory"))
            })?;
            let origin = computed_from(&[origin, by.1]);
            Ok(Some(self.pointer(to, moved, origin)))
        };
        match (one, two, infix) {
            (Some(one), Some(two), Infix::Subtract) => {
                let step = stride(&one.0)?;
                if Some(step) != stride(&two.0).ok() {
                    let what = "these pointers point to things of different sizes";
                    return Err(Fault::new(whole, what).into());
                }
                let bytes = one.1.wrapping_sub(two.1).cast_signed();
                if bytes.checked_rem(step) != Some(0) {
                    let what = format!(
                        "these pointers are {bytes} bytes apart, which is no multiple of {step}"
                    );
                    return Err(Fault::new(whole, what)
                        .with_hint("to count bytes, cast both to `char *`")
                        .into());
                }
                let count = i128::from(bytes.checked_div(step).unwrap_or(0));
                let number = Number::Whole(Whole::new(count.cast_unsigned(), 64, true));
                Ok(Some(self.computed(number, computed_from(&[one.2, two.2]))))
            }
            (Some(_), Some(_), _) => Err(Fault::new(whole, "two pointers cannot be added").into()),
            (Some(one), None, _) => {
                let by = self.number(right.clone(), right_at)?;
                moved(one, by, if infix == Infix::Add { 1 } else { -1 })
            }
            (None, Some(two), Infix::Add) => {
                let by = self.number(left.clone(), left_at)?;
                moved(two, by, 1)
            }
            _ => Ok(None),
        }
    }

    /// What a pointer or an array points to, where that is, and how that was
    /// found. `None`: it is neither.
    pub(super) fn pointed(
        &self,
        operand: &Operand<'a, 'f>,
    ) -> Found<Option<(ResultType<'a, 'f>, u64, Origin)>> {
        let Operand::Object(object) = self.settled(operand.clone())? else { return Ok(None) };
        if object.bits.is_some() {
            return Ok(None);
        }
        let of = self.resolved(&object.of);
        if let Some(to) = self.target_type(&object.of) {
            let word = self.reading.word(&of, &object.place).map_err(|why| why.reason())?;
            return Ok(Some((to, word, object.place.origin())));
        }
        match (self.element_type(&object.of), object.place.address()) {
            (Some(element), Some(at)) => Ok(Some((element, at.0, Origin::Computed))),
            _ => Ok(None),
        }
    }
}
