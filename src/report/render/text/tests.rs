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
        newer_than_program: false,
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
        "SIGSEGV in thread 4245 \"worker-3\": read of 4 bytes at 0x18, because `conn` is NULL \
         (member `fd` of `struct conn`)",
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
    let directory = "/home/ann/.local/state/coretool/crashes/3f9ac2d10b77";
    report.saved = Some(Saved {
        directory: directory.to_owned(),
        core: Some(format!("{directory}/core")),
        core_bytes: Some(1_900_000),
        report: Some(format!("{directory}/report.json")),
        id: "3f9ac2d10b77".to_owned(),
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
          started by start_thread

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

    Saved: ~/.local/state/coretool/crashes/3f9ac2d10b77  (core 1.9 MB, report.json)
           coretool show 3f9ac2d10b77    coretool debug 3f9ac2d10b77
    "#);
}

#[test]
fn doubt_is_spelled_out() {
    let doubtful =
        |index, trust| Frame { trust, name_source: None, ..libc(index, "read_all", 0x10) };
    let frames = vec![
        Frame { pc: Hex(0x4141_4141), trust: Trust::Context, ..Frame::default() },
        Frame {
            index: 1,
            pc: Hex(0x7f00_0001_2345),
            module: Some("/opt/app/libplugin.so".to_owned()),
            offset: Some(Hex(0x2345)),
            trust: Trust::Cfi,
            ..Frame::default()
        },
        doubtful(2, Trust::FramePointer),
        doubtful(3, Trust::Scan),
        Frame { name_source: Some(NameSource::Nearest), ..libc(4, "qsort", 0x1f00) },
        Frame { trust: Trust::TailCall, ..own(5, "forward", Some(("src/a.c", 3))) },
        Frame { signal_frame: true, ..libc(6, "__restore_rt", 0) },
    ];
    let mut crashed = thread(7, "app", frames);
    crashed.stack_complete = Some(false);
    crashed.why_it_ends = Some("the stack's memory at 0x7ffd1000 is not in the dump".to_owned());
    let mut report = segv("SIGSEGV in thread 7: jump to 0x41414141, where nothing is", crashed);
    report.process = ProcessInfo::default();
    insta::assert_snapshot!(shown(&report, &TextOptions::default()), @r"
    CRASH  SIGSEGV in thread 7: jump to 0x41414141, where nothing is

      #0  ?? at 0x41414141
      #1  ?? at 0x7f0000012345 in libplugin.so+0x2345
      #2  read_all+0x10 in libc.so.6  (by frame pointer)
      #3  read_all+0x10 in libc.so.6  (guess: found by scanning the stack)
      #4  qsort+0x1f00 in libc.so.6  (guess: the nearest symbol)
      #5  forward () at src/a.c:3  (its frame was reused by a tail call)
      #6  <signal handler called>
          (the stack ends here: the stack's memory at 0x7ffd1000 is not in the dump)
    ");
}

#[test]
fn recursion_is_folded() {
    let step = |index, function: &str, depth: &str| {
        let mut frame = own(index, function, Some(("src/walk.c", if index == 0 { 8 } else { 9 })));
        frame.arguments = vec![variable("depth", "int", value(ValueKind::Scalar, depth))];
        frame
    };
    let frames = vec![
        step(0, "leave", "104805"),
        step(1, "enter", "104804"),
        step(2, "leave", "104803"),
        step(3, "enter", "104802"),
        step(104_804, "leave", "1"),
        step(104_805, "enter", "0"),
        own(104_806, "main", Some(("src/walk.c", 20))),
        libc(104_807, "__libc_start_call_main", 0x7a),
        libc(104_808, "_start", 0x21),
    ];
    let mut crashed = thread(9, "walk", frames);
    let cycle = vec!["enter".to_owned(), "leave".to_owned()];
    crashed.folded = Some(Folded { after_index: 3, count: 104_800, cycle });
    let report = segv(
        "SIGSEGV in thread 9: stack overflow, since enter and leave call each other without end",
        crashed,
    );
    insta::assert_snapshot!(shown(&report, &TextOptions::default()), @r"
    CRASH  SIGSEGV in thread 9: stack overflow, since enter and leave call each
           other without end
           process 4240: ./server --port 80

      #0  leave (depth=104805) at src/walk.c:8
      #1  enter (depth=104804) at src/walk.c:9
      #2  leave (depth=104803) at src/walk.c:9
      #3  enter (depth=104802) at src/walk.c:9
          ... 104,802 more frames: enter -> leave -> enter ...
      #104806 main () at src/walk.c:20
          started by __libc_start_call_main <- _start
    ");
}

#[test]
fn large_and_unknown_values() {
    let mut frame = own(0, "parse", Some(("src/parse.c", 5)));
    let field = |name: &str, value| Field { name: name.to_owned(), value };
    let mut target = value(ValueKind::Struct, "{id = 7, ...}");
    target.fields = vec![
        field("id", value(ValueKind::Scalar, "7")),
        field("name", value(ValueKind::String, &format!("\"{}\"", "x".repeat(200)))),
        field("next", unknown("memory at 0x10 is not in the dump")),
    ];
    let mut pointer =
        value(ValueKind::Pointer, &format!("0x55d0c0ffee40 {{id = 7, name = \"{}", "x".repeat(99)));
    pointer.raw = Some(Hex(0x55d0_c0ff_ee40));
    pointer.fields = vec![field("*", target)];
    let mut old = value(ValueKind::Scalar, "12");
    old.origin = Some(Origin::EntryValue);
    frame.arguments = vec![
        variable("ctx", "struct ctx *", pointer),
        variable("length", "size_t", old),
        variable("flags", "unsigned int", unknown("optimized out")),
    ];
    let mut numbers = value(ValueKind::Array, &format!("{{{}...}}", "1, ".repeat(40)));
    numbers.elements = vec![value(ValueKind::Scalar, "1"); 20];
    numbers.truncated = Some(1004);
    let mut text = value(ValueKind::String, "\"GET / HTTP/1.1\"...");
    text.truncated = Some(3896);
    frame.locals = vec![
        variable("point", "struct point", value(ValueKind::Struct, "{x = 1, y = -2}")),
        variable("name", "char *", value(ValueKind::String, "\"zoë\"")),
        variable("point2", "Point", value(ValueKind::Struct, "Point {x: 1, y: -2}")),
        variable("line", "char [4096]", text),
        variable("numbers", "int [1024]", numbers),
        variable("i", "int", unknown("optimized out")),
        variable("key", "int", unknown("its location list has no entry for this address")),
        variable("j", "int", unknown("optimized out")),
    ];
    let report = segv("SIGSEGV in thread 9: read at 0x10", thread(9, "parse", vec![frame]));
    insta::assert_snapshot!(shown(&report, &TextOptions::default()), @r#"
    CRASH  SIGSEGV in thread 9: read at 0x10
           process 4240: ./server --port 80

      #0  parse (ctx=0x55d0c0ffee40 {id = 7, name = "xxxxx..., length=12 (at entry),
            flags=<optimized out>) at src/parse.c:5
            ctx = 0x55d0c0ffee40 (struct ctx *)
              .id = 7
              .name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... (165 more characters)
              .next = <unknown: memory at 0x10 is not in the dump>
            point = {x = 1, y = -2} (struct point)    name = "zoë"
            point2 = Point {x: 1, y: -2}
            line = "GET / HTTP/1.1"... (char [4096]) (3,896 bytes left out)
            numbers = (int [1024])
              1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
              ... 1,004 more elements
            unknown (optimized out): i, j
            unknown (its location list has no entry for this address): key
    "#);
}

#[test]
fn sigquit_shows_what_all_threads_were_doing() {
    let mut report = server();
    report.signal = Some(Signal { number: 3, name: "SIGQUIT".to_owned(), ..Signal::default() });
    report.verdict = "SIGQUIT in thread 4245: sent by process 812 (bash)".to_owned();
    report.threads[0].frames.truncate(0);
    report.threads[0].why_it_ends = Some("its registers are not known".to_owned());
    report.threads[0].stack_complete = Some(false);
    // Both of those whose stack is one.
    for thread in report.threads.iter_mut().filter(|thread| [4246, 4247].contains(&thread.tid)) {
        let text = "a mutex at 0x55d0c0ffee80".to_owned();
        thread.waits_for = Some(WaitsFor { text, held_by: Some(4240), ..WaitsFor::default() });
    }
    report.findings.clear();
    report.saved = None;
    insta::assert_snapshot!(shown(&report, &TextOptions::default()), @r#"
    CRASH  SIGQUIT in thread 4245: sent by process 812 (bash)
           process 4240: ./server --port 80

          (no stack: its registers are not known)

    Thread 4240 "server":
      #0  accept+0x4d in libc.so.6
      #1  main () at src/main.c:9

    2 threads with identical stacks, 4246 "worker-1", 4247 "worker-2":
      waits for a mutex at 0x55d0c0ffee80, held by thread 4240
      #0  pthread_cond_wait+0x1f in libc.so.6
      #1  pool_wait () at src/pool.c:31

    Not known:
      line numbers of libfoo.so.1 (build-id 3f2a91): no separate debug file was
        found
        hint: install libfoo1-dbgsym
    "#);
}

#[test]
fn registers_in_their_order() {
    let mut report = segv("SIGSEGV in thread 9: read at 0x10", thread(9, "parse", Vec::new()));
    let word = |value: u64| format!("{value:#x}");
    let mut registers = Registers::default();
    for (name, value) in
        [("rax", 0), ("r10", 10), ("r9", u64::MAX), ("rip", 0x40_1136), ("rsp", 0x7ffd_0000_1000)]
    {
        registers.general.insert(name.to_owned(), word(value));
    }
    registers.vector.insert("xmm0".to_owned(), format!("{:032x}", 1));
    registers.vector.insert("mxcsr".to_owned(), "00001f80".to_owned());
    report.threads[0].registers = Some(registers);
    let options = TextOptions { registers: true, ..TextOptions::default() };
    insta::assert_snapshot!(shown(&report, &options), @r"
    CRASH  SIGSEGV in thread 9: read at 0x10
           process 4240: ./server --port 80

    Registers of thread 9:
      rip 0x401136            rsp 0x7ffd00001000      r9  0xffffffffffffffff
      r10 0xa                 rax 0x0
      mxcsr 00001f80
      xmm0  00000000000000000000000000000001
    ");
}

#[test]
fn other_causes_and_shared_remedies() {
    let mut report =
        segv("SIGABRT in thread 9: very likely a double free", thread(9, "parse", Vec::new()));
    let finding = |id: &str, confidence, title: &str| Finding {
        id: id.to_owned(),
        confidence,
        title: title.to_owned(),
        evidence: (1..=5).map(|number| format!("fact {number} of {id}")).collect(),
        ..Finding::default()
    };
    report.findings = vec![
        finding("double-free", 0.8, "a block was freed twice"),
        finding("double-free", 0.6, "it rests on what has been said"),
        finding("heap-corruption", 0.5, "the heap was damaged before"),
        finding("bit-flip", 0.1, "one bit of a pointer is wrong"),
        finding("alien", 0.1, "too much"),
    ];
    let gap = |missing: &str, hint: Option<&str>| Gap {
        missing: missing.to_owned(),
        why: "no debug information was found".to_owned(),
        hint: hint.map(str::to_owned),
    };
    report.gaps = vec![
        gap("line numbers of liba.so", Some("install the -dbgsym packages")),
        gap("line numbers of libb.so", Some("install the -dbgsym packages")),
        gap("the names of threads", None),
    ];
    insta::assert_snapshot!(shown(&report, &TextOptions::default()), @r"
    CRASH  SIGABRT in thread 9: very likely a double free
           process 4240: ./server --port 80

    Why: double-free (very likely)
      - fact 1 of double-free
      - fact 2 of double-free
      - fact 3 of double-free

    Also likely: the heap was damaged before (heap-corruption)
      - fact 1 of heap-corruption
      - fact 2 of heap-corruption
      - fact 3 of heap-corruption

    Also possible: one bit of a pointer is wrong (bit-flip)
      - fact 1 of bit-flip
      - fact 2 of bit-flip
      - fact 3 of bit-flip

    Not known:
      line numbers of liba.so: no debug information was found
      line numbers of libb.so: no debug information was found
        hint: install the -dbgsym packages
      the names of threads: no debug information was found
    ");
}

#[test]
fn long_names_and_narrow_terminals() {
    let name =
        "std::_Rb_tree<std::string, std::pair<std::string const, std::vector<int> > >::_M_insert_";
    let mut frame = own(0, name, Some(("/usr/src/a/rather/long/path/to/a/file/tree.hpp", 1204)));
    frame.arguments = ["position", "parent", "value"]
        .map(|name| variable(name, "void *", value(ValueKind::Pointer, "0x55d0c0ffee40")))
        .to_vec();
    let report = segv("SIGSEGV in thread 9: read at 0x10", thread(9, "parse", vec![frame]));
    let options = TextOptions { width: 44, ..TextOptions::default() };
    insta::assert_snapshot!(shown(&report, &options), @r"
    CRASH  SIGSEGV in thread 9: read at 0x10
           process 4240: ./server --port 80

      #0  std::_Rb_tree<...>::_M_insert_ (position=0x55d0c0ffee40,
            parent=0x55d0c0ffee40,
            value=0x55d0c0ffee40)
            at /usr/src/a/rather/long/path/to/a/file/tree.hpp:1204
    ");
}

#[test]
fn colors_only_decorate() {
    let plain = shown(&server(), &TextOptions::default());
    let colored = shown(&server(), &TextOptions { theme: Theme::Ansi, ..TextOptions::default() });
    assert!(colored.contains("\x1b[1m\x1b[31mCRASH\x1b[0m"), "{colored}");
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    const EVIL: &str = "\x1b]0;x\x07\u{9b}31m\n\u{202e}\r\u{200b}";
    // Every text of a report becomes hostile.
    let json = serde_json::to_value(server()).unwrap();
    fn poison(json: &mut serde_json::Value, key: &str) {
        match json {
            serde_json::Value::String(text) if !text.starts_with("0x") => {
                let is_word = ["kind", "trust", "name_source", "origin", "severity", "symbols"];
                if !is_word.contains(&key) {
                    text.push_str(EVIL);
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| poison(item, key)),
            serde_json::Value::Object(fields) => {
                fields.iter_mut().for_each(|(key, value)| poison(value, key));
            }
            _ => (),
        }
    }
    let mut json = json;
    poison(&mut json, "");
    let report: Report = serde_json::from_value(json).unwrap();
    for threads in [Threads::Folded, Threads::Full] {
        let options = TextOptions { registers: true, threads, ..TextOptions::default() };
        let text = shown(&report, &options);
        assert!(text.contains(r"worker-1\x1b]0;x\x07\u{9b}31m\n\u{202e}\r\u{200b}"), "{text}");
        let bad = text
            .chars()
            .find(|char| *char != '\n' && crate::report::render::escape::is_unsafe(*char));
        assert_eq!(bad, None, "{text}");
    }
}

#[test]
fn an_empty_report_does_not_panic() {
    insta::assert_snapshot!(shown(&Report::default(), &TextOptions::default()), @r"
    STATE
    ");
}
