//! From everything above to a [`Report`]: the only file that knows both sides.

pub mod printout;
mod source_function;
mod stack;
mod value;
mod waits;

use crate::base::data_model::ByteOrder;
use crate::base::gap::Gap;
use crate::base::secret::masked_words;
use crate::diagnose::crash::Crash;
use crate::diagnose::disassembly::Line;
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::hang::calls_of;
use crate::dump::process::{Mapping, Process, SourceKind};
use crate::dump::sidecar::Sidecar;
use crate::dump::siginfo::{SignalCause, SignalInfo};
use crate::report::build::stack::threads;
use crate::report::model;
use crate::report::model::{Hex, Report, text};
use crate::symbols::module::{BestTable, ModuleSymbols};
use crate::variables::calls::{FrameCall, Locals};
use crate::variables::globals::Globals;

/// What a report is made of.
pub struct Facts<'a, 'f> {
    /// The process, its stacks and values.
    pub crash: &'a Crash<'a, 'f>,
    /// The causes, best first.
    pub findings: &'a [Finding],
    /// The calls of the crashed thread that were handed the bad address, and by
    /// what.
    pub handed_in: &'a [(usize, String)],
    /// The first line, without the word `CRASH`.
    pub verdict: String,
    /// Whose local variables are reported.
    pub locals: Locals,
    /// The variables of the crashed unit, if they are wanted.
    pub globals: Option<Globals>,
    /// The instructions around the fault, if they are wanted.
    pub disassembly: Vec<Line>,
    /// What is not known.
    pub gaps: Vec<Gap>,
}

/// Makes the report. It owns all that it says: the dump, the files and the
/// tables may go.
pub fn build(facts: &Facts<'_, '_>) -> Report {
    let crash = facts.crash;
    let process = crash.process;
    let tool = model::Tool {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Report {
        schema: model::SCHEMA.to_owned(),
        tool,
        source: source(process),
        process: process_info(process),
        signal: process.signal.as_ref().map(signal),
        verdict: facts.verdict.clone(),
        findings: facts.findings.iter().map(|found| finding(crash, found)).collect(),
        threads: threads(crash, facts),
        wait_graph: waits::wait_graph(crash),
        ipc: process.sidecar.as_ref().map(|facts| facts.ipc.clone()),
        tree: process.sidecar.as_ref().map(|facts| facts.tree.clone()),
        surroundings: process.sidecar.as_ref().map(|facts| facts.surroundings.clone()),
        globals: facts.globals.as_ref().map(globals),
        disassembly: facts.disassembly.iter().map(instruction).collect(),
        modules: modules(crash),
        mappings: process.mappings.iter().map(mapping).collect(),
        gaps: facts.gaps.iter().map(gap).collect(),
        signature: None,
        saved: None,
    }
}

fn instruction(line: &Line) -> model::Instruction {
    model::Instruction {
        address: line.at.into(),
        text: line.text.clone(),
        current: line.is_current,
        function: line.function.as_ref().map(|(name, _)| name.clone()),
        function_offset: line.function.as_ref().map(|(_, offset)| *offset),
        file: line.place.as_ref().map(|place| place.file.clone()),
        line: line.place.as_ref().and_then(|place| place.line),
        target: line.target.clone(),
    }
}

fn globals(globals: &Globals) -> model::Globals {
    model::Globals {
        unit: globals.unit.clone(),
        variables: globals.variables.iter().map(value::variable).collect(),
        truncated: (globals.omitted > 0).then_some(globals.omitted as u64),
    }
}

fn source(process: &Process<'_>) -> model::Source {
    model::Source {
        kind: match process.source.kind {
            SourceKind::Core => model::SourceKind::Core,
            SourceKind::Live => model::SourceKind::Live,
            SourceKind::KernelLog => model::SourceKind::KernelLog,
        },
        path: process.source.path.as_ref().map(|path| path.display().to_string()),
        complete: Some(process.source.complete),
        compressed: process.source.compressed.then_some(true),
        arch: process.arch.to_string(),
        byte_order: Some(match process.arch.order {
            ByteOrder::Little => "little".to_owned(),
            ByteOrder::Big => "big".to_owned(),
        }),
        bits: Some(if process.arch.is_64() { 64 } else { 32 }),
        capture: process.sidecar.as_ref().and_then(capture),
        // Of the file, which only the command line knows.
        recorded: None,
    }
}

fn capture(sidecar: &Sidecar) -> Option<model::Capture> {
    let facts = sidecar.capture.as_ref()?;
    Some(model::Capture {
        rung: facts.rung.clone(),
        why: facts.notes.clone(),
        held_for_us: facts.held_for_us,
    })
}

fn process_info(process: &Process<'_>) -> model::ProcessInfo {
    let identity = &process.identity;
    let optional = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(text);
    model::ProcessInfo {
        pid: identity.pid,
        ppid: identity.ppid,
        uid: identity.uid,
        gid: identity.gid,
        command: (!identity.command.is_empty()).then(|| text(&identity.command)),
        executable: optional(&identity.executable),
        arguments: masked_words(identity.arguments.iter().map(|argument| text(argument))),
        arguments_complete: Some(identity.arguments_complete),
        cwd: optional(&identity.working_directory),
        exit: process.signal.map(|info| info.signal.name()),
        started: None,
    }
}

fn signal(info: &SignalInfo) -> model::Signal {
    let code = info.code.and_then(|code| info.signal.code(code));
    let (sender, syscall) = match info.cause {
        SignalCause::Sent { pid, uid } => (Some(model::Sender { pid, uid, command: None }), None),
        SignalCause::Syscall { number, .. } => (None, Some(number.to_string())),
        _ => (None, None),
    };
    model::Signal {
        number: info.signal.0,
        name: info.signal.name(),
        code: info.code,
        code_name: code.map(|(name, _)| name.to_owned()),
        meaning: code.map_or(info.signal.meaning(), |(_, meaning)| meaning).to_owned(),
        address: info.address().map(Hex::from),
        sender,
        syscall,
    }
}

fn finding(crash: &Crash<'_, '_>, finding: &Finding) -> model::Finding {
    let calls = calls_of(crash, finding.thread);
    let blamed = finding.call.and_then(|index| calls.get(index));
    let location = blamed.map(location);
    model::Finding {
        id: finding.id.to_owned(),
        // Two digits, so that 0.7 stays 0.7 and is worded alike everywhere.
        confidence: (f64::from(finding.confidence) * 100.0).round() / 100.0,
        title: finding.title.clone(),
        explanation: finding.explanation.clone(),
        evidence: finding.evidence.clone(),
        location,
        severity: match finding.severity {
            Severity::Info => model::Severity::Info,
            Severity::Low => model::Severity::Low,
            Severity::Medium => model::Severity::Medium,
            Severity::High => model::Severity::High,
            Severity::Critical => model::Severity::Critical,
        },
        next_step: finding.next_step.clone(),
        also: finding.also.iter().map(|id| (*id).to_owned()).collect(),
    }
}

/// Where a call stands in the source.
fn location(call: &FrameCall) -> model::Location {
    let place = call.call.place.as_ref();
    model::Location {
        function: call.function().map(str::to_owned),
        file: place.map(|place| place.file.clone()),
        line: place.and_then(|place| place.line),
    }
}

/// One mapping of the address space.
pub fn mapping(mapping: &Mapping) -> model::Mapping {
    let permissions = mapping.permissions;
    let letter = |is_set: bool, letter: char| if is_set { letter } else { '-' };
    let letters = [
        letter(permissions.read, 'r'),
        letter(permissions.write, 'w'),
        letter(permissions.execute, 'x'),
    ];
    model::Mapping {
        start: mapping.range.start.into(),
        end: mapping.range.end.into(),
        permissions: permissions.known.then(|| letters.iter().collect()),
        offset: Hex(mapping.offset.0),
        path: mapping.path.as_deref().map(text),
        dumped: mapping.dumped,
    }
}

/// Something that is not known.
pub fn gap(gap: &Gap) -> model::Gap {
    model::Gap { missing: gap.missing.clone(), why: gap.why.clone(), hint: gap.hint.clone() }
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The best that a module's files tell, of those that are in use.
pub fn best_table(module: &ModuleSymbols<'_>) -> model::SymbolTable {
    match module.best_table() {
        Some(BestTable::Dwarf) => model::SymbolTable::Dwarf,
        Some(BestTable::GoTable) => model::SymbolTable::GoTable,
        Some(BestTable::Symtab) => model::SymbolTable::Symtab,
        Some(BestTable::Dynsym) => model::SymbolTable::Dynsym,
        None => model::SymbolTable::None,
    }
}

/// The file in a module's place that is another one.
pub fn mismatch(module: &ModuleSymbols<'_>) -> Option<String> {
    module.mismatch().map(|other| {
        let id = other.found.as_deref().map_or("none".to_owned(), hex);
        format!("{} has build-id {id}, and was not used", other.file.display())
    })
}

fn modules(crash: &Crash<'_, '_>) -> Vec<model::Module> {
    let modules = crash.symbols.modules().iter();
    let module = |module: &ModuleSymbols<'_>| model::Module {
        path: text(module.path()),
        base: module.range().start.into(),
        size: module.range().len(),
        build_id: module.build_id().map(hex),
        debug_file: module.debug_file_in_use().map(|path| path.display().to_string()),
        symbols: best_table(module),
        mismatch: mismatch(module),
    };
    modules.map(module).collect()
}
