//! `coretool addr MODULE [ADDR...]`: the functions, inlined calls and lines at
//! addresses of a file.
//!
//! ```console
//! $ coretool addr ./server 1139 main+0x10
//! 1139: poke at walk.c:27
//!   inlined into walk+0x19 at walk.c:39
//! main+0x10: main+0x10 at main.c:20
//! ```
//!
//! Without addresses it is a filter: one address a line, from standard input.

use std::io::{self, BufRead as _, Read as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::cli::choices::Format;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::symbol_args::SymbolArgs;
use crate::cli::ui::{Stream, Ui};
use crate::inspect::modules::Addresses;
use crate::report::model::{AddressLines, Gap};
use crate::report::render::json::{self, Layout};
use crate::report::render::symbols;
use crate::symbols::SymbolOptions;

/// What `--help` says at its end.
pub const HELP: &str = "\
ADDR is hexadecimal, as the file states addresses (those of `nm`), or NAME or NAME+OFFSET of a
symbol. Without any, one is read from each line of standard input. JSON is one object a line, as
docs/addr-schema.json has it.";

/// A line of input longer than this is no address.
const LONGEST_LINE: u64 = 64 << 10;

/// `coretool addr`.
#[derive(Clone, Debug, clap::Args)]
pub struct AddrArgs {
    /// The program, library or debug file
    pub module: PathBuf,

    /// Addresses in it
    #[arg(value_name = "ADDR")]
    pub addresses: Vec<String>,

    /// Look for separate debug files here, too (may be repeated)
    #[arg(long = "debug-dir", value_name = "DIR")]
    pub debug_directories: Vec<PathBuf>,

    /// What else is looked for.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Does it.
///
/// # Errors
///
/// When the module is no ELF file that can be read, or when an answer cannot
/// be written.
pub fn addr(args: &AddrArgs, ui: &Ui) -> Result<Exit> {
    let mut options = SymbolOptions {
        debug_directories: args.debug_directories.clone(),
        ..SymbolOptions::default()
    };
    args.symbols.apply(&mut options)?;
    let (store, gaps, limits) = (FileStore::new(), Gaps::new(), Limits::default());
    let shown = args.module.display();
    let file = store.open(&args.module).with_context(|| format!("cannot open {shown}"))?;
    let found = Addresses::of_file(&args.module, file.bytes, &options, &store, &limits, &gaps);
    let found = found.map_err(|error| {
        let hint = "give a program, a library or a debug file";
        Failure::new(format!("{shown} cannot be used: {error}"), hint)
    })?;
    let mut is_wrong = false;
    let mut answer = |asked: &str| {
        let lines = found.find(asked);
        is_wrong |= lines.address.is_none();
        tell(&lines, args.format, ui)
    };
    for asked in &args.addresses {
        if !answer(asked)? {
            break;
        }
    }
    if args.addresses.is_empty() {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let got = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            if got.context("cannot read standard input")? == 0 {
                break;
            }
            let line = String::from_utf8_lossy(&line);
            // Empty lines stay: a reader counts on one answer for each line.
            if !answer(&line)? {
                break;
            }
        }
    }
    let gaps: Vec<Gap> = gaps
        .list()
        .into_iter()
        .map(|gap| Gap { missing: gap.missing, why: gap.why, hint: gap.hint })
        .collect();
    ui.gaps(&gaps);
    Ok(if is_wrong { Exit::Failed } else { Exit::Done })
}

/// Writes one answer; whether anybody still reads.
fn tell(lines: &AddressLines, format: Format, ui: &Ui) -> Result<bool> {
    let mut out = String::new();
    let done = match format {
        Format::Json => json::render(lines, Layout::OneLine, &mut out),
        Format::Text => symbols::address(lines, ui.text_options(Stream::Output).theme, &mut out),
    };
    done.context("cannot render the answer")?;
    ui.data_while_read(&out)
}
