//! What lies at an address.

use crate::base::addr::{FrameAddr, RunAddr};
use crate::dump::process::{Mapping, Thread};
use crate::heap::{Block, Heaps, MANY_CHUNKS, State};
use crate::inspect::Scene;
use crate::inspect::labels::stack_of;
use crate::report::build::mapping as reported;
use crate::report::model::{
    AddressKind, ByteSource, CodePlace, HeapBlock, HeapState, Hex, ModulePlace, Neighbor,
    StackPlace, Standpoint, SymbolPlace, ThreadBlock, ThreadLocalPlace, VariablePlace, What, text,
};
use crate::unwind::frame::{Frame, Stack};
use crate::variables::query::Viewpoint;
use crate::variables::query::inside::{Inside, outside, static_at, variable_at};

/// Below this Linux maps nothing, as it is set up everywhere
/// (`vm.mmap_min_addr`).
const NULL_PAGES: u64 = 0x1_0000;

/// The lowest address that the processor refuses, and the lowest of the
/// kernel's (Intel SDM volume 1, 3.3.7.1).
const LOWER_END: u64 = 1 << 47;
const UPPER_START: u64 = 0xffff_8000_0000_0000;

/// How far above its thread pointer a thread has data of its own: glibc's
/// `struct pthread` has 2,304 bytes, and others are smaller.
const THREAD_DATA: u64 = 2304;

/// Everything that is known of an address.
pub(super) fn what(
    scene: &Scene<'_, '_, '_, '_>,
    standpoint: Standpoint,
    expression: &str,
    at: RunAddr,
) -> What {
    let context = scene.view.context;
    let process = context.process;
    let mapping = process.mapping(at);
    let mut what = What {
        schema: What::SCHEMA.to_owned(),
        at: standpoint,
        expression: expression.to_owned(),
        address: Some(at.into()),
        kind: kind(at, mapping),
        mapping: mapping.map(reported),
        ..What::default()
    };
    let Some(mapping) = mapping else {
        if what.kind == AddressKind::Unmapped {
            (what.below, what.above) = neighbors(scene, at);
        }
        what.stack = guard_below(scene, at);
        return what;
    };
    if mapping.path.is_some() && is_in_file(scene, at) {
        let into = at.0.saturating_sub(mapping.range.start.0);
        what.file_offset = Some(Hex(mapping.offset.0.saturating_add(into)));
    }
    what.source = source(scene, at);
    if let (Some(name), Some(shown)) = (kernel_mapping(scene, mapping), &mut what.mapping) {
        shown.path = Some(name.to_owned());
        // Of these the kernel writes zeros, which nobody ever saw.
        if what.source == ByteSource::Missing {
            shown.dumped = 0;
        }
    }
    in_module(scene, at, &mut what);
    what.variable = static_at(scene.view, at).map(variable);
    what.thread_block = thread_block(scene, at);
    if what.variable.is_none() {
        in_thread_locals(scene, at, &mut what);
    }
    // A thread's own data lie above its stack, in the same mapping.
    let is_own = what.thread_block.is_some() || what.thread_local.is_some();
    if let Some((thread, offset)) = stack_of(process, at).filter(|_| !is_own) {
        let (place, variable) = on_stack(scene, thread, at, offset);
        what.stack = Some(place);
        what.variable = what.variable.take().or(variable);
    } else if mapping.permissions.known && !mapping.permissions.read {
        what.stack = guard(scene, mapping);
    }
    if what.stack.is_none() && !is_own && what.module.is_none() && mapping.permissions.write {
        let heaps = Heaps::read(process, context.memory, MANY_CHUNKS);
        what.heap = heaps.block(at).map(heap_block);
    }
    what
}

fn heap_block(block: Block) -> HeapBlock {
    let (state, list) = match block.state {
        State::Allocated => (HeapState::Allocated, None),
        State::Free(list) => (HeapState::Free, Some(list.name().to_owned())),
        State::Top => (HeapState::Top, None),
        State::Mapped => (HeapState::Mapped, None),
    };
    let Block { start, size, offset, .. } = block;
    HeapBlock { address: start.into(), size, offset, state, list }
}

/// The name that the kernel has for a mapping of its own.
fn kernel_mapping(scene: &Scene<'_, '_, '_, '_>, mapping: &Mapping) -> Option<&'static str> {
    /// `VSYSCALL_ADDR` of every process.
    const VSYSCALL: RunAddr = RunAddr(0xffff_ffff_ff60_0000);
    if mapping.path.is_some() {
        return None;
    }
    if mapping.range.start == VSYSCALL {
        return Some("[vsyscall]");
    }
    let process = scene.view.context.process;
    let vdso = process.modules.iter().find(|module| module.path == b"[vdso]")?.range;
    if vdso.contains(mapping.range.start) {
        return Some("[vdso]");
    }
    // It lies right below the vdso, in one or two mappings that are read-only.
    let mut start = vdso.start;
    for below in process.mappings.iter().rev().skip_while(|it| it.range.end > vdso.start) {
        let is_part = below.range.end == start
            && below.path.is_none()
            && below.permissions.read
            && !below.permissions.write
            && !below.permissions.execute;
        if !is_part {
            return None;
        }
        if below.range == mapping.range {
            return Some("[vvar]");
        }
        start = below.range.start;
    }
    None
}

fn kind(at: RunAddr, mapping: Option<&Mapping>) -> AddressKind {
    match at.0 {
        _ if mapping.is_some() => AddressKind::Mapped,
        ..NULL_PAGES => AddressKind::Null,
        NULL_PAGES..LOWER_END => AddressKind::Unmapped,
        UPPER_START.. => AddressKind::Kernel,
        _ => AddressKind::NonCanonical,
    }
}

/// Whether the file holds the byte: not that of `.bss`, which is mapped from
/// the end of a page of the file.
fn is_in_file(scene: &Scene<'_, '_, '_, '_>, at: RunAddr) -> bool {
    let module = scene.view.context.symbols.module_at(at).map(|(_, module)| module);
    module.is_none_or(|module| {
        module.image().is_none() || module.bytes_at(at.to_link(module.bias()), 1).is_some()
    })
}

fn source(scene: &Scene<'_, '_, '_, '_>, at: RunAddr) -> ByteSource {
    let context = scene.view.context;
    match context.process.memory.read(at, &mut [0]) {
        0 if context.memory.read(at, &mut [0]) > 0 => ByteSource::File,
        0 => ByteSource::Missing,
        _ => ByteSource::Dump,
    }
}

/// The mappings on both sides of an address where nothing is mapped.
fn neighbors(scene: &Scene<'_, '_, '_, '_>, at: RunAddr) -> (Option<Neighbor>, Option<Neighbor>) {
    let mappings = &scene.view.context.process.mappings;
    let after = mappings.partition_point(|mapping| mapping.range.start <= at);
    let below = after.checked_sub(1).and_then(|index| mappings.get(index));
    let below = below.map(|mapping| Neighbor {
        mapping: reported(mapping),
        distance: at.0.saturating_sub(mapping.range.end.0),
    });
    let above = mappings.get(after).map(|mapping| Neighbor {
        mapping: reported(mapping),
        distance: mapping.range.start.0.saturating_sub(at.0),
    });
    (below, above)
}

fn in_module(scene: &Scene<'_, '_, '_, '_>, at: RunAddr, what: &mut What) {
    let symbols = scene.view.context.symbols;
    let Some((_, module)) = symbols.module_at(at) else { return };
    let offset = at.to_link(module.bias());
    let section = module.section_at(offset).map(text);
    what.module = Some(ModulePlace { path: text(module.path()), offset: offset.into(), section });
    if let Some(symbol) = symbols.symbol_at(at) {
        what.symbol = Some(SymbolPlace {
            name: symbol.name,
            offset: symbol.offset,
            is_function: symbol.is_function,
        });
    }
    let mapping = scene.view.context.process.mapping(at);
    let is_code = mapping.is_some_and(|mapping| mapping.permissions.execute);
    if is_code || what.symbol.as_ref().is_some_and(|symbol| symbol.is_function) {
        let calls = symbols.calls(FrameAddr::Pc(at));
        what.code = calls
            .iter()
            .map(|call| CodePlace {
                function: call.function.as_ref().map(|function| function.display.clone()),
                function_offset: call.function.as_ref().and_then(|function| function.offset),
                inlined: call.is_inlined,
                file: call.place.as_ref().map(|place| place.file.clone()),
                line: call.place.as_ref().and_then(|place| place.line),
            })
            .collect();
        what.code.retain(|code| code.function.is_some() || code.line.is_some());
    }
}

fn variable(inside: Inside) -> VariablePlace {
    let (file, line) = inside.declared.unzip();
    VariablePlace {
        name: inside.variable,
        type_name: inside.type_name,
        address: inside.start.into(),
        size: inside.size,
        file,
        line,
        path: inside.path,
        path_type: inside.part_type,
        path_offset: inside.into,
        is_padding: inside.is_padding,
        thread: None,
    }
}

/// The variables that each thread has for itself.
fn in_thread_locals(scene: &Scene<'_, '_, '_, '_>, at: RunAddr, what: &mut What) {
    let Some(found) = scene.view.context.thread_local_at(at) else { return };
    let thread = found.thread.tid;
    what.thread_local =
        Some(ThreadLocalPlace { thread, module: text(&found.module.path), offset: found.offset });
    let inside = found.variable.and_then(|(entry, into)| outside(scene.view, entry, at, into));
    what.variable = inside.map(|inside| VariablePlace { thread: Some(thread), ..variable(inside) });
}

/// The frame and the variable of a thread that an address of its stack is in.
fn on_stack(
    scene: &Scene<'_, '_, '_, '_>,
    thread: &Thread,
    at: RunAddr,
    offset: i64,
) -> (StackPlace, Option<VariablePlace>) {
    let mut place = StackPlace {
        thread: thread.tid,
        thread_name: thread.name.as_deref().map(text),
        from_stack_pointer: offset,
        ..StackPlace::default()
    };
    if offset < 0 {
        return (place, None);
    }
    let context = scene.view.context;
    let stack: Stack = scene.unwinder.walk(thread);
    let frames: Vec<&Frame> = stack.frames().collect();
    let mut number = 0_u64;
    for (index, frame) in frames.iter().enumerate() {
        if index == stack.inner.len() {
            number = number.saturating_add(stack.middle.len() as u64);
        }
        let calls = context.symbols.calls(frame.at);
        let (start, end) = (frame.registers.sp(), frame.cfa);
        let covers = start.is_some_and(|start| start <= at) && end.is_some_and(|end| at < end);
        if !covers {
            number = number.saturating_add(calls.len() as u64);
            continue;
        }
        // Of several calls in one frame the real one owns it; a variable tells
        // better.
        let own = (calls.len() as u64).saturating_sub(1);
        place.frame = Some(number.saturating_add(own));
        let name = |index: usize| {
            let function = calls.get(index)?.function.as_ref()?;
            Some(function.display.clone())
        };
        place.function = name(calls.len().saturating_sub(1));
        for (inner, call) in calls.iter().enumerate() {
            let view = Viewpoint {
                context,
                thread: Some(thread),
                frames: &frames,
                index,
                call: Some(call),
            };
            if let Some(found) = variable_at(&view, at) {
                place.frame = Some(number.saturating_add(inner as u64));
                place.function = name(inner);
                return (place, Some(variable(found)));
            }
        }
        let saved = scene.unwinder.saved_at(frame, at);
        let arch = context.process.arch;
        place.saved = saved.and_then(|register| match register {
            register if register == arch.program_counter() => Some("return address".to_owned()),
            register => arch.register_name(register).map(str::to_owned),
        });
        return (place, None);
    }
    (place, None)
}

/// The stack whose lower end a mapping guards that nobody may touch.
fn guard(scene: &Scene<'_, '_, '_, '_>, mapping: &Mapping) -> Option<StackPlace> {
    let permissions = mapping.permissions;
    if permissions.write || permissions.execute {
        return None;
    }
    guarded(scene, mapping.range.end, mapping.range.start)
}

/// The kernel leaves a gap below the main thread's stack.
fn guard_below(scene: &Scene<'_, '_, '_, '_>, at: RunAddr) -> Option<StackPlace> {
    /// `stack_guard_gap`, 256 pages.
    const GAP: u64 = 256 << 12;
    let mappings = &scene.view.context.process.mappings;
    let after = mappings.partition_point(|mapping| mapping.range.start <= at);
    let above = mappings.get(after)?;
    let distance = above.range.start.0.saturating_sub(at.0);
    if distance > GAP {
        return None;
    }
    guarded(scene, above.range.start, at)
}

/// The thread whose stack begins at `start`.
fn guarded(scene: &Scene<'_, '_, '_, '_>, start: RunAddr, at: RunAddr) -> Option<StackPlace> {
    let (thread, _) = stack_of(scene.view.context.process, start)?;
    let arch = scene.view.context.process.arch;
    let index = arch.general_index(arch.stack_pointer())?;
    let pointer = thread.registers.as_ref()?.word(index)?;
    Some(StackPlace {
        thread: thread.tid,
        thread_name: thread.name.as_deref().map(text),
        from_stack_pointer: at.0.wrapping_sub(pointer).cast_signed(),
        is_guard: true,
        ..StackPlace::default()
    })
}

fn thread_block(scene: &Scene<'_, '_, '_, '_>, at: RunAddr) -> Option<ThreadBlock> {
    let process = scene.view.context.process;
    process.threads.iter().find_map(|thread| {
        let registers = thread.registers.as_ref()?;
        let pointer = registers.word(process.arch.thread_pointer_index())?;
        let offset = at.0.checked_sub(pointer).filter(|offset| *offset < THREAD_DATA)?;
        let is_one = process.mapping(RunAddr(pointer))?.range.contains(at);
        (pointer != 0 && is_one).then_some(ThreadBlock { thread: thread.tid, offset })
    })
}
