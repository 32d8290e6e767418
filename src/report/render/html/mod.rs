//! A report as one HTML file that needs nothing else: no network, no other
//! file. It reads without its script, too, which only filters and folds.
//!
//! Texts of the dead process pass through [`text`], and stand in elements and
//! double-quoted attributes only. A policy in the page forbids all loads, and
//! every script but the one whose digest it names.

mod buckets;
mod map;
mod report;
mod stacks;
mod values;
mod waits;

use std::fmt::{self, Write};

use crate::report::model::{Report, Triage};
use crate::report::render::escape::escaped;
use crate::report::render::table::{Look, Renderer};

pub(super) struct Html;

impl Renderer for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn doc(&self) -> &'static str {
        "one page for a browser"
    }

    fn triage(&self, triage: &Triage, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        let mut body = String::new();
        buckets::page(triage, &mut body)?;
        page(&buckets::title(triage), &body, out)
    }

    fn report(&self, report: &Report, _look: &Look, out: &mut dyn Write) -> fmt::Result {
        let mut body = String::new();
        report::page(report, &mut body)?;
        page(&report.verdict, &body, out)
    }
}

/// Colors of both schemes, phones and paper.
const STYLE: &str = include_str!("page.css");

/// Filters and folds. `SCRIPT_DIGEST` is its SHA-256.
const SCRIPT: &str = include_str!("page.js");

/// The digest by which the page's policy allows the script, in base64:
/// `openssl dgst -sha256 -binary page.js | base64`.
const SCRIPT_DIGEST: &str = "rYjZZgv8oT4cIMV6i36cOTTEjGDwi+SznWUB6Jovi2E=";

fn page(title: &str, body: &str, out: &mut dyn Write) -> fmt::Result {
    let title: String = title.lines().next().unwrap_or_default().chars().take(200).collect();
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_DIGEST}'; base-uri 'none'; \
         form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n{body}</main>\n\
         <script>{SCRIPT}</script></body></html>\n",
        text(&title)
    )
}

/// Text for an element or a double-quoted attribute.
fn text(text: &str) -> String {
    let text = escaped(text);
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}
