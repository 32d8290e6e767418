//! `--format NAME` and `--format NAME=FILE`: which form goes where.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;

use crate::cli::failure::Failure;
use crate::report::render::table::{RENDERERS, Renderer, renderer};

/// One `--format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatChoice {
    /// The renderer's name.
    pub name: String,
    /// The file that gets it. `None`: where reports go by default.
    pub file: Option<PathBuf>,
}

impl FormatChoice {
    /// The renderer. The parser has seen that there is one.
    pub fn renderer(&self) -> &'static dyn Renderer {
        renderer(&self.name).unwrap_or(RENDERERS[0])
    }

    /// A choice without a file.
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), file: None }
    }
}

impl FromStr for FormatChoice {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let (name, file) = match word.split_once('=') {
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (word, None),
        };
        if renderer(name).is_none() {
            let names: Vec<&str> = RENDERERS.iter().map(|it| it.name()).collect();
            return Err(format!("there is no format `{name}`: choose from {}", names.join(", ")));
        }
        if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            return Err(format!("`{word}` names no file: write {name}=FILE"));
        }
        Ok(Self { name: name.to_owned(), file })
    }
}

/// The one form for the usual place, and those for files of their own.
///
/// # Errors
///
/// When two forms would go to the same place.
pub fn split(choices: &[FormatChoice]) -> Result<(&'static dyn Renderer, Vec<&FormatChoice>)> {
    let mut plain = choices.iter().filter(|choice| choice.file.is_none());
    let first = plain.next();
    if let Some(second) = plain.next() {
        let what = format!(
            "two formats for one place: {}, {}",
            first.map_or("", |it| &it.name),
            second.name
        );
        let hint = format!("give one of them a file: --format {}=FILE", second.name);
        return Err(Failure::new(what, hint).into());
    }
    let main = first.map_or(RENDERERS[0], FormatChoice::renderer);
    Ok((main, choices.iter().filter(|choice| choice.file.is_some()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices() {
        let choice: FormatChoice = "sarif=out.sarif".parse().unwrap();
        assert_eq!((choice.name.as_str(), choice.file), ("sarif", Some("out.sarif".into())));
        assert!("pdf".parse::<FormatChoice>().unwrap_err().contains("text, json, markdown"));
        assert!("json=".parse::<FormatChoice>().is_err());
        let two = [FormatChoice::plain("json"), FormatChoice::plain("csv")];
        assert!(split(&two).is_err());
        let (main, files) = split(&two[..1]).unwrap();
        assert_eq!((main.name(), files.len()), ("json", 0));
    }
}
