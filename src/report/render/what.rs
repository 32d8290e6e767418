//! What lies at an address, as text: one sentence, then what it rests on.

use std::fmt::{self, Write};

use crate::base::count::{counted, thousands};
use crate::report::model::{
    AddressKind, ByteSource, HeapBlock, HeapState, Mapping, Neighbor, StackPlace, VariablePlace,
    What,
};
use crate::report::render::escape::escaped;
use crate::report::render::theme::{Role, Theme};

/// Bytes below the stack pointer that a function may use without moving it
/// (System V psABI for AMD64, 3.2.2).
const RED_ZONE: u64 = 128;

/// Writes what is known of an address.
///
/// # Errors
///
/// Only those of `out`.
pub fn render(what: &What, theme: Theme, out: &mut dyn Write) -> fmt::Result {
    let address = what.address.unwrap_or_default();
    theme.paint(Role::Name, &address.to_string(), out)?;
    writeln!(out, ": {}", escaped(&sentence(what)))?;
    let mut line = |label: &str, text: &str| -> fmt::Result {
        out.write_str("  ")?;
        theme.paint(Role::Dim, &format!("{label:<9}"), out)?;
        writeln!(out, " {}", escaped(text))
    };
    if let Some(object) = what.object {
        let text = match object == address {
            true => format!("the place of `{}`", what.expression),
            false => format!("the value of `{}`, which itself lies at {object}", what.expression),
        };
        line("means", &text)?;
    }
    if let Some(found) = &what.variable {
        line("variable", &variable(found))?;
    }
    for code in &what.code {
        let function = code.function.as_deref().unwrap_or("??");
        let mut text = if code.inlined { "[inlined] " } else { "" }.to_owned();
        text.push_str(function);
        if let Some(offset) = code.function_offset.filter(|offset| *offset > 0) {
            text.push_str(&format!("+{offset}"));
        }
        if let (Some(file), Some(number)) = (&code.file, code.line) {
            text.push_str(&format!(" at {file}:{number}"));
        }
        line("code", &text)?;
    }
    if let Some(stack) = &what.stack {
        line("stack", &self::stack(stack))?;
    }
    if let Some(block) = &what.heap {
        line("heap", &heap(block))?;
    }
    if let Some(place) = &what.thread_local {
        let text = format!(
            "{} into the thread-local variables of {} in thread {}",
            counted(place.offset, "byte"),
            place.module,
            place.thread
        );
        line("thread", &text)?;
    }
    if let Some(block) = &what.thread_block {
        let text = format!(
            "{} above the thread pointer (fs_base) of thread {}",
            counted(block.offset, "byte"),
            block.thread
        );
        line("thread", &text)?;
    }
    if let Some(symbol) = what.symbol.as_ref().filter(|_| what.code.is_empty()) {
        line("symbol", &format!("{}+{}", symbol.name, symbol.offset))?;
    }
    if let Some(module) = &what.module {
        let section = module.section.as_ref().map(|name| format!(", section {name}"));
        line(
            "module",
            &format!("{} at {}{}", module.path, module.offset, section.unwrap_or_default()),
        )?;
    }
    if let Some(found) = &what.mapping {
        line("mapping", &mapping(found, what))?;
    }
    if let Some(below) = &what.below {
        line("below", &neighbor(below, "behind"))?;
    }
    if let Some(above) = &what.above {
        line("above", &neighbor(above, "before"))?;
    }
    Ok(())
}

/// The most that can be said in one sentence.
fn sentence(what: &What) -> String {
    match what.kind {
        AddressKind::Null if what.address.unwrap_or_default().0 == 0 => {
            return "the null pointer; nothing is mapped there".to_owned();
        }
        AddressKind::Null => {
            let offset = counted(what.address.unwrap_or_default().0, "byte");
            return format!("nothing is mapped there: a null pointer and {offset}");
        }
        AddressKind::NonCanonical => {
            return "no address: the processor refuses it, whatever is mapped".to_owned();
        }
        AddressKind::Kernel => return "an address of the kernel".to_owned(),
        AddressKind::Unmapped if what.stack.is_some() => {
            return "nothing is mapped there: the gap below a stack".to_owned();
        }
        AddressKind::Unmapped => return "nothing is mapped there".to_owned(),
        AddressKind::Mapped => (),
    }
    if let Some(variable) = &what.variable {
        return in_variable(variable);
    }
    if let Some(code) = what.code.first() {
        let function = code.function.as_deref().unwrap_or("a function without a name");
        return format!("code of {function}");
    }
    if let Some(place) = &what.thread_local {
        return format!("in thread-local variables of {}, thread {}", place.module, place.thread);
    }
    if let Some(stack) = &what.stack {
        return on_stack(stack);
    }
    if let Some(block) = &what.heap {
        return match block.state {
            HeapState::Allocated => "in a block of the heap".to_owned(),
            HeapState::Mapped => "in a large block of the heap".to_owned(),
            HeapState::Free => "in a freed block of the heap".to_owned(),
            HeapState::Top => "in the part of the heap that was never used".to_owned(),
        };
    }
    if let Some(block) = &what.thread_block {
        return format!("in what thread {} has for itself", block.thread);
    }
    if let Some(symbol) = &what.symbol {
        let offset = if symbol.offset > 0 { format!("+{}", symbol.offset) } else { String::new() };
        return format!("{}{offset}", symbol.name);
    }
    if let Some(module) = &what.module {
        return match &module.section {
            Some(section) => format!("in {section} of {}", module.path),
            None => format!("in {}", module.path),
        };
    }
    match what.mapping.as_ref().and_then(|mapping| mapping.path.as_deref()) {
        Some("[vvar]") => {
            "in [vvar], the clocks that the kernel shares with the process".to_owned()
        }
        Some("[vsyscall]") => "in [vsyscall], the kernel's code for old system calls".to_owned(),
        Some(path) => format!("in a mapping of {path}"),
        None => "in memory without a file".to_owned(),
    }
}

fn in_variable(variable: &VariablePlace) -> String {
    let part = &variable.path;
    let rest = match variable.path_offset {
        0 => String::new(),
        offset => format!(", {} in", counted(offset, "byte")),
    };
    let padding = if variable.is_padding { ", between its members" } else { "" };
    let whose = variable.thread.map(|thread| format!(" of thread {thread}")).unwrap_or_default();
    format!("{part}{whose} ({}){rest}{padding}", variable.path_type)
}

fn variable(variable: &VariablePlace) -> String {
    let mut text = format!(
        "{} ({}, {} at {})",
        variable.name,
        variable.type_name,
        counted(variable.size, "byte"),
        variable.address
    );
    if let Some(thread) = variable.thread {
        text.push_str(&format!(" of thread {thread}"));
    }
    if let (Some(file), Some(line)) = (&variable.file, variable.line) {
        text.push_str(&format!(", declared at {file}:{line}"));
    }
    text
}

fn on_stack(stack: &StackPlace) -> String {
    let thread = format!("thread {}", stack.thread);
    if stack.is_guard {
        return format!("in the guard below the stack of {thread}");
    }
    if let (Some(saved), Some(frame)) = (&stack.saved, stack.frame) {
        let what = match saved.as_str() {
            "return address" => "the return address".to_owned(),
            register => format!("the caller's {register}, saved"),
        };
        let function = stack.function.as_deref().unwrap_or("??");
        return format!("{what} in frame {frame}, {function}, of {thread}");
    }
    match (stack.frame, &stack.function, stack.from_stack_pointer) {
        (Some(frame), Some(function), _) => {
            format!("on the stack of {thread}, in frame {frame}, {function}")
        }
        (Some(frame), None, _) => format!("on the stack of {thread}, in frame {frame}"),
        (None, _, below) if below < 0 => {
            format!("below the stack pointer of {thread}")
        }
        _ => format!("on the stack of {thread}, outside of the frames that are known"),
    }
}

fn stack(stack: &StackPlace) -> String {
    let mut text = format!("thread {}", stack.thread);
    if let Some(name) = &stack.thread_name {
        text.push_str(&format!(" \"{name}\""));
    }
    if let Some(frame) = stack.frame {
        let function = stack.function.as_deref().unwrap_or("??");
        text.push_str(&format!(", frame {frame} ({function})"));
    }
    let distance = stack.from_stack_pointer.unsigned_abs();
    match stack.from_stack_pointer {
        _ if stack.is_guard => text.push_str(", the guard below it"),
        0.. => text.push_str(&format!(", {} above its stack pointer", counted(distance, "byte"))),
        _ if distance <= RED_ZONE => text.push_str(&format!(
            ", {} below its stack pointer, in the red zone",
            counted(distance, "byte")
        )),
        _ => text.push_str(&format!(
            ", {} below its stack pointer: left over from calls that have returned",
            counted(distance, "byte")
        )),
    }
    text
}

fn heap(block: &HeapBlock) -> String {
    let state = match block.state {
        HeapState::Allocated => "allocated, or freed and kept for reuse",
        HeapState::Free => match block.list.as_deref() {
            Some("tcache") => "free, in a thread's cache",
            Some("fastbin") => "free, in a list of small blocks",
            _ => "free",
        },
        HeapState::Top => "never handed out",
        HeapState::Mapped => "allocated, in a mapping of its own",
    };
    let size = counted(block.size, "byte");
    let place = match block.offset {
        0.. => format!("{} into a block", counted(block.offset.unsigned_abs(), "byte")),
        _ => format!(
            "{} before a block, in the allocator's words",
            thousands(block.offset.unsigned_abs())
        ),
    };
    format!("{place} of {size} at {}: {state}", block.address)
}

fn mapping(mapping: &Mapping, what: &What) -> String {
    let mut text = range(mapping);
    if let Some(offset) = what.file_offset {
        text.push_str(&format!(", offset {offset} in the file"));
    }
    text.push_str(match what.source {
        ByteSource::Dump => "; in the dump",
        ByteSource::File => "; not in the dump, read from the file",
        ByteSource::Missing => "; not in the dump",
    });
    text
}

fn range(mapping: &Mapping) -> String {
    let permissions = mapping.permissions.as_deref().unwrap_or("???");
    let path = mapping.path.as_deref().unwrap_or("(no file)");
    format!("{}-{} {permissions} {path}", mapping.start, mapping.end)
}

fn neighbor(neighbor: &Neighbor, side: &str) -> String {
    format!("{} {side} {}", counted(neighbor.distance, "byte"), range(&neighbor.mapping))
}
