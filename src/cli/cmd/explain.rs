//! `coretool explain [ID]`: what a cause of death means, and what its rule
//! looks for.

use anyhow::{Result, bail};

use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::diagnose::rules::{RULES, Rule};

/// What `coretool explain --help` says at its end.
pub const HELP: &str =
    "Ids are those of reports: `Why: null-pointer`. Without one, all are listed.";

/// `coretool explain`.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// The id of a cause, or the beginning of it
    pub id: Option<String>,
}

/// Does it.
///
/// # Errors
///
/// When no cause has this id.
pub fn explain(args: &ExplainArgs, ui: &Ui) -> Result<Exit> {
    let Some(id) = &args.id else {
        let width = RULES.iter().map(|rule| rule.id().len()).max().unwrap_or(0);
        let lines = RULES.iter().map(|rule| {
            let (first, _) = rule.doc().split_once(['.', ':']).unwrap_or((rule.doc(), ""));
            format!("{:width$}  {first}\n", rule.id())
        });
        ui.data(&lines.collect::<String>())?;
        return Ok(Exit::Done);
    };
    let rules: Vec<&&dyn Rule> =
        RULES.iter().filter(|rule| rule.id().starts_with(id.as_str())).collect();
    let exact = rules.iter().find(|rule| rule.id() == id);
    match (exact, rules.as_slice()) {
        (Some(rule), _) | (None, [rule]) => ui.data(&page(**rule))?,
        (None, []) => bail!("no cause is called `{id}`\nhint: `coretool explain` lists them all"),
        (None, many) => {
            let ids: Vec<&str> = many.iter().map(|rule| rule.id()).collect();
            bail!("several causes begin with `{id}`: {}", ids.join(", "))
        }
    }
    Ok(Exit::Done)
}

fn page(rule: &dyn Rule) -> String {
    let mut page = format!("{}\n\n{}\n", rule.id(), wrapped(rule.doc(), 0));
    if !rule.signs().is_empty() {
        page.push_str("\nWhat it looks for:\n");
        for sign in rule.signs() {
            page.push_str(&format!("- {}\n", wrapped(sign, 2)));
        }
    }
    page
}

/// Words on lines of at most 100 columns, all but the first indented.
fn wrapped(text: &str, indent: usize) -> String {
    const WIDTH: usize = 100;
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        if column > indent && column.saturating_add(word.len()) >= WIDTH {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            lines.push(' ');
            column = column.saturating_add(1);
        }
        lines.push_str(word);
        column = column.saturating_add(word.len());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_fit_on_a_terminal() {
        for rule in RULES {
            let page = page(*rule);
            assert!(page.starts_with(rule.id()));
            assert!(page.lines().all(|line| line.len() <= 100), "{page}");
        }
    }
}
