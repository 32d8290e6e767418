//! What must not leave a machine with a core: masked in place, so that all
//! addresses stay as they are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::base::secret::{is_secret, masked};

/// How much is masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Redaction {
    /// Values that look like secrets: of variables and options with such names,
    /// in addresses, keys and tokens of known forms.
    #[default]
    Default,
    /// These, and the values of all environment variables.
    Strict,
    /// Nothing.
    Off,
}

/// What was masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Masked {
    /// The variable, or the kind of text. Never the value.
    pub what: String,
    /// How often.
    pub count: u64,
}

/// Bytes that are looked at at once.
const WINDOW: usize = 4 << 20;

/// A longer text is looked at in pieces of this length.
const LONGEST: usize = 64 << 10;

/// A shorter text is no secret.
const SHORTEST: usize = 6;

/// Masks secrets in a file, and says what they were.
///
/// # Errors
///
/// What the system says.
pub fn mask(file: &File, how: Redaction) -> io::Result<Vec<Masked>> {
    let mut found: Vec<Masked> = Vec::new();
    if how == Redaction::Off {
        return Ok(found);
    }
    let length = file.metadata()?.len();
    let mut buffer = vec![0; WINDOW];
    let mut at = 0_u64;
    while at < length {
        let wanted = usize::try_from(length - at).unwrap_or(WINDOW).min(WINDOW);
        let bytes = buffer.get_mut(..wanted).unwrap_or_default();
        file.read_exact_at(bytes, at)?;
        let is_last = at + wanted as u64 == length;
        let mut start = None;
        let mut done = wanted;
        for index in 0..=wanted {
            let is_text = bytes.get(index).is_some_and(|byte| matches!(byte, 0x20..=0x7e));
            match (is_text, start) {
                (true, None) => start = Some(index),
                (true, Some(from)) if index - from < LONGEST => (),
                (_, Some(from)) => {
                    // A text at the window's end goes on in the next one.
                    if index == wanted && !is_last && index - from < LONGEST {
                        done = from;
                    } else {
                        let text = bytes.get(from..index).unwrap_or_default();
                        mask_text(file, at + from as u64, text, how, &mut found)?;
                    }
                    start = is_text.then_some(index);
                }
                (false, None) => (),
            }
        }
        at += done.max(1) as u64;
    }
    found.sort();
    Ok(found)
}

/// Masks what is secret in one text of the file.
fn mask_text(
    file: &File,
    at: u64,
    text: &[u8],
    how: Redaction,
    found: &mut Vec<Masked>,
) -> io::Result<()> {
    if text.len() < SHORTEST {
        return Ok(());
    }
    let text = String::from_utf8_lossy(text);
    let variable = text.split_once('=').filter(|(name, value)| is_name(name) && !value.is_empty());
    if let Some((name, value)) = variable {
        let is_variable = name.bytes().all(|byte| !byte.is_ascii_lowercase());
        if is_secret(name, value) || how == Redaction::Strict && is_variable {
            note(found, name);
            let from = at + name.len() as u64 + 1;
            return file.write_all_at(&vec![b'*'; value.len()], from);
        }
    }
    if masked(&text) == *text {
        return Ok(());
    }
    let mut offset = 0;
    for word in text.split_inclusive(' ') {
        if masked(word) != word {
            note(found, "a text that looks like a secret");
            let length = word.trim_end().len();
            file.write_all_at(&vec![b'*'; length], at + offset as u64)?;
        }
        offset += word.len();
    }
    Ok(())
}

fn note(found: &mut Vec<Masked>, what: &str) {
    /// Names that are listed.
    const MOST: usize = 1_000;
    if let Some(known) = found.iter_mut().find(|masked| masked.what == what) {
        known.count += 1;
    } else if found.len() < MOST {
        found.push(Masked { what: what.to_owned(), count: 1 });
    }
}

/// Whether a text can name a variable or an option.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (2..64).contains(&text.len()) && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(bytes: &[u8], how: Redaction) -> (Vec<u8>, Vec<Masked>) {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        let found = mask(&file, how).unwrap();
        let mut out = vec![0; bytes.len()];
        file.read_exact_at(&mut out, 0).unwrap();
        (out, found)
    }

    #[test]
    fn secrets_are_masked_where_they_are() {
        let core = b"\x7fELF\0PATH=/usr/bin\0API_TOKEN=abc123\0\x01\x02--password=x1y2z3\0end";
        let (out, found) = after(core, Redaction::Default);
        assert_eq!(
            out,
            b"\x7fELF\0PATH=/usr/bin\0API_TOKEN=******\0\x01\x02--password=******\0end"
        );
        let names: Vec<&str> = found.iter().map(|masked| masked.what.as_str()).collect();
        assert_eq!(names, ["--password", "API_TOKEN"]);
        let (out, _) = after(core, Redaction::Strict);
        assert!(out.windows(14).any(|part| part == b"PATH=********\0"));
        assert_eq!(after(core, Redaction::Off), (core.to_vec(), Vec::new()));
    }

    #[test]
    fn a_secret_across_windows_is_found() {
        let mut core = vec![0; WINDOW - 8];
        core.extend(b"API_TOKEN=abc123\0");
        let (out, found) = after(&core, Redaction::Default);
        assert_eq!(found.len(), 1);
        assert!(out.ends_with(b"API_TOKEN=******\0"));
    }
}
