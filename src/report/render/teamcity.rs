//! TeamCity's service messages: a build problem a bug.
//!
//! Source: TeamCity Docs, "Service Messages", "Escaped Values".

use std::fmt::{self, Write};

use crate::report::model::Triage;
use crate::report::render::escape::escaped;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::triage::place;

pub(super) struct Teamcity;

/// Longer descriptions are cut by the server.
const LONGEST: usize = 4_000;

impl Renderer for Teamcity {
    fn name(&self) -> &'static str {
        "teamcity"
    }

    fn doc(&self) -> &'static str {
        "build problems of TeamCity"
    }

    fn triage(&self, triage: &Triage, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        for bucket in &triage.buckets {
            let what = format!("{} in {} ({})", bucket.title, place(bucket), bucket.label);
            let what: String = what.chars().take(LONGEST).collect();
            writeln!(
                out,
                "##teamcity[buildProblem description='{}' identity='{}']",
                value(&what),
                value(&bucket.id)
            )?;
        }
        Ok(())
    }
}

/// A value as a message has it.
pub fn value(text: &str) -> String {
    let mut out = String::new();
    for char in escaped(text).chars() {
        match char {
            '|' | '\'' | '[' | ']' => {
                out.push('|');
                out.push(char);
            }
            char if char.is_ascii() => out.push(char),
            char => {
                let mut units = [0; 2];
                for unit in char.encode_utf16(&mut units) {
                    out.push_str(&format!("|0x{unit:04x}"));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_no_message() {
        assert_eq!(value("it's [a|b]\n\u{e9}"), "it|'s |[a||b|]\\n|0x00e9");
    }
}
