//! Questions about a dead process, in an expression language: names of
//! variables and types, members, elements, arithmetic, casts.
//!
//! `lexer` and `parser` know no process; `evaluate` gives names a
//! meaning; `show` reads the values, `formatted` writes them as asked. What
//! means nothing is a [`Fault`] with its place; what cannot be known is a value
//! that says why, as everywhere.

mod access;
mod arithmetic;
mod definitions;
mod elements;
mod evaluate;
pub mod fault;
pub mod format;
mod formatted;
mod functions;
mod hierarchy;
pub mod inside;
pub mod layout;
mod lexer;
mod members;
mod names;
mod number;
mod operand;
mod parser;
mod paths;
mod registers;
mod result_type;
mod rewritten;
mod show;
mod spelling;
mod syntax;
mod type_lookup;
mod type_syntax;

use std::cell::RefCell;

use crate::base::addr::RunAddr;
use crate::dump::process::Thread;
use crate::symbols::functions::Call;
use crate::symbols::types::Shape;
use crate::unwind::frame::Frame;
use crate::variables::query::evaluate::Evaluator;
use crate::variables::query::fault::{Fault, Span, Trouble};
use crate::variables::query::format::Format;
use crate::variables::query::layout::{Layout, layout};
use crate::variables::query::operand::Operand;
use crate::variables::query::parser::question;
use crate::variables::query::result_type::ResultType;
use crate::variables::query::syntax::Subject;
use crate::variables::read::Reading;
use crate::variables::value::Value;
use crate::variables::{Context, activation};

/// Where expressions are evaluated: a call of a thread.
pub struct Viewpoint<'v, 'a, 'f> {
    /// The process.
    pub context: &'v Context<'a, 'f>,
    /// The thread. `None`: the process has none that is known.
    pub thread: Option<&'v Thread>,
    /// Its frames, innermost first.
    pub frames: &'v [&'v Frame],
    /// Which of them.
    pub index: usize,
    /// Which of the frame's calls. `None`: there is no frame.
    pub call: Option<&'v Call>,
}

/// What is known of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The type, as its language writes it. `None`: it has none that is known.
    pub type_name: Option<String>,
    /// The value. `None`: the type was asked for.
    pub value: Option<Value>,
    /// In bytes, where that is known.
    pub size: Option<u64>,
    /// What the type is made of, when that was asked for.
    pub layout: Option<Layout>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// Answers what was asked. `format` is used where the text names none.
///
/// # Errors
///
/// When the text means nothing; says where and why.
pub fn answer(
    view: &Viewpoint<'_, '_, '_>,
    text: &str,
    format: Option<Format>,
) -> Result<Answer, Fault> {
    with_evaluator(view, text, |evaluator| {
        let question = question(text, &|name| evaluator.is_type(name))?;
        let format = question.format.or(format);
        let types = &view.context.types;
        let of = match &question.subject {
            Subject::Type(name) => Some(evaluator.type_named(name)),
            Subject::Value(expression) if question.wants_type => {
                evaluator.type_in_place(expression).map(Ok)
            }
            Subject::Value(_) => None,
        };
        let mut answer =
            Answer { type_name: None, value: None, size: None, layout: None, notes: Vec::new() };
        let found = match (of, &question.subject) {
            (Some(of), _) => of.map(Asked::Type),
            (None, Subject::Value(expression)) => {
                evaluator.evaluate(expression).map(|operand| Asked::Value(Box::new(operand)))
            }
            (None, Subject::Type(name)) => evaluator.type_named(name).map(Asked::Type),
        };
        match found {
            Ok(Asked::Type(of)) => {
                answer.type_name = Some(of.name(types));
                answer.size = of.size(types);
                answer.layout = Some(layout(&of, types));
            }
            Ok(Asked::Value(operand)) => {
                let of = match &*operand {
                    Operand::Object(object) => Some(object.of.clone()),
                    Operand::Part(..) | Operand::Symbol { .. } => None,
                };
                answer.type_name = of.as_ref().map(|of| of.name(types));
                answer.size = match &*operand {
                    Operand::Object(object) if object.bits.is_some() => None,
                    _ => of.as_ref().and_then(|of| {
                        let resolved = of.resolved(types);
                        // The program computed the length.
                        let computed = || match &resolved.shape {
                            Shape::Array(array) => evaluator.array_bytes(&resolved, array).ok(),
                            _ => None,
                        };
                        of.size(types).or_else(computed)
                    }),
                };
                if question.wants_type {
                    answer.layout = of.map(|of| layout(&target(evaluator, of), types));
                } else {
                    let mut value = evaluator.value(&operand, format);
                    if let (Subject::Value(expression), None) = (&question.subject, format) {
                        evaluator.number_enumerator(expression, &operand, &mut value);
                    }
                    answer.value = Some(value);
                }
            }
            Err(Trouble::Unknown(why)) => answer.value = Some(Value::unknown(why)),
            Err(Trouble::Fault(fault)) => return Err(fault),
        }
        answer.notes = evaluator.notes.take();
        // An offset from null is no mistake, what lies there is.
        if answer.value.as_ref().is_some_and(|value| !value.is_known()) {
            let nulls = evaluator.nulls.take().into_iter();
            answer.notes.extend(nulls.map(|written| format!("`{written}` is a null pointer")));
        }
        Ok(answer)
    })
}

/// The address that an expression means: where a structure or an array is,
/// where a pointer points to, or the number itself.
///
/// # Errors
///
/// When the text means nothing, or no address, or one that is not known.
pub fn address(view: &Viewpoint<'_, '_, '_>, text: &str) -> Result<RunAddr, Fault> {
    with_evaluator(view, text, |evaluator| {
        let question = question(text, &|name| evaluator.is_type(name))?;
        let whole = Span { start: 0, end: text.len() };
        let found = match &question.subject {
            Subject::Value(expression) => {
                let operand = evaluator.evaluate(expression);
                operand.and_then(|operand| evaluator.address(operand, expression.at))
            }
            Subject::Type(name) => {
                Err(Fault::new(name.at, "an address is expected here, not a type").into())
            }
        };
        found.map_err(|trouble| match trouble {
            Trouble::Unknown(why) => Fault::new(whole, format!("the address is not known: {why}")),
            Trouble::Fault(fault) => fault,
        })
    })
}

/// The whole number that an expression means, which must be within `range`.
///
/// # Errors
///
/// When the text means nothing, or no such number, or one that is not known.
pub fn whole(
    view: &Viewpoint<'_, '_, '_>,
    text: &str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Fault> {
    with_evaluator(view, text, |evaluator| {
        let question = question(text, &|name| evaluator.is_type(name))?;
        let at = Span { start: 0, end: text.len() };
        let found = match &question.subject {
            Subject::Value(expression) => evaluator.whole(expression),
            Subject::Type(_) => Err(Fault::new(at, "a number is expected here").into()),
        };
        match found {
            Ok(number) => u64::try_from(number).ok().filter(|number| range.contains(number)).ok_or(
                Fault::new(at, format!("it must be from {} to {}", range.start(), range.end())),
            ),
            Err(Trouble::Unknown(why)) => {
                Err(Fault::new(at, format!("the number is not known: {why}")))
            }
            Err(Trouble::Fault(fault)) => Err(fault),
        }
    })
}

enum Asked<'a, 'f> {
    Type(ResultType<'a, 'f>),
    Value(Box<Operand<'a, 'f>>),
}

/// The type whose layout is worth showing: what a pointer points to.
fn target<'a, 'f>(
    evaluator: &Evaluator<'_, '_, 'a, 'f>,
    of: ResultType<'a, 'f>,
) -> ResultType<'a, 'f> {
    let target = match evaluator.resolved(&of).shape {
        Shape::Reference(to) => Some(ResultType::Declared(to)),
        _ => evaluator.target_type(&of),
    };
    let shape = target.as_ref().map(|target| evaluator.resolved(target));
    match (target, shape.map(|of| of.composite().is_some())) {
        (Some(target), Some(true)) => target,
        _ => of,
    }
}

/// Evaluates in one call.
fn with_evaluator<'v, 'a, 'f, R>(
    view: &Viewpoint<'v, 'a, 'f>,
    text: &str,
    ask: impl FnOnce(&Evaluator<'_, 'v, 'a, 'f>) -> R,
) -> R {
    let context = view.context;
    let found = view.call.and_then(|call| activation(context, view.frames, view.index, call));
    let (activation, function) = match &found {
        Some((activation, function)) => (Some(activation), Some(*function)),
        None => (None, None),
    };
    let evaluator = Evaluator {
        view,
        activation,
        function,
        reading: Reading::new(context, activation),
        dialect: function.map_or(names::PLAIN, |function| context.types.dialect(function)),
        text,
        notes: RefCell::default(),
        nulls: RefCell::default(),
    };
    ask(&evaluator)
}
