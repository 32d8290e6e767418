//! Which variable or member was at fault: named in the verdict, with and without
//! optimization.

use std::fs;
use std::path::Path;
use std::process::Command;

use coretool::report::model::Report;

use crate::support::scratch;

/// Of a hundred programs so many must be told right: at -O0, at -O2.
const BARS: [(&str, usize); 2] = [("-O0", 95), ("-O2", 80)];

/// Each program under `tests/names` says in `// names: a|b` what the verdict has
/// to name: the pointer as the source writes it, or as a caller knows it.
#[test]
fn what_was_at_fault_is_named() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/names");
    let mut programs: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    programs.sort();
    for (level, bar) in BARS {
        let (mut asked, mut wrong) = (0, Vec::new());
        for program in &programs {
            let compilers: [&str; 2] = match program.extension().and_then(|it| it.to_str()) {
                Some("cpp") => ["g++", "clang++"],
                _ => ["gcc", "clang"],
            };
            for compiler in compilers {
                // What is undefined may come out right: no crash, no question.
                let Some(verdict) = verdict(program, compiler, level) else { continue };
                asked += 1;
                let source = fs::read_to_string(program).unwrap();
                let names = source.lines().find_map(|line| line.strip_prefix("// names: "));
                let is_named = |name: &str| {
                    ["`", "["].iter().any(|end| verdict.contains(&format!("`{name}{end}")))
                };
                if !names.unwrap().split('|').any(is_named) {
                    wrong.push(format!("{} {compiler}: {verdict}", program.display()));
                }
            }
        }
        assert!(asked > 30, "{asked}");
        let right = asked - wrong.len();
        assert!(right * 100 >= asked * bar, "{level}: {right} of {asked}:\n{}", wrong.join("\n"));
    }
}

/// The verdict over a program's crash, if it crashes.
fn verdict(source: &Path, compiler: &str, level: &str) -> Option<String> {
    let scratch = scratch::directory("names");
    let (program, file) = (scratch.path().join("program"), scratch.path().join("report"));
    let made = Command::new(compiler)
        .args(["-g", "-w", level, "-o"])
        .arg(&program)
        .arg(source)
        .status()
        .unwrap();
    assert!(made.success(), "{compiler} {level} {}", source.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    command.args(["--quiet", "run", "--format", "json", "--output"]).arg(&file).arg(&program);
    command.env("XDG_STATE_HOME", scratch.path());
    command.output().unwrap();
    let report: Report = serde_json::from_str(&fs::read_to_string(&file).ok()?).unwrap();
    Some(report.verdict)
}
