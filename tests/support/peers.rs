//! What other debuggers say of a variable in a core, in their own words.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::report_check::is_named;

/// A variable of the crashed thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Question {
    /// The innermost frame of this function.
    pub(crate) function: String,
    /// The variable.
    pub(crate) name: String,
    /// Which of several of that name: 0 is the innermost scope.
    pub(crate) nth: usize,
}

/// What gdb prints for each question. Where gdb itself dies, that is the answer.
///
/// # Panics
/// When gdb is missing.
pub(crate) fn gdb(program: &Path, core: &Path, questions: &[Question]) -> Vec<String> {
    if let Some(answers) = gdb_session(program, core, questions) {
        return answers;
    }
    // One of them is deadly: each gets a session of its own.
    let alone = |question: &Question| {
        let answers = gdb_session(program, core, std::slice::from_ref(question));
        answers.and_then(|mut one| one.pop()).unwrap_or_else(|| "<gdb crashes>".to_owned())
    };
    questions.iter().map(alone).collect()
}

fn gdb_session(program: &Path, core: &Path, questions: &[Question]) -> Option<Vec<String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/gdb_answers.py");
    let answers = core.with_extension("answers");
    let _old = fs::remove_file(&answers);
    let asked: Vec<_> = questions.iter().map(|it| (&it.function, &it.name, it.nth)).collect();
    let output = Command::new("timeout")
        .args(["60", "gdb", "-nx", "-batch"])
        .arg(program)
        .arg(core)
        .args(["-x", script])
        .env("QUESTIONS", serde_json::to_string(&asked).expect("texts"))
        .env("ANSWERS", &answers)
        .stdin(Stdio::null())
        .output();
    output.expect("gdb is installed");
    serde_json::from_str(&fs::read_to_string(&answers).ok()?).ok()
}

/// What lldb prints for each question.
///
/// # Panics
/// When lldb is missing.
pub(crate) fn lldb(program: &Path, core: &Path, questions: &[Question]) -> Vec<String> {
    let stack = lldb_session(program, core, "thread backtrace\n");
    let frames: Vec<(&str, &str)> = stack.lines().filter_map(lldb_frame).collect();
    let mut commands = String::new();
    for question in questions {
        let is_it = |(_, function): &&(&str, &str)| is_named(function, &question.function);
        if let Some((number, _)) = frames.iter().find(is_it) {
            commands += &format!("frame select {number}\nframe variable {}\n", question.name);
        }
    }
    let talk = lldb_session(program, core, &commands);
    let mut answers = talk.split("(lldb) frame variable ").skip(1);
    let answer = |question: &Question| {
        let is_there = frames.iter().any(|(_, function)| is_named(function, &question.function));
        if !is_there {
            return "<no such frame>".to_owned();
        }
        let answer = answers.next().unwrap_or("<lldb crashes>");
        let answer = answer.split("(lldb) ").next().unwrap_or_default();
        let answer = answer.split_once('\n').map_or("", |(_, answer)| answer);
        // `(int) x = 3`
        let words: Vec<&str> = answer.split_whitespace().collect();
        let answer = words.join(" ");
        match answer.split_once(&format!(") {} = ", question.name)) {
            _ if question.nth > 0 => "<cannot be asked for>".to_owned(),
            Some((_, value)) => value.to_owned(),
            None if answer.is_empty() => "<nothing>".to_owned(),
            None => format!("<{answer}>"),
        }
    };
    questions.iter().map(answer).collect()
}

fn lldb_session(program: &Path, core: &Path, commands: &str) -> String {
    let script = core.with_extension("lldb");
    let mut file = fs::File::create(&script).expect("the core's directory is writable");
    file.write_all(commands.as_bytes()).expect("a small file");
    let target = format!("target create {} --core {}", program.display(), core.display());
    let output = Command::new("timeout")
        .args(["60", "lldb", "--batch", "--no-lldbinit", "-o", &target, "-s"])
        .arg(&script)
        .stdin(Stdio::null())
        .output()
        .expect("lldb is installed");
    // Errors are part of the answer, and come in order only on one stream.
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The number and the function of a line such as ``frame #1: 0x1 prog`f(x=3) at
/// t.c:3:95``.
fn lldb_frame(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once("frame #")?;
    let (number, rest) = rest.split_once(':')?;
    let (_, function) = rest.split_once('`')?;
    let function = function.split(" at ").next()?;
    let function = function.split(" + ").next()?;
    // ``prog`caller [inlined] function(...)``
    let function = function.rsplit(" [inlined] ").next()?;
    Some((number, function))
}
