//! How many values a report has, and what a user can say about that.

use coretool::report::model::{Report, Value, Variable};

use crate::support::target::{Target, finished};

fn report(target: &Target, options: &[&str]) -> Report {
    let _old = std::fs::remove_file(target.reports());
    let output = finished(&mut target.command(options));
    assert_eq!(output.status.code(), Some(139), "{}", String::from_utf8_lossy(&output.stderr));
    target.read_reports().remove(0)
}

fn locals(report: &Report) -> &[Variable] {
    let crash = report.threads[0].frames.iter();
    let mut crash = crash.filter(|frame| frame.function.as_deref() == Some("crash"));
    &crash.next().unwrap().locals
}

fn local<'r>(report: &'r Report, name: &str) -> &'r Value {
    &locals(report).iter().find(|variable| variable.name == name).unwrap().value
}

#[test]
fn what_is_cut_is_counted() {
    let target = Target::new("values");
    let usual = report(&target, &[]);
    let all = &local(&usual, "all").fields[0].value;
    assert!(all.text.ends_with("18, 19, ... 1,244 more}"), "{}", all.text);
    assert_eq!((all.elements.len(), all.truncated), (20, Some(1_244)));
    let line = local(&usual, "line");
    assert_eq!(line.text, format!("\"{}\"...", "x".repeat(200)));
    assert_eq!(line.truncated, Some(99));
    assert_eq!(local(&usual, "tree").text, "{a = {b = {c = {leaf = {...}}}}}");
    assert!(usual.globals.is_none());

    let options = ["--max-elements", "2000", "--max-string", "1000", "--max-depth", "9"];
    let more = report(&target, &options);
    let all = &local(&more, "all").fields[0].value;
    assert!(all.text.ends_with(", 1262, 1263}"), "{}", all.text);
    assert_eq!((all.elements.len(), all.truncated), (1264, None));
    assert_eq!(local(&more, "line").text, format!("\"{}\"", "x".repeat(299)));
    assert_eq!(local(&more, "tree").text, "{a = {b = {c = {leaf = {bottom = 9}}}}}");

    let less = report(&target, &["--max-elements", "0", "--max-string", "0", "--max-depth", "0"]);
    assert_eq!(local(&less, "tree").text, "{...}");
    let line = local(&less, "line");
    assert_eq!((line.text.as_str(), line.truncated), ("\"\"...", Some(299)));
}

#[test]
fn whose_locals_and_which_globals() {
    let target = Target::new("values");
    let waiter = |report: &Report| {
        let frames = report.threads[1].frames.iter();
        let mut own = frames.filter(|frame| frame.function.as_deref() == Some("wait_for_ever"));
        let own = own.next().unwrap();
        let names = |variables: &[Variable]| {
            variables.iter().map(|variable| variable.name.clone()).collect::<Vec<_>>()
        };
        (names(&own.arguments), names(&own.locals))
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();

    let usual = report(&target, &[]);
    assert_eq!(waiter(&usual), (names(&["argument"]), names(&[])));
    let all = report(&target, &["--locals", "all", "--globals"]);
    assert_eq!(waiter(&all), (names(&["argument"]), names(&["local_of_waiter"])));
    assert_eq!(locals(&all).len(), locals(&usual).len());
    let none = report(&target, &["--locals", "none"]);
    assert_eq!(locals(&none), []);
    assert_eq!(none.verdict.split(": ").last(), usual.verdict.split(": ").last());

    let globals = all.globals.unwrap();
    assert!(globals.unit.ends_with("values.c"), "{}", globals.unit);
    let global = |name: &str| {
        let mut found = globals.variables.iter().filter(|variable| variable.name == name);
        found.next().unwrap().value.text.clone()
    };
    assert_eq!(global("title"), "\"a global\"");
    assert_eq!(global("counted"), "7");
    assert!(global("many").starts_with("{0, 1, 2, "), "{}", global("many"));
}
