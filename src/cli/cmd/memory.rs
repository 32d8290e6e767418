//! `coretool memory CORE ADDR [LEN]`: raw memory of a core.
//!
//! ```console
//! $ coretool memory core conn->name 16
//! from /usr/bin/server, not in the dump:
//! 0x55c5f406100e                                             75 70  |              up|
//! 0x55c5f4061010  73 74 72 65 61 6d 00 73  65 63 6f 6e 64 00        |stream.second.  |
//! $ coretool memory core '$rsp' 16 --words
//! 0x7ffcb367e330  0x0000000000000000
//! 0x7ffcb367e338  0x000055c5f40603d3  <main+292>
//! ```
//!
//! What comes from a file and not from the dump is said; a byte that nobody
//! knows is `??`. Equal rows are folded into `*`. Words that fall into mapped
//! memory are named: a symbol, a thread's stack, a file.

use anyhow::{Context as _, Result};

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::cli::args::MemoryArgs;
use crate::cli::choices::Format;
use crate::cli::core_input;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::{Stream, Ui};
use crate::inspect;
use crate::inspect::Range;
use crate::report::model::MemoryPart;
use crate::report::render::json::{self, Layout};
use crate::report::render::memory::MemoryText;

/// The most bytes that one JSON object holds.
const MOST_JSON: u64 = 4 << 20;

/// Does it.
///
/// # Errors
///
/// When the file is no core that can be read, when it has no such thread or
/// frame, or when the result cannot be written.
pub fn memory(args: &MemoryArgs, ui: &Ui) -> Result<Exit> {
    let limits = Limits::default().with_whole_stream();
    let options =
        analyze::Options { symbols: args.files.options()?, limits, ..analyze::Options::default() };
    let store = FileStore::new();
    let gaps = Gaps::new();
    let choice = args.files.store.store.as_deref();
    let process = core_input::open(&args.core, choice, &store, &options.limits, &gaps)?;
    let range =
        Range { address: args.address.clone(), length: args.length.clone(), words: args.words };
    let mut text = MemoryText::new(ui.text_options(Stream::Output).theme);
    let (mut parts, mut words) = (Vec::new(), Vec::new());
    let mut written = Ok(true);
    let mut is_too_long = false;
    let choice = args.place.choice();
    let mut dump =
        inspect::memory(&process, &store, &options, &gaps, choice, &range, |some, named| {
            if args.format == Format::Json {
                let len: u64 = parts.iter().map(|part: &MemoryPart| part.length).sum();
                is_too_long = len > MOST_JSON;
                some.into_iter().for_each(|part| inspect::append(&mut parts, part));
                words.extend(named);
                return !is_too_long;
            }
            let mut rows = String::new();
            let done = match args.words {
                true => text.words(&some, &named, &mut rows),
                false => text.rows(&some, &mut rows),
            };
            written =
                done.context("cannot render the memory").and_then(|()| ui.data_while_read(&rows));
            matches!(written, Ok(true))
        })?;
    ui.gaps(&dump.gaps);
    if is_too_long {
        let what = format!("{} bytes are too many for one JSON object", dump.length);
        return Err(Failure::new(what, format!("ask for up to {MOST_JSON} bytes")).into());
    }
    let mut rest = String::new();
    if args.format == Format::Json {
        dump.parts = parts;
        dump.words = words;
        json::render(&dump, Layout::Indented, &mut rest).context("cannot render the memory")?;
    } else if written? {
        text.end(&mut rest).context("cannot render the memory")?;
    }
    ui.data(&rest)?;
    Ok(match &dump.fault {
        Some(refused) => {
            ui.fault(&refused.expression, &refused.fault);
            Exit::Failed
        }
        None => Exit::Done,
    })
}
