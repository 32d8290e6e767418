//! The pipeline of the commands that answer one question about a process:
//! from a process and a place in it to an answer.
//!
//! It goes no further than the question needs: one thread is unwound, and of
//! that only the frames up to the chosen one get names.

mod labels;
mod memory;
pub mod modules;
mod whereabouts;

use crate::analyze::Options;
use crate::base::count::counted;
use crate::base::file_store::FileStore;
use crate::base::gap::{Gap, Gaps};
use crate::base::limits::Limits;
use crate::base::memory::Fallback;
use crate::dump::process::{Process, Thread};
use crate::inspect::labels::Labels;
use crate::inspect::memory::Align;
use crate::report::build::gap as reported;
use crate::report::build::printout::{fault, printed};
use crate::report::model;
use crate::report::model::{
    Hex, MemoryDump, MemoryPart, Printout, RefusedExpression, Standpoint, What, Word, text,
};
use crate::symbols::Symbols;
use crate::symbols::functions::Call;
use crate::symbols::mapped_files::MappedFiles;
use crate::symbols::module::ModuleSymbols;
use crate::unwind::frame::{Frame, Stack};
use crate::unwind::walk::Unwinder;
use crate::variables::Context;
use crate::variables::query::fault::Fault;
pub use crate::variables::query::format::Format;
use crate::variables::query::{Viewpoint, address, answer, whole};

/// Where expressions are evaluated. The numbers are those that a report shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The thread, by its id; without one, the one that crashed.
    pub thread: Option<u32>,
    /// The frame, from the innermost call on, inlined ones counted.
    pub frame: u64,
}

/// A place that the process does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchPlace {
    /// No thread has that id.
    #[error("there is no thread {tid}")]
    Thread {
        /// What was asked for.
        tid: u32,
        /// The threads that there are.
        known: Vec<u32>,
    },
    /// The stack is not that deep.
    #[error("there is no frame {number} in thread {tid}, whose stack has {count}")]
    Frame {
        /// What was asked for.
        number: u64,
        /// Of which thread.
        tid: u32,
        /// How many frames it has.
        count: u64,
    },
    /// Of the repeating middle of a deep recursion only the addresses are kept.
    #[error("frame {number} is in the middle of a deep recursion, of which only the ends are kept")]
    Folded {
        /// What was asked for.
        number: u64,
        /// The last frame before it.
        before: u64,
        /// The first frame behind it.
        after: u64,
    },
}

impl NoSuchPlace {
    /// What can be asked for instead.
    pub fn hint(&self) -> String {
        /// How many threads are named.
        const MOST: usize = 12;
        match self {
            Self::Thread { known, .. } if known.is_empty() => "the process has none".to_owned(),
            Self::Thread { known, .. } => {
                let named: Vec<String> = known.iter().take(MOST).map(u32::to_string).collect();
                let more = known.len().saturating_sub(MOST);
                let more = if more > 0 { format!(", ... {more} more") } else { String::new() };
                format!("threads: {}{more}", named.join(", "))
            }
            Self::Frame { count: 0, .. } => "the thread's registers are not known".to_owned(),
            Self::Frame { count, .. } => {
                format!("frames are numbered from 0 to {}", count.saturating_sub(1))
            }
            Self::Folded { before, after, .. } => {
                format!("frames up to {before} and from {after} on are known")
            }
        }
    }
}

/// What to print, and how.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// Expressions, as they were typed.
    pub expressions: Vec<String>,
    /// The format of those that name none.
    pub format: Option<Format>,
}

/// Bytes of the text of a printed value: as good as all of it.
const LONGEST_TEXT: usize = 1 << 16;

/// Evaluates expressions at a place of `process`.
///
/// # Errors
///
/// When the process has no such place. An expression that means nothing is not
/// an error here: its fault is among the results.
pub fn print<'f>(
    process: &Process<'f>,
    store: &'f FileStore,
    options: &Options,
    gaps: &'f Gaps,
    choice: Choice,
    questions: &Questions,
) -> Result<Printout, NoSuchPlace> {
    // Who asks for one value wants all of it.
    let limits = Limits { text: options.limits.text.max(LONGEST_TEXT), ..options.limits };
    let options = &Options { limits, ..options.clone() };
    inspect(process, store, options, gaps, choice, |scene, standpoint| {
        let view = scene.view;
        let results = questions.expressions.iter().map(|expression| {
            let answer = answer(view, expression, questions.format);
            printed(expression, answer.map_err(|found| scene.advised(found)))
        });
        let results = results.collect();
        let gaps = scene.gaps();
        Printout { schema: Printout::SCHEMA.to_owned(), at: standpoint, results, gaps }
    })
}

/// Which memory to show.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// An expression for the first address.
    pub address: String,
    /// An expression for the number of bytes.
    pub length: String,
    /// Whether words are wanted, with what they point to.
    pub words: bool,
}

/// The most bytes that are shown at once.
pub const MOST_MEMORY: u64 = 64 << 20;

/// Reads memory, and hands it on piece by piece, with its words if they are
/// wanted, until `take` says that nobody wants more. The result is about all of
/// it, and has no parts. An expression that means no address or no length is
/// its fault.
///
/// # Errors
///
/// When the process has no such place.
pub fn memory<'f>(
    process: &Process<'f>,
    store: &'f FileStore,
    options: &Options,
    gaps: &'f Gaps,
    choice: Choice,
    range: &Range,
    mut take: impl FnMut(Vec<MemoryPart>, Vec<Word>) -> bool,
) -> Result<MemoryDump, NoSuchPlace> {
    inspect(process, store, options, gaps, choice, |scene, at| {
        let view = scene.view;
        let mut dump = MemoryDump {
            schema: MemoryDump::SCHEMA.to_owned(),
            at,
            gaps: scene.gaps(),
            ..MemoryDump::default()
        };
        let (start, length) =
            match (address(view, &range.address), whole(view, &range.length, 1..=MOST_MEMORY)) {
                (Ok(start), Ok(length)) => (start, length),
                (Err(found), _) => {
                    dump.fault = Some(scene.refused(&range.address, found));
                    return dump;
                }
                (_, Err(found)) => {
                    dump.fault = Some(scene.refused(&range.length, found));
                    return dump;
                }
            };
        // The last byte of all is one: counted is how many there are behind
        // the first.
        let held = (u64::MAX - start.0).saturating_add(1).min(length);
        if held < length {
            dump.gaps.push(reported(&Gap {
                missing: format!("{} of {}", length.saturating_sub(held), counted(length, "byte")),
                why: "the address space ends before them".to_owned(),
                hint: None,
            }));
        }
        (dump.address, dump.length) = (Some(start.into()), held);
        let source = memory::Source { process, files: scene.files };
        let labels = Labels { context: view.context };
        let align = if range.words { Align::Words } else { Align::Rows };
        let mut done = 0;
        while let Some(here) = start.checked_add(done).filter(|_| done < held) {
            let (parts, taken) = source.chunk(here, held.saturating_sub(done), align);
            let missing = parts.iter().filter(|part| part.bytes.is_none());
            let missing: u64 = missing.map(|part| part.length).sum();
            dump.missing = dump.missing.saturating_add(missing);
            let words = if range.words { memory::words(&parts, &labels) } else { Vec::new() };
            if !take(parts, words) {
                break;
            }
            done = done.saturating_add(taken.max(1));
        }
        dump
    })
}

/// Puts a part behind those before it.
pub fn append(parts: &mut Vec<MemoryPart>, part: MemoryPart) {
    memory::push(parts, part);
}

/// Says what lies at an address. An expression that means none is the result's
/// fault.
///
/// # Errors
///
/// When the process has no such place.
pub fn what<'f>(
    process: &Process<'f>,
    store: &'f FileStore,
    options: &Options,
    gaps: &'f Gaps,
    choice: Choice,
    expression: &str,
) -> Result<What, NoSuchPlace> {
    inspect(process, store, options, gaps, choice, |scene, standpoint| {
        match address(scene.view, expression) {
            Ok(at) => {
                let gaps = scene.gaps();
                let answer = answer(scene.view, expression, None).ok();
                let object = answer.and_then(|answer| answer.value?.address).map(Hex::from);
                What { gaps, object, ..whereabouts::what(scene, standpoint, expression, at) }
            }
            Err(found) => What {
                schema: What::SCHEMA.to_owned(),
                at: standpoint,
                expression: expression.to_owned(),
                gaps: scene.gaps(),
                fault: Some(scene.refused(expression, found)),
                ..What::default()
            },
        }
    })
}

/// What a question is answered from.
struct Scene<'s, 'v, 'a, 'f> {
    view: &'s Viewpoint<'v, 'a, 'f>,
    unwinder: &'s Unwinder<'a, 'f>,
    /// What the dump lacks and mapped files have.
    files: &'s MappedFiles<'f>,
    /// What opening the dump noted.
    noted: &'s [Gap],
    /// What the files lack that each answer may need: those of the module of
    /// the chosen frame and of the program.
    lacks: &'s [Gap],
}

impl Scene<'_, '_, '_, '_> {
    /// What an answer lacks, for its readers.
    fn gaps(&self) -> Vec<model::Gap> {
        self.noted.iter().chain(self.lacks).map(reported).collect()
    }

    /// A fault that says that names are missing with a file.
    fn advised(&self, mut found: Fault) -> Fault {
        if let Some(gap) = self.lacks.first().filter(|_| found.what.starts_with("there is no")) {
            let own = found.hint.take().map(|hint| format!("; {hint}")).unwrap_or_default();
            found.hint = Some(format!("not known here: {}{own}", gap.missing));
        }
        found
    }

    fn refused(&self, expression: &str, found: Fault) -> RefusedExpression {
        let fault = fault(&self.advised(found));
        RefusedExpression { expression: expression.to_owned(), fault }
    }
}

/// Opens what is needed, goes to the chosen place, and looks.
fn inspect<'f, R>(
    process: &Process<'f>,
    store: &'f FileStore,
    options: &Options,
    gaps: &'f Gaps,
    choice: Choice,
    look: impl FnOnce(&Scene<'_, '_, '_, 'f>, Standpoint) -> R,
) -> Result<R, NoSuchPlace> {
    let limits = &options.limits;
    let noted = gaps.list();
    let symbols = Symbols::load(process, &options.symbols, store, limits, gaps);
    let files = symbols.mapped_files(process);
    let memory = Fallback { first: &*process.memory, second: &files };
    let context = Context::new(process, &memory, &symbols, limits);

    let thread = chosen_thread(process, choice.thread)?;
    let unwinder = Unwinder::new(process, &memory, &symbols, limits);
    let stack = thread.map(|thread| unwinder.walk(thread)).unwrap_or_default();
    let tid = thread.map_or(0, |thread| thread.tid);
    let frames: Vec<&Frame> = stack.frames().collect();
    let chosen = chosen_call(&symbols, &stack, tid, choice.frame)?;

    let (index, call) = match &chosen {
        Some((index, call)) => (*index, Some(call)),
        None => (0, None),
    };
    let standpoint = standpoint(thread, choice.frame, call);
    let view = Viewpoint { context: &context, thread, frames: &frames, index, call };
    let lacks = lacks(&symbols, frames.get(index).copied());
    let scene =
        Scene { view: &view, unwinder: &unwinder, files: &files, noted: &noted, lacks: &lacks };
    Ok(look(&scene, standpoint))
}

/// What the files of a frame's module and of the program do not tell.
fn lacks(symbols: &Symbols<'_>, frame: Option<&Frame>) -> Vec<Gap> {
    let of_frame = frame.and_then(|frame| symbols.module_at(frame.at.lookup()));
    let of_frame = of_frame.map(|(_, module)| module);
    let program = symbols.modules().iter().find(|module| module.is_main());
    let program =
        program.filter(|program| of_frame.is_none_or(|module| module.range() != program.range()));
    let needed = of_frame.into_iter().chain(program).flat_map(ModuleSymbols::lacks);
    // A file that was replaced is worth a word wherever it is: types and
    // functions of the others may be defined in it.
    let replaced = symbols.modules().iter().filter_map(ModuleSymbols::mismatch_gap);
    let mut lacks: Vec<Gap> = needed.collect();
    for gap in replaced {
        if !lacks.contains(&gap) {
            lacks.push(gap);
        }
    }
    lacks
}

fn chosen_thread<'p>(
    process: &'p Process<'_>,
    wanted: Option<u32>,
) -> Result<Option<&'p Thread>, NoSuchPlace> {
    let Some(tid) = wanted else { return Ok(process.threads.first()) };
    let found = process.threads.iter().find(|thread| thread.tid == tid);
    let known = || process.threads.iter().map(|thread| thread.tid).collect();
    found.map(Some).ok_or_else(|| NoSuchPlace::Thread { tid, known: known() })
}

/// The frame and the call of a number, counted as a report counts.
fn chosen_call(
    symbols: &Symbols<'_>,
    stack: &Stack,
    tid: u32,
    wanted: u64,
) -> Result<Option<(usize, Call)>, NoSuchPlace> {
    let mut number = 0_u64;
    for (index, frame) in stack.frames().enumerate() {
        if index == stack.inner.len() && !stack.middle.is_empty() {
            let folded = stack.middle.len() as u64;
            let after = number.saturating_add(folded);
            if wanted < after {
                let before = number.saturating_sub(1);
                return Err(NoSuchPlace::Folded { number: wanted, before, after });
            }
            number = after;
        }
        let calls = symbols.calls(frame.at);
        let into = wanted.checked_sub(number).and_then(|into| usize::try_from(into).ok());
        if let Some(call) = into.and_then(|into| calls.get(into)) {
            return Ok(Some((index, call.clone())));
        }
        number = number.saturating_add(calls.len() as u64);
    }
    // Of a thread without registers its memory can still be asked for.
    if wanted == 0 {
        return Ok(None);
    }
    Err(NoSuchPlace::Frame { number: wanted, tid, count: number })
}

fn standpoint(thread: Option<&Thread>, frame: u64, call: Option<&Call>) -> Standpoint {
    let place = call.and_then(|call| call.place.as_ref());
    let function = call.and_then(|call| call.function.as_ref());
    Standpoint {
        thread: thread.map(|thread| thread.tid),
        thread_name: thread.and_then(|thread| thread.name.as_deref()).map(text),
        frame: call.map(|_| frame),
        function: function.map(|function| function.display.clone()),
        file: place.map(|place| place.file.clone()),
        line: place.and_then(|place| place.line),
    }
}
