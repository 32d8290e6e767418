//! Snapshots over reports made by hand: they read like the terminal.

use super::*;
use crate::report::model::{
    Excerpt, Field, Finding, Folded, Gap, Hex, NameSource, Origin, ProcessInfo, Registers, Saved,
    Signal, Trust, Value, ValueKind, Variable, WaitsFor,
};

const PROGRAM: &str = "/home/ann/server";
const LIBC: &str = "/lib/x86_64-linux-gnu/libc.so.6";

fn value(kind: ValueKind, text: &str) -> Value {
    Value { text: text.to_owned(), kind, origin: Some(Origin::Memory), ..Value::default() }
}

fn unknown(why: &str) -> Value {
    Value {
        text: format!("<unknown: {why}>"),
        kind: ValueKind::Unknown,
        why_unknown: Some(why.to_owned()),
        ..Value::default()
    }
}

fn variable(name: &str, type_name: &str, value: Value) -> Variable {
    Variable { name: name.to_owned(), type_name: type_name.to_owned(), value, declared: None }
}

fn own(index: u64, function: &str, place: Option<(&str, u32)>) -> Frame {
    Frame {
        index,
        pc: Hex(0x55d0_0000_1000 + index),
        function: Some(function.to_owned()),
        name_source: Some(NameSource::Dwarf),
        module: Some(PROGRAM.to_owned()),
        file: place.map(|(file, _)| file.to_owned()),
        line: place.map(|(_, line)| line),
        trust: if index == 0 { Trust::Context } else { Trust::Cfi },
        ..Frame::default()
    }
}

fn libc(index: u64, function: &str, offset: u64) -> Frame {
    Frame {
        index,
        pc: Hex(0x7f00_0000_2000 + index),
        function: Some(function.to_owned()),
        name_source: Some(NameSource::Symtab),
        function_offset: Some(offset),
        module: Some(LIBC.to_owned()),
        trust: Trust::Cfi,
        ..Frame::default()
    }
}

fn thread(tid: u32, name: &str, frames: Vec<Frame>) -> Thread {
    Thread {
        tid,
        name: Some(name.to_owned()),
        frames,
        stack_complete: Some(true),
        ..Thread::default()
    }
}

fn segv(verdict: &str, crashed: Thread) -> Report {
    Report {
        process: ProcessInfo {
            pid: Some(4240),
            executable: Some(PROGRAM.to_owned()),
            arguments: ["./server", "--port", "80"].map(str::to_owned).to_vec(),
            ..ProcessInfo::default()
        },
        signal: Some(Signal { number: 11, name: "SIGSEGV".to_owned(), ..Signal::default() }),
        verdict: verdict.to_owned(),
        threads: vec![Thread { crashed: true, ..crashed }],
        ..Report::default()
    }
}

fn server() -> Report {
    let conn = variable("conn", "struct conn *", value(ValueKind::Pointer, "NULL"));
    let n = variable("n", "size_t", value(ValueKind::Scalar, "4096"));
    let mut read = own(0, "conn_read", Some(("src/conn.c", 88)));
    read.arguments = vec![conn, n];
    read.locals = vec![
        variable("buf", "char [4096]", value(ValueKind::String, "\"\"")),
        variable("limit", "int", unknown("optimized out")),
    ];
    let lines = ["", "\tif (n > LIMIT)", "\t\tn = LIMIT;", "", "\treturn read(conn->fd, buf, n);"];
    read.source = Some(Excerpt {
        start: 84,
        lines: lines.iter().map(|line| (*line).to_owned()).chain(["}".to_owned()]).collect(),
        marked: 88,
    });
    let mut dispatch = own(1, "dispatch", Some(("src/serve.c", 12)));
    dispatch.inlined = true;
    let mut serve = own(2, "serve", Some(("src/serve.c", 31)));
    let text = "0x55d0c0ffee40 {id = 7, ...}";
    serve.arguments = vec![variable("ctx", "struct ctx *", value(ValueKind::Pointer, text))];
    serve.locals = vec![variable("tries", "int", value(ValueKind::Scalar, "3"))];
    let crashed =
        thread(4245, "worker-3", vec![read, dispatch, serve, libc(3, "start_thread", 0x2d3)]);
    let mut report = segv(
        "read of 4 bytes at 0x18, because `conn` is NULL (member `fd` of `struct conn`)",
        crashed,
    );
    let wait = own(1, "pool_wait", Some(("src/pool.c", 31)));
    let mut twin = thread(4247, "worker-2", Vec::new());
    twin.same_stack_as = Some(4246);
    report.threads.extend([
        thread(4246, "worker-1", vec![libc(0, "pthread_cond_wait", 0x1f), wait]),
        twin,
        thread(
            4240,
            "server",
            vec![libc(0, "accept", 0x4d), own(1, "main", Some(("src/main.c", 9)))],
        ),
    ]);
    report.findings = vec![Finding {
        id: "null-pointer".to_owned(),
        confidence: 1.0,
        title: "`conn` is NULL".to_owned(),
        evidence: vec![
            "`mov eax, [rdi+0x18]` reads 4 bytes at rdi + 0x18, and rdi is 0".to_owned(),
            "`fd` lies 0x18 bytes into `struct conn`".to_owned(),
        ],
        next_step: Some("see where serve (src/serve.c:31) takes `conn` from".to_owned()),
        ..Finding::default()
    }];
    report.gaps = vec![Gap {
        missing: "line numbers of libfoo.so.1 (build-id 3f2a91)".to_owned(),
        why: "no separate debug file was found".to_owned(),
        hint: Some("install libfoo1-dbgsym".to_owned()),
    }];
    let directory = "/home/ann/.local/state/coretool/crashes/20261124T100000Z-server-4240";
    report.saved = Some(Saved {
        directory: directory.to_owned(),
        core: Some(format!("{directory}/core")),
        core_bytes: Some(1_900_000),
        report: Some(format!("{directory}/report.json")),
        id: "3f9ac2d1".to_owned(),
    });
    report
}

fn shown(report: &Report, options: &TextOptions) -> String {
    let mut out = String::new();
    render(report, options, &mut out).unwrap();
    out
}

#[test]
fn a_null_pointer_in_a_server() {
    let options = TextOptions { home: Some("/home/ann".to_owned()), ..TextOptions::default() };
    insta::assert_snapshot!(shown(&server(), &options), @r#"
    CRASH  SIGSEGV in thread 4245 "worker-3": read of 4 bytes at 0x18, because
           `conn` is NULL (member `fd` of `struct conn`)
           process 4240: ./server --port 80

      #0  conn_read (conn=NULL, n=4096) at src/conn.c:88
            85 |     if (n > LIMIT)
            86 |         n = LIMIT;
            87 |
        >   88 |     return read(conn->fd, buf, n);
            89 | }
            buf = "" (char [4096])
            unknown (optimized out): limit
      #1  [inlined] dispatch () at src/serve.c:12
      #2  serve (ctx=0x55d0c0ffee40 {id = 7, ...}) at src/serve.c:31
            tries = 3
      #3  start_thread+0x2d3 in libc.so.6

      3 other threads:
        1 in main -> accept at src/main.c:9  (4240 "server")
        2 in pool_wait -> pthread_cond_wait at src/pool.c:31
          (identical stacks: 4246 "worker-1", 4247 "worker-2")

    Why: null-pointer
      - `mov eax, [rdi+0x18]` reads 4 bytes at rdi + 0x18, and rdi is 0
      - `fd` lies 0x18 bytes into `struct conn`
      hint: see where serve (src/serve.c:31) takes `conn` from

    Not known:
      line numbers of libfoo.so.1 (build-id 3f2a91): no separate debug file was
        found
        hint: install libfoo1-dbgsym

    Saved: ~/.local/state/coretool/crashes/20261124T100000Z-server-4240
           (core 1.9 MB, report.json)
    "#);
}
