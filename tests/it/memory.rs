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
    let mut next = edge.address.unwrap().0;
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
    // The last bytes of all do not wrap, and the last one is there.
    for (start, wanted, held) in [
        ("0xfffffffffffffff8", "64", 8),
        ("0xffffffffffffffff", "32", 1),
        ("0xfffffffffffffff0", "16", 16),
    ] {
        let top = json(&core, &[start, wanted]);
        assert_eq!((top.length, top.missing), (held, held), "{start}");
        let is_cut = top.gaps.iter().any(|gap| gap.why.contains("address space ends"));
        assert_eq!(is_cut, wanted != held.to_string(), "{start}: {:?}", top.gaps);
        let shown = coretool(&core, &[start, wanted]);
        let rows = text(&shown.stdout);
        assert_eq!(rows.matches("?? ").count() as u64, held, "{rows}");
        assert_eq!(rows.lines().count(), 2, "a heading and one row: {rows}");
        assert_eq!(text(&shown.stderr).contains("address space ends"), is_cut);
    }
    // On an error JSON is JSON, too.
    let refused = coretool(&core, &["nope", "--format", "json"]);
    assert_eq!(refused.status.code(), Some(1));
    let refused: MemoryDump = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(refused.address.is_none() && refused.parts.is_empty());
    assert_eq!(refused.fault.unwrap().expression, "nope");
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

/// Words that are not whole are shown as bytes, and long ranges have all words
/// wherever they begin.
#[test]
fn no_byte_is_dropped_from_words() {
    let core = core();
    // "local" in 16 bytes, then 80 in two bytes and bit-fields.
    let dump = json(&core, &["&local", "4", "--words"]);
    let [word] = dump.words.as_slice() else { panic!("{dump:#?}") };
    assert_eq!((word.value, word.partial.as_deref()), (None, Some("6c6f6361")));
    let dump = json(&core, &["&local", "18", "--words"]);
    let partial: Vec<_> = dump.words.iter().map(|word| word.partial.as_deref()).collect();
    assert_eq!(partial, [None, None, Some("5000")]);
    // The word over the end of what is known: `[rsp]` is the last mapping
    // below the kernel but for the vdso.
    let edge = json(&core, &["((unsigned long)$rsp | 0xfff) + 1 - 12", "4 << 20", "--words"]);
    let known: u64 = edge.length - edge.missing;
    let shown: usize = edge
        .words
        .iter()
        .map(|word| match (&word.value, &word.partial) {
            (Some(_), None) => 8,
            (None, Some(bytes)) => {
                let known = bytes.as_bytes().chunks(2).filter(|byte| *byte != b"??");
                known.count()
            }
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(shown as u64, known);
    let odd = json(&core, &["(char *)$rsp + 3", "1000", "--words"]);
    assert_eq!(odd.words.len(), 125);
    assert!(odd.words.iter().all(|word| word.value.is_some()));
}
