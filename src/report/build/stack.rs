//! Threads and frames for the report.

use std::collections::BTreeMap;

use crate::base::addr::FrameAddr;
use crate::base::arch::Arch;
use crate::diagnose::crash::Crash;
use crate::dump::float_registers::float_registers;
use crate::dump::process::{Thread, ThreadRegisters};
use crate::dump::siginfo::SignalCause;
use crate::dump::xstate::vector_registers;
use crate::report::build::value::variable;
use crate::report::build::waits::waits_for;
use crate::report::build::{Facts, hex, source_function};
use crate::report::model;
use crate::report::model::{Hex, text};
use crate::symbols::entries::Entry;
use crate::symbols::functions::NameSource;
use crate::unwind::frame::{Frame, Stack, StackEnd, Trust};
use crate::variables::calls::{FrameCall, Locals, ThreadCalls};

/// Innermost calls of the crashed thread that get their lines of source.
const WITH_SOURCE: usize = 32;

pub(super) fn threads(crash: &Crash<'_, '_>, facts: &Facts<'_, '_>) -> Vec<model::Thread> {
    let threads = crash.process.threads.iter().zip(crash.threads).enumerate();
    let threads = threads.map(|(index, (thread, calls))| self::thread(crash, index, thread, calls));
    let mut threads: Vec<model::Thread> = threads.collect();
    let frames = threads.first_mut().map(|thread| thread.frames.as_mut_slice());
    let frames = frames.unwrap_or_default();
    for (index, what) in facts.handed_in {
        if let Some(frame) = frames.get_mut(*index) {
            frame.handed_in = Some(what.clone());
        }
    }
    if let Some(finding) = facts.findings.first()
        && let Some(call) = finding.call.and_then(|call| crash.calls().get(call))
        && let Some(function) = source_function::of_panic(crash, call, &finding.explanation)
        && let Some(frame) = finding.call.and_then(|call| frames.get_mut(call))
        && frame.function.as_ref() != Some(&function)
    {
        frame.source_function = Some(function);
    }
    if facts.locals == Locals::None {
        let frames = threads.iter_mut().flat_map(|thread| &mut thread.frames);
        frames.for_each(|frame| frame.locals.clear());
    }
    threads
}

fn thread(
    crash: &Crash<'_, '_>,
    index: usize,
    thread: &Thread,
    calls: &ThreadCalls,
) -> model::Thread {
    let crashed = index == 0 && crash.signal().is_some();
    let same_as = calls.same_as.and_then(|same| crash.process.threads.get(same));
    let inner = calls.calls.iter().take_while(|call| call.frame < calls.stack.inner.len()).count();
    let folded = (!calls.stack.middle.is_empty() && same_as.is_none())
        .then(|| folded(crash, &calls.stack, inner));
    let skipped = folded.as_ref().map_or(0, |folded| folded.count);
    let frames = calls.calls.iter().enumerate().filter_map(|(number, call)| {
        let skipped = if number < inner { 0 } else { skipped };
        let frame = calls.stack.frames().nth(call.frame)?;
        let mut reported = self::frame(crash, number as u64 + skipped, frame, call);
        if crashed && number < WITH_SOURCE {
            reported.source = excerpt(crash, frame, call);
            reported.declared_line = declared_line(crash, frame, call);
        }
        Some(reported)
    });
    let waits = waits_for(crash, index).filter(|_| !crashed || is_request(crash));
    let state = crash
        .process
        .sidecar
        .as_ref()
        .and_then(|facts| facts.threads.iter().find(|it| it.tid == thread.tid)?.state.clone());
    model::Thread {
        tid: thread.tid,
        name: thread.name.as_deref().map(text),
        crashed,
        state,
        waits_for: waits,
        same_stack_as: same_as.map(|first| first.tid),
        frames: frames.collect(),
        folded,
        registers: match &thread.registers {
            Some(known) if crashed => Some(registers(crash.process.arch, known)),
            _ => None,
        },
        stack_complete: Some(calls.stack.end.is_complete()),
        why_it_ends: why_it_ends(&calls.stack.end),
    }
}

/// Whether the fatal signal came from outside, so that even its own thread may
/// have been waiting.
fn is_request(crash: &Crash<'_, '_>) -> bool {
    crash.signal().is_none_or(|info| !matches!(info.cause, SignalCause::Fault { .. }))
}

/// The folded part. Its cycle starts with the function that the last frame
/// before it was called by, and goes on in the order of the calls.
fn folded(crash: &Crash<'_, '_>, stack: &Stack, inner: usize) -> model::Folded {
    let cycle = stack.middle.iter().take(stack.period.unwrap_or(0)).rev();
    let name = |at: &FrameAddr| {
        let calls = crash.symbols.calls(*at);
        let function = calls.last().and_then(|call| call.function.as_ref());
        function.map_or_else(|| at.addr().to_string(), |function| function.display.clone())
    };
    model::Folded {
        after_index: inner.saturating_sub(1) as u64,
        count: stack.middle.len() as u64,
        cycle: cycle.map(name).collect(),
    }
}

/// The line in which the source declares the function of a call.
fn declared_line(crash: &Crash<'_, '_>, frame: &Frame, call: &FrameCall) -> Option<u32> {
    let (_, module) = crash.symbols.module_at(frame.at.lookup())?;
    let scope = call.call.scope?;
    let debug = module.debug()?;
    let unit = debug.unit_by_id(scope.unit)?;
    let (_, line) = Entry { debug, unit, offset: scope.entry }.attributes()?.declared()?;
    u32::try_from(line).ok()
}

/// The source around the line of a call.
fn excerpt(crash: &Crash<'_, '_>, frame: &Frame, call: &FrameCall) -> Option<model::Excerpt> {
    /// Lines before and after it.
    const AROUND: u32 = 3;
    let (_, module) = crash.symbols.module_at(frame.at.lookup())?;
    let found = module.source(
        call.call.place.as_ref()?,
        call.call.scope.map(|scope| scope.unit),
        AROUND,
    )?;
    Some(model::Excerpt {
        start: found.start,
        lines: found.lines,
        marked: found.marked,
        newer_than_program: found.is_newer,
    })
}

fn frame(crash: &Crash<'_, '_>, index: u64, frame: &Frame, call: &FrameCall) -> model::Frame {
    let function = call.call.function.as_ref();
    let place = call.call.place.as_ref();
    let module = crash.symbols.module_at(frame.at.lookup()).map(|(_, module)| module);
    let is_argument = |is: bool| {
        let chosen = call.variables.iter().filter(move |variable| variable.is_argument == is);
        chosen.map(variable).collect()
    };
    model::Frame {
        index,
        pc: frame.at.addr().into(),
        function: function.map(|function| function.display.clone()),
        linkage_name: function.and_then(|function| function.linkage.clone()),
        name_source: function.map(|function| match function.source {
            NameSource::Dwarf => model::NameSource::Dwarf,
            NameSource::GoTable => model::NameSource::GoTable,
            NameSource::Symtab => model::NameSource::Symtab,
            NameSource::Dynsym => model::NameSource::Dynsym,
            NameSource::Nearest => model::NameSource::Nearest,
        }),
        function_offset: function.and_then(|function| function.offset),
        inlined: call.call.is_inlined,
        signal_frame: frame.is_signal_frame,
        language: call.call.language_name(),
        module: module.map(|module| text(module.path())),
        build_id: module.and_then(|module| module.build_id()).map(hex),
        offset: module.map(|module| frame.at.addr().to_link(module.bias()).into()),
        file: place.map(|place| place.file.clone()),
        line: place.and_then(|place| place.line),
        column: place.and_then(|place| place.column),
        trust: match frame.trust {
            Trust::Context => model::Trust::Context,
            Trust::Cfi => model::Trust::Cfi,
            Trust::FramePointer => model::Trust::FramePointer,
            Trust::Scan => model::Trust::Scan,
        },
        declared_line: None,
        handed_in: None,
        source_function: None,
        arguments: is_argument(true),
        locals: is_argument(false),
        source: None,
    }
}

fn registers(arch: Arch, known: &ThreadRegisters) -> model::Registers {
    let names = arch.general_registers().iter().enumerate();
    let general = names.filter_map(|(index, name)| {
        Some(((*name).to_owned(), Hex(known.word(index)?).to_string()))
    });
    let mut vector = BTreeMap::new();
    for register in float_registers(arch, known) {
        let reversed: Vec<u8> = register.bytes.iter().rev().copied().collect();
        vector.insert(register.name, hex(&reversed));
    }
    let mxcsr = vector_registers(&known.extended).mxcsr.filter(|_| arch.is_x86_64());
    if let Some(mxcsr) = mxcsr {
        vector.insert("mxcsr".to_owned(), format!("{mxcsr:08x}"));
    }
    model::Registers { general: general.collect(), vector }
}

/// In words, why a stack is not whole.
fn why_it_ends(end: &StackEnd) -> Option<String> {
    Some(match end {
        StackEnd::Outermost => return None,
        StackEnd::NoRegisters => "the thread's registers are not known".to_owned(),
        StackEnd::NotDumped(at) => format!("the stack's memory at {at} is not in the dump"),
        StackEnd::NoProgress(at) => {
            format!("the next frame would not lie above {at}: the stack is damaged")
        }
        StackEnd::BadReturn(pc) => {
            format!("the return address {pc} points at no code: the stack was overwritten")
        }
        StackEnd::NoWay(pc) => {
            format!(
                "nothing tells who called {pc}: no unwind table, no frame pointer, no plausible return address"
            )
        }
        StackEnd::Limit(frames) => format!("more than {frames} frames"),
    })
}
