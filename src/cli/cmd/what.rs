//! `coretool what CORE ADDR`: what lies at an address.
//!
//! ```console
//! $ coretool what core '&conn->peer'
//! 0x55c5f40630f8: table[0].peer (struct peer *)
//!   variable  table (struct conn [3], 264 bytes at 0x55c5f40630e0), declared at server.c:5
//!   symbol    table+24
//!   module    /usr/bin/server at 0x40f8, section .bss
//!   mapping   0x55c5f4063000-0x55c5f4064000 rw- /usr/bin/server, offset 0x3000 in the file; in the dump
//! ```
//!
//! The variable and member, the code and its line, the stack, frame and
//! variable of a thread, the block of the heap, the module and section, the
//! mapping; or, where nothing is mapped, what lies on both sides.

use anyhow::{Context as _, Result};

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::cli::args::WhatArgs;
use crate::cli::choices::Format;
use crate::cli::core_input;
use crate::cli::exit::Exit;
use crate::cli::ui::{Stream, Ui};
use crate::inspect;
use crate::report::render::json::{self, Layout};
use crate::report::render::what;

/// Does it.
///
/// # Errors
///
/// When the file is no core that can be read, when it has no such thread or
/// frame, or when the result cannot be written.
pub fn what(args: &WhatArgs, ui: &Ui) -> Result<Exit> {
    let limits = Limits::default().with_all_names().with_whole_stream();
    let options =
        analyze::Options { symbols: args.files.options()?, limits, ..analyze::Options::default() };
    let store = FileStore::new();
    let gaps = Gaps::new();
    let choice = args.files.store.store.as_deref();
    let process = core_input::open(&args.core, choice, &store, &options.limits, &gaps)?;
    let choice = args.place.choice();
    let found = inspect::what(&process, &store, &options, &gaps, choice, &args.address)?;
    ui.gaps(&found.gaps);
    let mut text = String::new();
    let done = match args.format {
        Format::Json => json::render(&found, Layout::Indented, &mut text),
        Format::Text if found.fault.is_some() => Ok(()),
        Format::Text => what::render(&found, ui.text_options(Stream::Output).theme, &mut text),
    };
    done.context("cannot render the answer")?;
    ui.data(&text)?;
    Ok(match &found.fault {
        Some(refused) => {
            ui.fault(&refused.expression, &refused.fault);
            Exit::Failed
        }
        None => Exit::Done,
    })
}
