//! Answers to questions, for the report's readers.

use crate::report::build::value::value;
use crate::report::model;
use crate::report::model::{Hex, Printed};
use crate::variables::query::Answer;
use crate::variables::query::fault::Fault;
use crate::variables::query::layout::{Layout, LayoutKind, LayoutMember};

/// The answer to one question, or what is wrong with that.
pub fn printed(expression: &str, answer: Result<Answer, Fault>) -> Printed {
    let expression = expression.to_owned();
    match answer {
        Ok(answer) => Printed {
            expression,
            type_name: answer.type_name,
            address: answer.value.as_ref().and_then(|value| value.address).map(Hex::from),
            value: answer.value.as_ref().map(value),
            size: answer.size,
            layout: answer.layout.as_ref().map(layout),
            notes: answer.notes,
            fault: None,
        },
        Err(found) => Printed { expression, fault: Some(fault(&found)), ..Printed::default() },
    }
}

/// What is wrong with an expression.
pub fn fault(fault: &Fault) -> model::Fault {
    model::Fault {
        message: fault.what.clone(),
        start: fault.at.start,
        end: fault.at.end,
        hint: fault.hint.clone(),
    }
}

fn layout(layout: &Layout) -> model::Layout {
    let enumerators = layout.enumerators.iter();
    model::Layout {
        type_name: layout.type_name.clone(),
        plain_type: layout.plain_name.clone(),
        size: layout.size,
        members: layout.members.iter().map(member).collect(),
        enumerators: enumerators
            .map(|(name, value)| model::Enumerator { name: name.clone(), value: value.to_string() })
            .collect(),
        truncated: (layout.omitted > 0).then_some(layout.omitted),
    }
}

fn member(member: &LayoutMember) -> model::LayoutMember {
    model::LayoutMember {
        kind: match member.kind {
            LayoutKind::Member => model::LayoutKind::Member,
            LayoutKind::Base => model::LayoutKind::Base,
            LayoutKind::Hidden => model::LayoutKind::Hidden,
            LayoutKind::Variant => model::LayoutKind::Variant,
            LayoutKind::Hole => model::LayoutKind::Hole,
        },
        offset: member.offset,
        size: member.size,
        bit: member.bits.map(|(first, _)| first),
        bits: member.bits.map(|(_, count)| count),
        type_name: member.type_name.clone(),
        name: member.name.clone(),
        depth: member.depth,
    }
}
