//! Adds crashes to the JUnit file of the test tool that saw its test die.
//!
//! A test is the one that died when its name is the program's, or a word of its
//! command line: `--gtest_filter=Suite.Name`, `--exact a::b`. What fits no test
//! gets a suite of its own. The rest of the file stays as it is, byte by byte.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};

use crate::cli::new_file::{self, Existing};
use crate::report::model::{Bucket, Report, Triage};
use crate::report::render::junit::{error, xml};
use crate::report::render::table::alone;

/// A larger file is no list of tests.
const LARGEST: u64 = 256 << 20;

/// Adds the crashes of `reports` to a file, and returns how many there were.
///
/// # Errors
///
/// When the file cannot be read, is no JUnit file, or cannot be written.
pub fn merge(path: &Path, triage: &Triage, reports: &[Report]) -> Result<usize> {
    let cannot = || format!("cannot add crashes to `{}`", path.display());
    let found = path.metadata().with_context(cannot)?;
    if found.len() > LARGEST {
        return Err(anyhow!("it has {} bytes", found.len())).with_context(cannot);
    }
    let text = std::fs::read_to_string(path).with_context(cannot)?;
    let merged = merged(&text, triage, reports).with_context(cannot)?;
    new_file::write(path, merged.as_bytes(), Existing::Replace)?;
    Ok(reports.len())
}

fn merged(text: &str, triage: &Triage, reports: &[Report]) -> Result<String> {
    let end = ["</testsuites>", "</testsuite>"].iter().find_map(|end| text.rfind(end));
    let end = end.context("it has no <testsuite>")?;
    let cases = cases(text);
    // Where, and what: kept apart, and put in from the end on.
    let mut insertions: Vec<(usize, String, bool)> = Vec::new();
    let mut others = String::new();
    for report in reports {
        let bucket = bucket(report, triage);
        let element = error(&bucket);
        match cases.iter().find(|case| died(case, report)) {
            Some(case) => insertions.push((case.end, element, case.is_empty)),
            None => others.push_str(&format!(
                "    <testcase classname=\"coretool\" name=\"{}\" time=\"0\">\n{element}\n    </testcase>\n",
                xml(&format!("{} {}", program(report), bucket.label))
            )),
        }
    }
    if !others.is_empty() {
        let count = others.matches("<testcase ").count();
        let suite = format!(
            "  <testsuite name=\"coretool\" tests=\"{count}\" failures=\"0\" errors=\"{count}\" \
             time=\"0\">\n{others}  </testsuite>\n"
        );
        // A file with one suite as its root cannot have a second one beside it.
        let inside = if text.get(end..).unwrap_or_default().starts_with("</testsuites>") {
            suite
        } else {
            others
        };
        insertions.push((end, inside, false));
    }
    insertions.sort_by_key(|(at, ..)| *at);
    let mut out = String::with_capacity(text.len() + 4096);
    let mut done = 0;
    let mut closed: Option<usize> = None;
    for (at, element, is_empty) in insertions {
        let is_again = closed == Some(at);
        if !is_again {
            let until = if is_empty { at - 2 } else { at };
            out.push_str(text.get(done..until).unwrap_or_default());
            done = at;
        }
        if is_empty {
            // `<testcase .../>` becomes an element with content.
            if is_again {
                let tail = "</testcase>";
                out.truncate(out.len() - tail.len());
            } else {
                out.push('>');
            }
            out.push_str(&format!("\n{element}\n</testcase>"));
        } else {
            out.push_str(&format!("\n{element}"));
        }
        closed = Some(at);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(out)
}

/// One test case of a file.
struct Case<'t> {
    name: &'t str,
    class: &'t str,
    /// Behind its opening tag.
    end: usize,
    /// Whether that closes it, too.
    is_empty: bool,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("<testcase")) {
        let start = from + at;
        let Some(length) = tag_length(text.get(start..).unwrap_or_default()) else { break };
        let tag = text.get(start..start + length).unwrap_or_default();
        from = start + length;
        cases.push(Case {
            name: attribute(tag, "name").unwrap_or_default(),
            class: attribute(tag, "classname").unwrap_or_default(),
            end: from,
            is_empty: tag.ends_with("/>"),
        });
    }
    cases
}

/// How long a tag is: a `>` in quotes does not end it.
fn tag_length(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, char) in text.char_indices() {
        match (char, quote) {
            ('"' | '\'', None) => quote = Some(char),
            (char, Some(open)) if char == open => quote = None,
            ('>', None) => return Some(at + 1),
            _ => (),
        }
    }
    None
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    for quote in ['"', '\''] {
        if let Some((_, rest)) = tag.split_once(&format!(" {name}={quote}")) {
            return rest.split(quote).next();
        }
    }
    None
}

/// Whether a test is the one that a crash ended.
fn died(case: &Case<'_>, report: &Report) -> bool {
    if case.name.is_empty() {
        return false;
    }
    let full = [format!("{}.{}", case.class, case.name), format!("{}::{}", case.class, case.name)];
    let is_named = |word: &str| {
        let word = word.rsplit_once('=').map_or(word, |(_, value)| value);
        word == case.name || full.iter().any(|full| full == word)
    };
    program(report) == case.name || report.process.arguments.iter().skip(1).any(|it| is_named(it))
}

fn program(report: &Report) -> &str {
    let process = &report.process;
    let program = process.executable.as_deref().or(process.command.as_deref()).unwrap_or("?");
    program.rsplit('/').next().unwrap_or(program)
}

/// The bug of one crash, with that crash's own report.
fn bucket(report: &Report, triage: &Triage) -> Bucket {
    let key = report.signature.as_ref().map(|signature| signature.key.as_str());
    let found = triage.buckets.iter().find(|bucket| Some(bucket.id.as_str()) == key);
    let own = alone(report).buckets.pop().unwrap_or_default();
    match found {
        Some(found) => Bucket { place: found.place.clone(), known: found.known.clone(), ..own },
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::ProcessInfo;

    fn crash(program: &str, arguments: &[&str]) -> Report {
        let process = ProcessInfo {
            executable: Some(format!("/build/{program}")),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            ..ProcessInfo::default()
        };
        Report { process, verdict: "it died".to_owned(), ..Report::default() }
    }

    const FILE: &str = "<testsuites><testsuite name=\"s\">\n\
                        <testcase name=\"parse\" classname=\"a>b\"/>\n\
                        <testcase name=\"T.walk\"><failure/></testcase>\n\
                        </testsuite></testsuites>\n";

    #[test]
    fn a_crash_goes_to_the_test_that_died() {
        let reports = [
            crash("parse", &[]),
            crash("all_tests", &["all_tests", "--gtest_filter=T.walk"]),
            crash("other", &[]),
            crash("parse", &[]),
        ];
        let text = merged(FILE, &Triage::default(), &reports).unwrap();
        let errors = |part: &str| part.matches("<error ").count();
        let (first, rest) = text.split_once("</testcase>").unwrap();
        assert!(first.contains("classname=\"a>b\">"), "{text}");
        assert_eq!(errors(first), 2, "{text}");
        let (second, rest) = rest.split_once("</testcase>").unwrap();
        assert!(second.contains("T.walk") && second.contains("<failure/>"), "{text}");
        assert_eq!(errors(second), 1, "{text}");
        assert_eq!(errors(rest), 1, "{text}");
        assert!(rest.contains("name=\"other "), "{text}");
        assert!(text.ends_with("</testsuites>\n"));
        let opened = text.matches("<testcase ").count();
        assert_eq!(opened, text.matches("</testcase>").count(), "{text}");
    }

    #[test]
    fn what_is_no_junit_stays() {
        assert!(merged("<html></html>", &Triage::default(), &[]).is_err());
    }
}
