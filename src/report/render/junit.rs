//! JUnit's XML: a crash is a test case with an error.
//!
//! What the attributes say stands in the body, too, since some readers show
//! only that.

use std::fmt::{self, Write};

use crate::report::model::{Bucket, Triage};
use crate::report::render::escape::escaped;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::text::{self, TextOptions};
use crate::report::render::triage::{count, place};

pub(super) struct Junit;

impl Renderer for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn doc(&self) -> &'static str {
        "JUnit's XML, one test case a bug"
    }

    fn triage(&self, triage: &Triage, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        let errors = triage.buckets.len();
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(
            out,
            "<testsuites name=\"coretool\" tests=\"{errors}\" failures=\"0\" errors=\"{errors}\">"
        )?;
        let made = triage.made.as_deref().map(|made| format!(" timestamp=\"{}\"", xml(made)));
        writeln!(
            out,
            "  <testsuite name=\"crashes\" tests=\"{errors}\" failures=\"0\" errors=\"{errors}\" \
             skipped=\"0\" time=\"0\"{}>",
            made.unwrap_or_default()
        )?;
        for bucket in &triage.buckets {
            case(bucket, out)?;
        }
        writeln!(out, "  </testsuite>")?;
        writeln!(out, "</testsuites>")
    }
}

fn case(bucket: &Bucket, out: &mut dyn Write) -> fmt::Result {
    let name = format!("{} {}", place(bucket), bucket.label);
    let file = bucket.place.repository_file.as_ref().or(bucket.place.file.as_ref());
    let file = file.map(|file| format!(" file=\"{}\"", xml(file))).unwrap_or_default();
    let line = bucket.place.line.map(|line| format!(" line=\"{line}\"")).unwrap_or_default();
    writeln!(
        out,
        "    <testcase classname=\"coretool.{}\" name=\"{}\"{file}{line} time=\"0\">",
        xml(&bucket.cause),
        xml(&name)
    )?;
    writeln!(out, "{}", error(bucket))?;
    writeln!(out, "    </testcase>")
}

/// The element that tells one crash, for a test case of one's own.
pub fn error(bucket: &Bucket) -> String {
    let mut body = format!(
        "{}\n{}\n{}: {}\n\n",
        bucket.cause,
        bucket.title,
        count(bucket.count, "crash", "crashes"),
        bucket.text
    );
    if let Some(report) = &bucket.report {
        // Writing to a string cannot fail.
        let _written = text::render(report, &TextOptions::default(), &mut body);
    }
    format!(
        "      <error type=\"{}\" message=\"{}\"><![CDATA[{}]]></error>",
        xml(&bucket.cause),
        xml(&bucket.title),
        cdata(&body)
    )
}

/// Text as XML has it in attributes, without what XML cannot have at all.
pub fn xml(text: &str) -> String {
    let text = escaped(text);
    let mut out = String::with_capacity(text.len());
    for char in text.chars().filter(|char| is_xml(*char)) {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            char => out.push(char),
        }
    }
    out
}

/// Text for a CDATA section, whose end it must not have.
pub fn cdata(text: &str) -> String {
    let text: String = text.chars().filter(|char| is_xml(*char)).collect();
    text.replace("]]>", "]]]]><![CDATA[>")
}

/// Source: XML 1.0, production 2, `Char`; of the controls only newlines.
fn is_xml(char: char) -> bool {
    matches!(char, '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(char, '\u{7f}'..='\u{9f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element() {
        assert_eq!(xml("a<b>&\"'\u{1b}[0m\u{0}"), "a&lt;b&gt;&amp;&quot;&apos;\\x1b[0m\\x00");
        assert_eq!(cdata("x]]>y\u{1}"), "x]]]]><![CDATA[>y");
    }
}
