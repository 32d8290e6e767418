//! SARIF 2.1.0, as code scanning reads it.
//!
//! One run, one result a bug. The rule is the cause's stable id, the fingerprint
//! the bucket key, so that the same bug is the same alert in the next run.
//!
//! Source: OASIS SARIF 2.1.0; GitHub Docs, "SARIF support for code scanning",
//! for what is read of it and its limits.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde_json::{Value, json};

use crate::report::model::{Bucket, Frame, Place, Severity, Triage};
use crate::report::render::json::render;
use crate::report::render::table::{Look, Renderer};
use crate::report::render::triage::count;

/// Results of one run that code scanning takes.
const MOST_RESULTS: usize = 25_000;

/// Frames of one stack.
const MOST_FRAMES: usize = 100;

pub(super) struct Sarif;

impl Renderer for Sarif {
    fn name(&self) -> &'static str {
        "sarif"
    }

    fn doc(&self) -> &'static str {
        "SARIF 2.1.0 for code scanning"
    }

    fn triage(&self, triage: &Triage, look: &Look, out: &mut dyn Write) -> fmt::Result {
        let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
        for bucket in &triage.buckets {
            rules.entry(rule_id(bucket)).or_insert_with(|| rule(bucket));
        }
        let ids: Vec<&str> = rules.keys().copied().collect();
        let results: Vec<Value> = triage
            .buckets
            .iter()
            .take(MOST_RESULTS)
            .map(|bucket| result(bucket, ids.iter().position(|id| *id == rule_id(bucket))))
            .collect();
        let log = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "coretool",
                    "semanticVersion": triage.tool.version,
                    "rules": rules.into_values().collect::<Vec<_>>(),
                }},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        });
        render(&log, look.layout, out)
    }
}

/// A finding's id without what was done to memory: the rule.
fn rule_id(bucket: &Bucket) -> &str {
    let id = bucket.cause.split('.').next().unwrap_or_default();
    if id.is_empty() { "crash" } else { id }
}

fn rule(bucket: &Bucket) -> Value {
    let id = rule_id(bucket);
    let finding = bucket.report.as_ref().and_then(|report| report.findings.first());
    let title = finding.map(|it| it.title.as_str()).filter(|it| !it.is_empty()).unwrap_or(id);
    json!({
        "id": id,
        "shortDescription": { "text": title },
        "fullDescription": { "text": format!("A program crashed: {title}.") },
        "help": {
            "text": format!("A program crashed: {title}."),
            "markdown": format!("A program crashed: {title}. `coretool analyze` explains its core."),
        },
        "defaultConfiguration": { "level": level(bucket.severity) },
        "properties": {
            "tags": ["crash", "reliability"],
            "security-severity": security(bucket.severity),
        },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        _ => "error",
    }
}

fn security(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "0.0",
        Severity::Low => "3.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

fn result(bucket: &Bucket, rule: Option<usize>) -> Value {
    let mut text = bucket.title.clone();
    if bucket.count > 1 {
        text.push_str(&format!(" ({})", count(bucket.count, "crash", "crashes")));
    }
    let mut result = json!({
        "ruleId": rule_id(bucket),
        "level": level(bucket.severity),
        "message": { "text": text },
        // Code scanning refuses a result without a place.
        "locations": [location(&bucket.place)],
        "partialFingerprints": { "coretoolSignature/v1": bucket.id },
        "occurrenceCount": bucket.count.max(1),
        "properties": { "label": bucket.label, "signature": bucket.text },
    });
    let threads = bucket.report.as_ref().map(|report| report.threads.as_slice());
    let threads = threads.unwrap_or_default();
    let frames = threads.iter().find(|it| it.crashed).or(threads.first());
    let frames = frames.map(|it| it.frames.as_slice()).unwrap_or_default();
    let stack: Vec<Value> = frames.iter().take(MOST_FRAMES).map(frame).collect();
    if let Some(object) = result.as_object_mut() {
        if let Some(rule) = rule {
            object.insert("ruleIndex".to_owned(), json!(rule));
        }
        if !stack.is_empty() {
            object.insert("stacks".to_owned(), json!([{ "frames": stack }]));
        }
    }
    result
}

fn location(place: &Place) -> Value {
    let uri = match (&place.repository_file, &place.file) {
        (Some(file), _) => uri(file),
        (None, Some(file)) => uri(file),
        (None, None) => "unknown".to_owned(),
    };
    let mut region = json!({ "startLine": place.line.unwrap_or(1).max(1) });
    if let (Some(column), Some(object)) =
        (place.column.filter(|it| *it > 0), region.as_object_mut())
    {
        object.insert("startColumn".to_owned(), json!(column));
    }
    let mut artifact = json!({ "uri": uri });
    if let (Some(_), Some(object)) = (&place.repository_file, artifact.as_object_mut()) {
        object.insert("uriBaseId".to_owned(), json!("%SRCROOT%"));
    }
    json!({ "physicalLocation": { "artifactLocation": artifact, "region": region } })
}

fn frame(frame: &Frame) -> Value {
    let name = frame.function.as_deref().unwrap_or("?");
    let mut location = json!({ "message": { "text": name } });
    if let (Some(file), Some(object)) = (&frame.file, location.as_object_mut()) {
        let place = Place {
            file: Some(file.clone()),
            line: frame.line,
            column: frame.column,
            ..Place::default()
        };
        let physical = self::location(&place);
        if let Some(physical) = physical.get("physicalLocation") {
            object.insert("physicalLocation".to_owned(), physical.clone());
        }
    }
    let mut shown = json!({ "location": location });
    if let (Some(module), Some(object)) = (&frame.module, shown.as_object_mut()) {
        object.insert("module".to_owned(), json!(module));
    }
    shown
}

/// A path as a URI reference (RFC 3986): all but unreserved characters and `/`
/// are percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_uris() {
        assert_eq!(uri("src/a b#1.c"), "src/a%20b%231.c");
        assert_eq!(uri("/build/a.c"), "file:///build/a.c");
    }

    #[test]
    fn the_fingerprint_is_the_key_and_rules_are_causes() {
        let bucket = |id: &str, cause: &str| Bucket {
            id: id.to_owned(),
            cause: cause.to_owned(),
            ..Bucket::default()
        };
        let buckets = vec![bucket("k1", "null-pointer.write"), bucket("k2", "abort")];
        let triage = Triage { buckets, ..Triage::default() };
        let mut out = String::new();
        Sarif.triage(&triage, &Look::default(), &mut out).unwrap();
        let log: Value = serde_json::from_str(&out).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["results"][0]["partialFingerprints"]["coretoolSignature/v1"], "k1");
        assert_eq!(run["results"][0]["ruleId"], "null-pointer");
        assert_eq!(run["results"][0]["ruleIndex"], 1);
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "abort");
    }
}
