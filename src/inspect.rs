//! The pipeline of the commands that answer one question about a process:
//! from a process and a place in it to an answer.
//!
//! It goes no further than the question needs: one thread is unwound, and of
//! that only the frames up to the chosen one get names.

mod labels;
mod malloc;
mod memory;
mod whereabouts;

use crate::analyze::Options;
use crate::base::addr::RunAddr;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::base::memory::Fallback;
use crate::dump::process::{Process, Thread};
use crate::inspect::labels::Labels;
use crate::report::build::printout::{fault, printed};
use crate::report::model::{Fault, MemoryDump, MemoryPart, Printout, Standpoint, What, Word, text};
use crate::symbols::Symbols;
use crate::symbols::functions::Call;
use crate::symbols::mapped_files::MappedFiles;
use crate::unwind::frame::{Frame, Stack};
use crate::unwind::walk::Unwinder;
use crate::variables::Context;
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

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The process has no such place.
    Place(NoSuchPlace),
    /// An expression means nothing: which one, and why.
    Fault(String, Fault),
}

impl From<NoSuchPlace> for Refusal {
    fn from(place: NoSuchPlace) -> Self {
        Self::Place(place)
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
        let results = questions
            .expressions
            .iter()
            .map(|expression| printed(expression, answer(view, expression, questions.format)));
        let results = results.collect();
        Printout { schema: Printout::SCHEMA.to_owned(), at: standpoint, results }
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
/// it, and has no parts.
///
/// # Errors
///
/// When the process has no such place, or an expression means no address or no
/// length.
pub fn memory<'f>(
    process: &Process<'f>,
    store: &'f FileStore,
    options: &Options,
    gaps: &'f Gaps,
    choice: Choice,
    range: &Range,
    mut take: impl FnMut(Vec<MemoryPart>, Vec<Word>) -> bool,
) -> Result<MemoryDump, Refusal> {
    inspect(process, store, options, gaps, choice, |scene, at| {
        let view = scene.view;
        let faulty = |text: &str| {
            let text = text.to_owned();
            move |found| Refusal::Fault(text, fault(&found))
        };
        let start = address(view, &range.address).map_err(faulty(&range.address))?;
        let length = whole(view, &range.length, 1..=MOST_MEMORY).map_err(faulty(&range.length))?;
        let end = RunAddr(start.0.saturating_add(length));
        let mut dump = MemoryDump {
            schema: MemoryDump::SCHEMA.to_owned(),
            at,
            address: start.into(),
            length: end.0.saturating_sub(start.0),
            ..MemoryDump::default()
        };
        let source = memory::Source { process, files: scene.files };
        let labels = Labels { context: view.context };
        let mut here = start;
        while here < end {
            let (parts, next) = source.chunk(here, end);
            let missing = parts.iter().filter(|part| part.bytes.is_none());
            let missing: u64 = missing.map(|part| part.length).sum();
            dump.missing = dump.missing.saturating_add(missing);
            let words = if range.words { memory::words(&parts, &labels) } else { Vec::new() };
            if !take(parts, words) {
                break;
            }
            here = next;
        }
        Ok(dump)
    })?
}

/// Puts a part behind those before it.
pub fn append(parts: &mut Vec<MemoryPart>, part: MemoryPart) {
    memory::push(parts, part);
}

/// Says what lies at an address.
///
/// # Errors
///
/// When the process has no such place, or the expression means no address.
pub fn what<'f>(
    process: &Process<'f>,
    store: &'f FileStore,
    options: &Options,
    gaps: &'f Gaps,
    choice: Choice,
    expression: &str,
) -> Result<What, Refusal> {
    inspect(process, store, options, gaps, choice, |scene, standpoint| {
        let at = address(scene.view, expression)
            .map_err(|found| Refusal::Fault(expression.to_owned(), fault(&found)))?;
        Ok(whereabouts::what(scene, standpoint, expression, at))
    })?
}

/// What a question is answered from.
struct Scene<'s, 'v, 'a, 'f> {
    view: &'s Viewpoint<'v, 'a, 'f>,
    unwinder: &'s Unwinder<'a, 'f>,
    /// What the dump lacks and mapped files have.
    files: &'s MappedFiles<'f>,
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
    Ok(look(&Scene { view: &view, unwinder: &unwinder, files: &files }, standpoint))
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
