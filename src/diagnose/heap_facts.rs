//! What the heap says about a crash, in words.

use crate::base::addr::RunAddr;
use crate::base::signal::Signal;
use crate::diagnose::culprit::{Passed, first_argument};
use crate::diagnose::ground::{global_at, memory};
use crate::diagnose::heap_words::{Complaint, complaint};
use crate::diagnose::scene::{Scene, Sender};
use crate::diagnose::wording::{ascii, bytes, quote};
use crate::heap::{Block, Damage, State, Word};
use crate::variables::value::{Value, ValueKind};

/// Calls whose variables are searched for a pointer to a block.
const MOST_CALLS: usize = 64;

/// How deep the parts of a variable are searched for one.
const MOST_DEPTH: usize = 4;

/// Functions that give a block back: what they get is to be one.
const FREEING: &[&str] =
    &["free", "cfree", "realloc", "reallocarray", "__libc_free", "__libc_realloc"];

/// An abort by an allocator that found its data damaged.
#[derive(Clone, Debug)]
pub struct HeapAbort {
    /// What it said.
    pub words: String,
    /// Where that was found.
    pub variable: &'static str,
    /// Which kind of complaint it is.
    pub complaint: Complaint,
    /// What it means, in more words.
    pub meaning: &'static str,
    /// What the program gave back, where that can be told.
    pub passed: Option<Passed>,
    /// The program's own call that led there.
    pub call: Option<usize>,
}

/// The allocator's complaint, if the process ended by one.
pub fn heap_abort(scene: &Scene<'_, '_>) -> Option<HeapAbort> {
    let is_own = !matches!(scene.sender(), Sender::Other { .. });
    if !scene.crash.died_of(Signal::ABRT) || !is_own {
        return None;
    }
    let message = scene.message.as_ref()?;
    let words = quote(&message.text);
    let (complaint, meaning) = complaint(&words)?;
    let own = scene.own_call(0);
    let passed = own.and_then(|(index, call)| {
        let inner = scene.crash.calls().get(index.checked_sub(1)?)?;
        let is_freeing =
            |name: &str| FREEING.contains(&name) || name.starts_with("operator delete");
        let gives_back = inner.function().is_some_and(is_freeing);
        gives_back.then(|| first_argument(scene, call.frame)).flatten()
    });
    let call = own.map(|(index, _)| index);
    Some(HeapAbort { words, variable: message.variable, complaint, meaning, passed, call })
}

impl HeapAbort {
    /// The block that was given back, by its start, and how the program calls
    /// it: "`list->head`", "the block at 0x55...".
    pub fn given(&self) -> Option<(RunAddr, String)> {
        let passed = self.passed.as_ref()?;
        let at = RunAddr(passed.value);
        let name = passed.name.as_ref().map(|name| format!("`{name}`"));
        Some((at, name.unwrap_or_else(|| format!("the pointer {at}"))))
    }
}

/// What an address is to the heap: "8 bytes into a freed block of 40 bytes".
pub fn place_in(block: &Block) -> String {
    let state = match block.state {
        State::Free(_) => "freed block",
        State::Allocated | State::Mapped => "block",
        State::Top => "part of the heap that was never handed out,",
    };
    let size = bytes(block.size);
    match block.offset {
        0 => format!("the start of a {state} of {size}"),
        1.. => format!("{} into a {state} of {size}", bytes(block.offset.unsigned_abs())),
        _ => format!("in the allocator's words before a {state} of {size}"),
    }
}

/// What a pointer that is no block points to, as a clause: ", which is the
/// variable `table`".
pub fn instead(scene: &Scene<'_, '_>, at: RunAddr) -> String {
    if let Some(block) = scene.heaps().block(at) {
        return format!(", which is {}", place_in(&block));
    }
    if let Some(name) = global_at(scene, at) {
        return format!(", which is the static variable `{name}`");
    }
    let process = scene.crash.process;
    let Some(mapping) = process.mapping(at) else {
        return ", where nothing is mapped".to_owned();
    };
    let index = process.arch.general_index(process.arch.stack_pointer());
    let is_stack = process.threads.iter().any(|thread| {
        let pointer = index.and_then(|index| thread.registers.as_ref()?.word(index));
        pointer.is_some_and(|pointer| mapping.range.contains(RunAddr(pointer)))
    });
    if is_stack {
        return ", which lies on the stack".to_owned();
    }
    format!(", in {}", memory(mapping))
}

/// The damage of a kind that is nearest behind an address, or else the first.
pub fn damage(scene: &Scene<'_, '_>, near: Option<RunAddr>, is_link: bool) -> Option<Damage> {
    let fits = |damage: &&Damage| (damage.word == Word::Link) == is_link;
    let all = scene.heaps().damages();
    let behind = near.and_then(|near| {
        all.iter()
            .filter(fits)
            .filter(|damage| damage.at.0 >= near.0.saturating_sub(16))
            .min_by_key(|damage| damage.at)
    });
    behind.or_else(|| all.iter().find(fits)).copied()
}

/// The words of damage: "the header behind the block of 24 bytes of `name`
/// holds the text "ABCDEFGH"".
pub fn damaged(scene: &Scene<'_, '_>, damage: &Damage) -> String {
    let holds = match ascii(damage.found) {
        Some(text) => format!("holds the text \"{text}\""),
        None => format!("holds {:#x}", damage.found),
    };
    let block = damage.before.map(|(start, size)| {
        let name = pointer_to(scene, start).map(|name| format!("of `{name}`"));
        let which = name.unwrap_or_else(|| format!("at {start}"));
        format!("the block of {} {which}", bytes(size))
    });
    let what = match (damage.word, block) {
        (Word::Link, Some(block)) => {
            format!("the link in the freed {}", block.trim_start_matches("the "))
        }
        (Word::Size, Some(block)) => format!("the header behind {block}"),
        (Word::TopSize, Some(block)) => format!("the size of the heap's rest, behind {block},"),
        (Word::PreviousSize, Some(block)) => format!("the size that is kept behind {block}"),
        (_, None) => format!("the allocator's word at {}", damage.at),
    };
    format!("{what} {holds}")
}

/// What stands around a damaged header: the end of the text that ran over it.
pub fn overrun_text(scene: &Scene<'_, '_>, damage: &Damage) -> Option<String> {
    let (start, size) = damage.before?;
    let end = start.checked_add(size)?;
    let from = RunAddr(start.0.max(end.0.saturating_sub(16)));
    let (text, _) = scene.crash.memory.text(from, 64).ok()?;
    let reaches = from.checked_add(text.len() as u64).is_some_and(|after| after > damage.at);
    let is_text = text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    (reaches && is_text).then(|| String::from_utf8_lossy(&text).into_owned())
}

/// The variable of the crashed thread's calls that points to an address.
pub fn pointer_to(scene: &Scene<'_, '_>, at: RunAddr) -> Option<String> {
    let calls = scene.crash.calls().iter().take(MOST_CALLS);
    let variables = calls.flat_map(|call| &call.variables);
    variables
        .into_iter()
        .find_map(|variable| search(&variable.value, &variable.name, at, MOST_DEPTH))
}

fn search(value: &Value, name: &str, at: RunAddr, depth: usize) -> Option<String> {
    let is_pointer = matches!(value.kind, ValueKind::Pointer | ValueKind::String);
    if is_pointer && value.raw == Some(at.0) {
        return Some(name.to_owned());
    }
    let depth = depth.checked_sub(1)?;
    let mut fields = value.fields.iter();
    let found = fields.find_map(|(field, inner)| match field.as_str() {
        "*" => inner
            .fields
            .iter()
            .find_map(|(field, inner)| search(inner, &format!("{name}->{field}"), at, depth)),
        _ => search(inner, &format!("{name}.{field}"), at, depth),
    });
    found.or_else(|| {
        let mut elements = value.elements.iter().enumerate();
        elements.find_map(|(index, inner)| search(inner, &format!("{name}[{index}]"), at, depth))
    })
}
