//! `coretool memory`: raw bytes, and where they come from.

use std::path::Path;
use std::process::{Command, Output};

use coretool::report::model::{ByteSource, MemoryDump};

use crate::support::builds::Build;
use crate::support::core_maker::{Core, gdb_core};
use crate::support::fixture::Fixture;

fn core() -> Core {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values/query-c.c");
    let text = std::fs::read_to_string(&source).unwrap();
    let program = Fixture::parse(source, &text).unwrap();
    gdb_core(&program, Build::plain(&program)).0
}

fn coretool(core: &Core, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["memory"]).arg(&core.path).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(core: &Core, words: &[&str]) -> MemoryDump {
    let words: Vec<&str> = words.iter().copied().chain(["--format", "json"]).collect();
    let output = coretool(core, &words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn bytes_of_a_variable() {
    let core = core();
    let dump = json(&core, &["&local", "sizeof local"]);
    assert_eq!(dump.schema, "coretool.memory/1");
    assert_eq!((dump.length, dump.missing), (20, 0));
    let [part] = dump.parts.as_slice() else { panic!("{dump:#?}") };
    assert_eq!(part.source, ByteSource::Dump);
    // "local", 80 in two bytes, up = 1 and level = -3: 0b11101 << 1 | 1.
    let bytes = &part.bytes.as_ref().unwrap().0;
    assert_eq!(&bytes[..6], b"local\0");
    assert_eq!(&bytes[16..19], [80, 0, 0x3b]);

    let shown = text(&coretool(&core, &["&local", "20"]).stdout);
    assert!(shown.contains("6c 6f 63 61 6c 00"), "{shown}");
    assert!(shown.contains("local"), "{shown}");
}

#[test]
fn words_are_named() {
    let core = core();
    let dump = json(&core, &["&conn->next", "8", "--words"]);
    let [word] = dump.words.as_slice() else { panic!("{dump:#?}") };
    // table[1] is sizeof(struct conn) = 88 bytes into the table.
    assert_eq!(word.label.as_deref(), Some("<table+88>"));
    let stack = json(&core, &["&conn", "8", "--words"]);
    assert_eq!(stack.words[0].label.as_deref(), Some("<table>"));
    let shown = text(&coretool(&core, &["&conn", "8", "--words"]).stdout);
    assert!(shown.trim_end().ends_with("<table>"), "{shown}");
}

#[test]
fn missing_bytes_are_not_zero() {
    let core = core();
    let dump = json(&core, &["0", "32"]);
    assert_eq!((dump.missing, dump.parts.len()), (32, 1));
    let part = &dump.parts[0];
    assert!(part.bytes.is_none() && !part.is_mapped && part.source == ByteSource::Missing);
    let shown = text(&coretool(&core, &["0", "32"]).stdout);
    assert!(shown.starts_with("nothing is mapped here:\n0x0  ?? ??"), "{shown}");
    assert!(!shown.contains("00 "), "{shown}");
    // A range that reaches over the end of what is mapped: its parts are all of it.
    let edge = json(&core, &["((unsigned long)$rsp | 0xfff) + 1 - 16", "4 << 20"]);
    let whole: u64 = edge.parts.iter().map(|part| part.length).sum();
    assert_eq!(whole, 4 << 20);
    assert!(edge.missing > 0);
    let mut next = edge.address.0;
    for part in &edge.parts {
        assert_eq!(part.address.0, next);
        let held = part.bytes.as_ref().map_or(part.length, |bytes| bytes.0.len() as u64);
        assert_eq!(held, part.length);
        next += part.length;
    }
}

#[test]
fn ranges_that_cannot_be_shown() {
    let core = core();
    let cases: &[(&[&str], &str)] = &[
        (&["nope"], "error: there is no `nope` here\n  nope\n  ^^^^\n"),
        (&["0", "0"], "error: it must be from 1 to 67108864\n"),
        (&["0", "1ULL << 40"], "error: it must be from 1 to 67108864\n"),
        (&["0", "0 - 1"], "error: it must be from 1 to 67108864\n"),
        (&["local.level"], "error: `local.level` is no address\n"),
    ];
    for (words, want) in cases {
        let output = coretool(&core, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with(want), "{words:?}: {said}");
    }
    // The last bytes of all do not wrap.
    let top = json(&core, &["0xfffffffffffffff8", "64"]);
    assert_eq!(top.length, 7);
}

#[test]
fn a_closed_pipe_ends_it() {
    let core = core();
    let script = "\"$0\" memory \"$1\" '$rsp' '64 << 20' | head -1 > /dev/null; \
                  exit ${PIPESTATUS[0]}";
    let status = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_coretool")])
        .arg(&core.path)
        .status()
        .unwrap();
    assert!(status.success());
}
