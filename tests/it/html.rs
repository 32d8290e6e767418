//! The HTML report in a browser: it runs, asks for nothing, and hostile texts
//! stay texts. Chromium tells what it made of the page.

use std::fs;
use std::path::Path;
use std::process::Command;

use coretool::report::model::{
    Excerpt, Field, Finding, Frame, Hex, Mapping, Registers, Report, SCHEMA, Signal, Thread, Value,
    ValueKind, Variable, WaitsFor,
};
use coretool::report::render::table::{Look, alone, renderer};

use crate::support::scratch;
use crate::support::target::{finished, text};

/// Text that would do harm if a browser took it for more than text.
const HOSTILE: &str = "<img src=http://192.0.2.1/x onerror=\"document.title='owned'\"><script>\
                       document.title='owned'</script>\"'--></svg>";

fn report() -> Report {
    let leaf = Value { text: HOSTILE.to_owned(), kind: ValueKind::String, ..Value::default() };
    let tree = Value {
        text: "{a = ..}".to_owned(),
        kind: ValueKind::Struct,
        fields: vec![Field { name: "inner".to_owned(), value: leaf }],
        ..Value::default()
    };
    let variable = Variable { name: "v".to_owned(), value: tree, ..Variable::default() };
    let frame = |index: u64, function: &str| Frame {
        index,
        function: Some(function.to_owned()),
        file: Some(format!("/src/{function}.c")),
        line: Some(7),
        locals: vec![variable.clone()],
        ..Frame::default()
    };
    let source = Excerpt {
        start: 6,
        lines: vec!["int x;".to_owned(), HOSTILE.to_owned()],
        marked: 7,
        newer_than_program: false,
    };
    let mut frames = vec![frame(0, "alpha"), frame(1, "beta"), frame(2, HOSTILE)];
    frames[0].source = Some(source);
    let waits = |by: u32| {
        Some(WaitsFor { text: HOSTILE.to_owned(), held_by: Some(by), ..WaitsFor::default() })
    };
    let mut registers = Registers::default();
    registers.general.insert("rsp".to_owned(), "0x7ffd00000800".to_owned());
    let mapping = |start: u64, end: u64, permissions: &str, path: &str| Mapping {
        start: Hex(start),
        end: Hex(end),
        permissions: Some(permissions.to_owned()),
        path: Some(path.to_owned()),
        ..Mapping::default()
    };
    Report {
        schema: SCHEMA.to_owned(),
        verdict: format!("SIGSEGV: {HOSTILE}"),
        signal: Some(Signal {
            name: "SIGSEGV".to_owned(),
            address: Some(Hex(0x18)),
            ..Signal::default()
        }),
        findings: vec![Finding { title: HOSTILE.to_owned(), ..Finding::default() }],
        threads: vec![
            Thread {
                tid: 1,
                name: Some(HOSTILE.to_owned()),
                crashed: true,
                frames,
                registers: Some(registers),
                waits_for: waits(2),
                ..Thread::default()
            },
            Thread {
                tid: 2,
                waits_for: waits(1),
                frames: vec![frame(0, "gamma")],
                ..Thread::default()
            },
        ],
        mappings: vec![
            mapping(0x55_0000, 0x56_0000, "r-x", "/bin/app"),
            mapping(0x7ffd_0000_0000, 0x7ffd_0002_0000, "rw-", "[stack]"),
        ],
        ..Report::default()
    }
}

fn page(of_triage: bool) -> String {
    let mut page = String::new();
    let html = renderer("html").unwrap();
    match of_triage {
        true => html.triage(&alone(&report()), &Look::default(), &mut page).unwrap(),
        false => html.report(&report(), &Look::default(), &mut page).unwrap(),
    }
    page
}

/// What the browser has after running the page, and what it complained about.
fn browsed(directory: &Path, page: &str) -> (String, String) {
    let file = directory.join("page.html");
    fs::write(&file, page).unwrap();
    let mut chromium = Command::new("chromium");
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom"])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", directory.join("profile").display()))
        .arg(format!("file://{}", file.display()));
    let output = finished(&mut chromium);
    (text(&output.stdout), text(&output.stderr))
}

fn has_chromium() -> bool {
    Command::new("chromium").arg("--version").output().is_ok_and(|it| it.status.success())
}

#[test]
fn a_browser_runs_it_and_hostile_texts_are_inert() {
    if !has_chromium() {
        crate::support::notice::untested("the HTML report in a browser: chromium is missing");
        return;
    }
    let directory = scratch::directory("html");
    for of_triage in [false, true] {
        let (dom, said) = browsed(directory.path(), &page(of_triage));
        assert!(!dom.contains("<title>owned"), "{dom}");
        assert!(!dom.contains("<img"), "{dom}");
        let scripts = dom.matches("<script").count();
        assert_eq!(scripts, 1, "only the page's own");
        // The policy lets the script run: it shows the tools that need it.
        assert!(dom.contains("class=\"tools\""), "{dom}");
        let first = dom.split("class=\"tools\"").nth(1).unwrap();
        assert!(!first[..first.find('>').unwrap()].contains("hidden"), "the script did not run");
        assert!(dom.contains("aria-label=\"memory map\"") && dom.contains("fault 0x18"), "{dom}");
        assert!(dom.contains("aria-label=\"wait graph\""), "{dom}");
        for word in ["Uncaught", "Refused", "ERR_", "192.0.2.1"] {
            let line = said.lines().find(|line| line.contains("CONSOLE") && line.contains(word));
            assert!(line.is_none(), "{line:?}");
        }
    }
}

/// Filter and folds, typed into the page by a script of the test's own, which
/// the page's policy forbids: so it stands in a copy without the policy.
#[test]
fn the_filter_and_the_folds_work() {
    if !has_chromium() {
        crate::support::notice::untested("the HTML report in a browser: chromium is missing");
        return;
    }
    let directory = scratch::directory("html-keys");
    let script = "<script>\
        document.dispatchEvent(new KeyboardEvent('keydown', {key: '/'}));\
        const input = document.activeElement;\
        input.value = 'beta'; input.dispatchEvent(new Event('input'));\
        const seen = [...document.querySelectorAll('#t-stacks [data-text]')]\
          .filter((it) => !it.hidden).map((it) => it.dataset.text.split(' ')[0]);\
        input.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}));\
        const all = [...document.querySelectorAll('#t-stacks [data-text]')].filter((it) => !it.hidden);\
        document.querySelector('[data-open=\"1\"]').click();\
        const open = [...document.querySelectorAll('#t-stacks details')].every((it) => it.open);\
        const width = document.documentElement.scrollWidth <= window.innerWidth;\
        document.title = JSON.stringify([input.type, seen, all.length, open, width]);\
        </script></body>";
    let page = page(false);
    let (head, rest) = page.split_once("<meta http-equiv").unwrap();
    let rest = rest.split_once("\">\n").unwrap().1;
    let page = format!("{head}{rest}").replace("</body>", script);
    let (dom, _said) = browsed(directory.path(), &page);
    let title = dom.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
    assert_eq!(title, "[\"search\",[\"beta\"],4,true,true]");
}
