//! `coretool print CORE EXPR...`: evaluate expressions in a frame of a core.
//!
//! ```console
//! $ coretool print core conn 'conn->name' /x 'conn->flags' --frame 1
//! conn = 0x4c42a0 {fd = 3, name = "upstream", flags = 12}
//! conn->name = "upstream"
//! conn->flags = 0xc
//! ```
//!
//! Names are those that the source has at the place where the frame stands,
//! inner blocks first; then members of `*this`, global and static variables,
//! enumerators, symbols. What is not known is `<unknown: why>`, and no error:
//! the exit status is 1 only when an expression means nothing.

use anyhow::{Context as _, Result};

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::cli::args::PrintArgs;
use crate::cli::choices::Format;
use crate::cli::core_input;
use crate::cli::exit::Exit;
use crate::cli::ui::{Stream, Ui};
use crate::inspect;
use crate::inspect::Questions;
use crate::report::model::Printout;
use crate::report::render::json::{self, Layout};
use crate::report::render::printout::{self, PrintOptions};

/// Does it.
///
/// # Errors
///
/// When the file is no core that can be read, when it has no such thread or
/// frame, or when the result cannot be written.
pub fn print(args: &PrintArgs, ui: &Ui) -> Result<Exit> {
    // Who names a variable wants it, however much is read to find it.
    let limits = args.limits.limits().with_all_names().with_whole_stream();
    let options =
        analyze::Options { symbols: args.files.options()?, limits, ..analyze::Options::default() };
    let store = FileStore::new();
    let gaps = Gaps::new();
    let choice = args.files.store.store.as_deref();
    let process = core_input::open(&args.core, choice, &store, &options.limits, &gaps)?;
    let questions = Questions { expressions: questions(&args.expressions), format: None };
    let choice = args.place.choice();
    let printout = inspect::print(&process, &store, &options, &gaps, choice, &questions)?;
    ui.gaps(&printout.gaps);
    show(&printout, args, ui)?;
    let mut is_sound = true;
    for result in &printout.results {
        if let Some(fault) = &result.fault {
            ui.fault(&result.expression, fault);
            is_sound = false;
        }
    }
    Ok(if is_sound { Exit::Done } else { Exit::Failed })
}

/// Words like `/x` go before each of the expressions that follow.
fn questions(words: &[String]) -> Vec<String> {
    let mut format: Option<&str> = None;
    let mut found = Vec::new();
    for word in words {
        let letters = word.trim().strip_prefix('/');
        let is_format = letters.is_some_and(|letters| {
            !letters.is_empty() && letters.chars().all(|char| char.is_ascii_alphanumeric())
        });
        match (is_format, format) {
            (true, _) => format = Some(word.trim()),
            (false, Some(format)) if !word.trim_start().starts_with('/') => {
                found.push(format!("{format} {word}"));
            }
            (false, _) => found.push(word.clone()),
        }
    }
    // A format without an expression: that is missing, and will be said.
    if let (Some(format), true) = (format, found.is_empty()) {
        found.push(format.to_owned());
    }
    found
}

fn show(printout: &Printout, args: &PrintArgs, ui: &Ui) -> Result<()> {
    let mut text = String::new();
    let done = match args.format {
        Format::Json => json::render(printout, Layout::Indented, &mut text),
        Format::Text => {
            let options = ui.text_options(Stream::Output);
            let width = ui.is_terminal(Stream::Output).then_some(options.width);
            let options = PrintOptions { theme: options.theme, width, types: args.types };
            printout::render(printout, options, &mut text)
        }
    };
    done.context("cannot render the values")?;
    ui.data(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_holds_for_what_follows() {
        let cases: &[(&[&str], &[&str])] = &[
            (&["a", "b"], &["a", "b"]),
            (&["/x", "a", "b"], &["/x a", "/x b"]),
            (&["a", "/x", "b", "/d", "c"], &["a", "/x b", "/d c"]),
            (&["/x", "/s p", "q"], &["/s p", "/x q"]),
            (&["/x"], &["/x"]),
        ];
        for (words, want) in cases {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(questions(&words), *want, "{words:?}");
        }
    }
}
