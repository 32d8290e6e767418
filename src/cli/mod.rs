//! Words from and to a person: the command line.
//!
//! Only this layer writes to standard output and standard error, through
//! [`ui::Ui`], and only here the environment and the clock are read on behalf
//! of the layers below. One command is one file of [`cmd`].

pub mod amounts;
pub mod args;
pub mod assistance;
pub mod bundle;
pub mod choices;
pub mod ci;
pub mod cmd;
pub mod confined;
pub mod core_input;
pub mod death;
pub mod destination;
pub mod duration;
pub mod executable;
pub mod exit;
pub mod failure;
pub mod handler;
pub mod new_file;
pub mod options;
pub mod progress;
pub mod recorded;
pub mod saved_crash;
pub mod store_place;
pub mod stored_core;
pub mod symbol_args;
pub mod tar;
pub mod timings;
pub mod triage;
pub mod ui;

use std::ffi::OsString;

use clap::Parser as _;

use crate::capture::file_limit;
use crate::cli::args::{Args, Command};
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;

/// Does what `words`, the program's own name first, ask for.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(usage) => return ui::usage(&usage),
    };
    let ui = Ui::new(args.color, args.quiet);
    // Without it a crash is told all the same, unless the limit is met.
    let _survives = file_limit::survive();
    let done = match &args.command {
        Command::Run(args) => cmd::run::run(args, &ui),
        Command::Analyze(args) => cmd::analyze::analyze(args, &ui),
        Command::Print(args) => cmd::print::print(args, &ui),
        Command::Memory(args) => cmd::memory::memory(args, &ui),
        Command::What(args) => cmd::what::what(args, &ui),
        Command::Symbols(args) => cmd::symbols::symbols(args, &ui),
        Command::Addr(args) => cmd::addr::addr(args, &ui),
        Command::Stack(args) => cmd::stack::stack(args, &ui),
        Command::Snapshot(args) => cmd::snapshot::snapshot(args, &ui),
        Command::List(args) => cmd::list::list(args, &ui),
        Command::Show(args) => cmd::show::show(args, &ui),
        Command::Debug(args) => cmd::debug::debug(args),
        Command::Handler(args) => cmd::handler::handler(args, &ui),
        Command::Path(args) => cmd::path::path(args, &ui),
        Command::Export(args) => cmd::export::export(args, &ui),
        Command::Rm(args) => cmd::rm::rm(args, &ui),
        Command::Prune(args) => cmd::prune::prune(args, &ui),
        Command::Signature(args) => cmd::signature::signature(args, &ui),
        Command::Triage(args) => cmd::triage::triage(args, &ui),
        Command::Diff(args) => cmd::diff::diff(args, &ui),
        Command::Bundle(args) => cmd::bundle::bundle(args, &ui),
        Command::Unbundle(args) => cmd::unbundle::unbundle(args, &ui),
        Command::Doctor(args) => cmd::doctor::doctor(args, &ui),
        Command::Explain(args) => cmd::explain::explain(args, &ui),
        Command::Demo(args) => cmd::demo::demo(args, &ui),
    };
    done.unwrap_or_else(|error| {
        ui.error(&error);
        Exit::Failed
    })
}
