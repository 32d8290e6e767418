use super::*;
use crate::report::model::{Folded, Hex, ProcessInfo, Signal};
use crate::triage::signature::rules::Rules;

fn frame(function: &str) -> Frame {
    let module = match function {
        "raise" | "abort" | "__assert_fail" | "strlen" | "__libc_start_main" => "/lib/libc.so.6",
        "g_free" => "/usr/lib/libglib-2.0.so.0",
        _ => "/bin/app",
    };
    let is_app = module == "/bin/app";
    Frame {
        function: (function != "?").then(|| function.to_owned()),
        module: Some(module.to_owned()),
        build_id: is_app.then(|| "aabbccddeeff0011".to_owned()),
        offset: Some(Hex(0x1000 + function.len() as u64)),
        file: is_app.then(|| "/src/a.c".to_owned()),
        line: is_app.then_some(20),
        declared_line: is_app.then_some(13),
        ..Frame::default()
    }
}

fn report(cause: &str, explanation: &str, stack: &str) -> Report {
    let frames = stack.split_whitespace().enumerate().map(|(index, name)| Frame {
        index: index as u64,
        handed_in: name.ends_with('!').then(|| "parameter `n`".to_owned()),
        ..frame(name.trim_end_matches('!'))
    });
    let thread = Thread { tid: 1, crashed: true, frames: frames.collect(), ..Thread::default() };
    let finding = crate::report::model::Finding {
        id: cause.to_owned(),
        confidence: 0.98,
        explanation: explanation.to_owned(),
        ..Default::default()
    };
    Report {
        process: ProcessInfo { executable: Some("/bin/app".to_owned()), ..ProcessInfo::default() },
        signal: Some(Signal { name: "SIGSEGV".to_owned(), ..Signal::default() }),
        findings: vec![finding],
        threads: vec![thread],
        ..Report::default()
    }
}

fn text(report: &Report) -> String {
    signature(report, &Rules::default()).text
}

#[test]
fn the_bytes_of_version_1_do_not_change() {
    let crash = report("null-pointer", "write of 4 bytes at 0x18", "node_set! tree_insert main");
    let found = signature(&crash, &Rules::default());
    assert_eq!(found.text, "v1 | null-pointer.write | node_set < tree_insert");
    // From `b3sum` on that text.
    assert_eq!(found.key, "207ea99dffc1");
    assert_eq!(found.label, format!("NULLW-{}", &found.key[..8]));
    // `v1\nSIGSEGV\naabbccdd+0x1008\naabbccdd+0x100b\naabbccdd+0x1004`.
    assert_eq!(found.address_key, "a71db5042cd3");
}

#[test]
fn whom_a_key_blames() {
    let read = "read of 4 bytes at 0x18";
    let cases = [
        ("the program's first function", "strlen name_of main", "name_of"),
        ("its caller when that handed the bad pointer in", "name_of! show main", "name_of < show"),
        ("three at most", "a! b! c! d! main", "a < b < c"),
        ("what died in front is cut", "raise abort check main", "check"),
        ("a library when the program has no frame", "g_free __libc_start_main", "g_free"),
        ("the runtime when nothing else is left", "strlen __libc_start_main", "strlen"),
        ("without a name the module", "? ? main", "app+?"),
        ("a recursion is one turn", "f f f f g main", "f"),
    ];
    for (name, stack, want) in cases {
        let want = format!("v1 | null-pointer.read | {want}");
        assert_eq!(text(&report("null-pointer", read, stack)), want, "{name}");
    }
}

#[test]
fn a_stack_overflow_is_its_cycle_wherever_it_was_entered() {
    let one = report("stack-overflow", "", "b c a b c a b c a main");
    let other = report("stack-overflow", "", "c a b c a b c a b other main");
    assert_eq!(text(&one), "v1 | stack-overflow | a < b < c");
    assert_eq!(text(&one), text(&other));
    let mut folded = report("stack-overflow", "", "b c main");
    folded.threads[0].folded =
        Some(Folded { cycle: ["a", "b", "c"].map(str::to_owned).to_vec(), ..Folded::default() });
    assert_eq!(text(&folded), text(&one));
}

#[test]
fn a_handler_and_a_bad_pc_are_stepped_over() {
    let mut crash = report("null-pointer", "read of", "handler ? parse main");
    crash.threads[0].frames[1].signal_frame = true;
    assert_eq!(text(&crash), "v1 | null-pointer.read | parse");
    let mut crash = report("bad-call", "", "? dispatch main");
    crash.threads[0].frames[0].module = None;
    assert_eq!(text(&crash), "v1 | bad-call | dispatch");
}

#[test]
fn messages_are_in_the_key_where_they_are_as_stable_as_the_code() {
    let stack = "raise abort __assert_fail check main";
    let one = report("assertion-failed", "assertion `n > 8080` failed in check", stack);
    assert_eq!(text(&one), "v1 | assertion-failed | check | n > N");
    let thrown = |what: &str| {
        let says = format!("uncaught C++ exception std::out_of_range: {what}, thrown in at");
        report("cxx-exception", &says, "raise abort at main")
    };
    let (a, b) = (thrown("index 3"), thrown("no such key"));
    assert_eq!(text(&a), "v1 | cxx-exception | at | std::out_of_range");
    assert_eq!(text(&a), text(&b));
    let fine = |report: &Report| signature(report, &Rules::default()).fine_key;
    assert_ne!(fine(&a), fine(&b));
    assert_eq!(fine(&a), fine(&thrown("index 4")));
}

#[test]
fn an_edit_above_the_function_changes_no_key() {
    let crash = |line: u32, declared: u32| {
        let mut crash = report("null-pointer", "read of", "name_of show main");
        crash.threads[0].frames[0].line = Some(line);
        crash.threads[0].frames[0].declared_line = Some(declared);
        signature(&crash, &Rules::default())
    };
    assert_eq!(crash(20, 13), crash(120, 113));
    assert_eq!(crash(20, 13).key, crash(21, 13).key);
    assert_ne!(crash(20, 13).fine_key, crash(21, 13).fine_key);
}

#[test]
fn rules_of_a_project() {
    let rules = Rules::parse(
        "[[frame]]\nmatch = { function = \"log_*\" }\nclass = \"support\"\n\
         [[frame]]\nmatch = { function = \"list_at\" }\nutility = true\n\
         [[frame]]\nmatch = { function = \"parse_v[0-9]\" }\ngroup = \"parse\"\n\
         [[frame]]\nmatch = { file = \"*/a.c\", function = \"watchdog\" }\ncause = \"hang\"\n",
    )
    .unwrap();
    let text = |stack: &str| signature(&report("abort", "", stack), &rules).text;
    assert_eq!(text("log_it work main"), "v1 | abort | work");
    assert_eq!(text("list_at work main"), "v1 | abort | list_at < work");
    assert_eq!(text("parse_v3 main"), "v1 | abort | parse");
    assert_eq!(text("watchdog main"), "v1 | hang | watchdog");
}

#[test]
fn each_step_is_told() {
    let crash = report("null-pointer", "read of", "strlen name_of! show main");
    let told = explained(&crash, &Rules::default());
    let steps: Vec<&str> = told.steps.iter().map(|(step, _)| *step).collect();
    for step in ["thread", "frame", "cause", "blame", "extend", "stop", "fine key", "signature"] {
        assert!(steps.contains(&step), "{step}: {steps:?}");
    }
    assert_eq!(told.blamed, Some(1));
    assert_eq!(told.compared, ["name_of", "show", "main"]);
}

#[test]
fn a_report_without_anything_has_a_signature() {
    let found = signature(&Report::default(), &Rules::default());
    assert_eq!(found.text, "v1 | unknown");
}
