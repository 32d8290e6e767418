//! Functions, inlined calls and lines.

use super::*;

const INLINED: &str = r#"
#define MARK(name) __asm__ volatile(".globl at_" #name "\nat_" #name ": nop")
volatile int sink;
__attribute__((always_inline)) static inline void inner(int x) {
    sink = x;
    MARK(inner); // line inner
}
__attribute__((always_inline)) static inline void outer(int x) {
    sink = x + 1;
    inner(x); // line outer
}
__attribute__((noinline)) void function(int x) {
    MARK(plain); // line plain
    if (x > 1) {
        int y = x * 2;
        outer(y); // line call
    }
    sink = 0;
}
int main(int argc, char **argv) {
    function(argc);
    return 0;
}
"#;

#[test]
fn inlined_calls_are_listed_with_their_lines() {
    let cases: &[(&str, &[&str])] = &[
        ("gcc", &["-O2", "-g", "-gdwarf-5"]),
        ("gcc", &["-O2", "-g", "-gdwarf-4"]),
        ("gcc", &["-O0", "-g"]),
        ("gcc", &["-O2", "-g", "-gz"]),
        ("gcc", &["-O2", "-g", "-gz=zlib-gnu"]),
        ("gcc", &["-O2", "-g", "-no-pie", "-static"]),
        ("clang", &["-O2", "-g", "-gdwarf-5"]),
        ("clang", &["-O2", "-g", "-gdwarf-4"]),
        ("clang", &["-O2", "-g1"]),
        ("g++", &["-O2", "-g"]),
    ];
    for (compiler, flags) in cases {
        let program = Program::compile(compiler, flags, INLINED);
        let options = SymbolOptions::default();
        let process = process(&program.path, program.build_id());
        let at = |name| program.line(name);
        ask(&process, &options, |question| {
            let name = format!("{compiler} {flags:?}");
            assert_eq!(
                question.calls("at_inner"),
                [
                    format!("inlined inner {}", at("inner")),
                    format!("inlined outer {}", at("outer")),
                    format!("function {}", at("call")),
                ],
                "{name}"
            );
            assert_eq!(question.calls("at_plain"), [format!("function {}", at("plain"))], "{name}");
            assert_eq!(question.gaps(), [], "{name}");
            let source = program.dir.path().join("main.c");
            let at = FrameAddr::Pc(question.address("at_plain"));
            let place = question.symbols.calls(at)[0].place.clone().unwrap();
            if !compiler.ends_with("++") {
                assert_eq!(place.file, source.to_str().unwrap(), "{name}");
            }
        });
    }
}
