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

/// What `at_inner` and `at_plain` of [`INLINED`] must give.
fn expected(program: &Program) -> [Vec<String>; 2] {
    let at = |name| program.line(name);
    [
        vec![
            format!("inlined inner {}", at("inner")),
            format!("inlined outer {}", at("outer")),
            format!("function {}", at("call")),
        ],
        vec![format!("function {}", at("plain"))],
    ]
}

#[test]
fn inlined_calls_are_listed_with_their_lines() {
    let cases: &[(&str, &[&str])] = &[
        ("gcc", &["-O2", "-g", "-gdwarf-5"]),
        ("gcc", &["-O2", "-g", "-gdwarf-4"]),
        ("gcc", &["-O2", "-g", "-gdwarf-3", "-gstrict-dwarf"]),
        ("gcc", &["-O0", "-g"]),
        ("gcc", &["-O2", "-g", "-gz"]),
        ("gcc", &["-O2", "-g", "-gz=zlib-gnu"]),
        ("gcc", &["-O2", "-g", "-Wl,--compress-debug-sections=zstd"]),
        ("gcc", &["-O2", "-g", "-no-pie", "-static"]),
        ("gcc", &["-O2", "-g", "-ffunction-sections", "-Wl,--gc-sections"]),
        ("gcc", &["-O2", "-g", "-fdebug-types-section"]),
        ("gcc", &["-O2", "-g", "-flto"]),
        ("gcc", &["-O2", "-g", "-fuse-ld=gold", "-Wl,--icf=all"]),
        ("clang", &["-O2", "-g", "-gdwarf-5"]),
        ("clang", &["-O2", "-g", "-gdwarf-4"]),
        ("clang", &["-O2", "-g", "-gdwarf-aranges"]),
        ("clang", &["-O2", "-g", "-gdwarf64", "-gdwarf-5"]),
        ("clang", &["-O2", "-g1"]),
        ("clang", &["-O2", "-g", "-fuse-ld=lld"]),
        ("g++", &["-O2", "-g"]),
    ];
    for (compiler, flags) in cases {
        let program = Program::compile(compiler, flags, INLINED);
        let process = process(&program.path, program.build_id());
        ask(&process, &SymbolOptions::default(), |question| {
            let name = format!("{compiler} {flags:?}");
            let [inner, plain] = expected(&program);
            assert_eq!(question.calls(program.at("at_inner")), inner, "{name}");
            assert_eq!(question.calls(program.at("at_plain")), plain, "{name}");
            assert_eq!(question.gaps(), [], "{name}");
            let calls = question.symbols.calls(FrameAddr::Pc(program.at("at_plain")));
            let file = &calls[0].place.as_ref().unwrap().file;
            let source = if *compiler == "g++" { "main.cpp" } else { "main.c" };
            assert_eq!(Path::new(file), program.file(source), "{name}");
            let function = calls[0].function.as_ref().unwrap();
            let start = program.at(if *compiler == "g++" { "_Z8functioni" } else { "function" });
            assert_eq!(function.source, NameSource::Dwarf, "{name}");
            assert_eq!(function.offset, Some(program.at("at_plain").0 - start.0), "{name}");
        });
    }
}

#[test]
fn a_return_address_belongs_to_its_call() {
    let source = r#"
#include <stdlib.h>
__attribute__((noinline, noreturn)) void last(void) {
    abort(); // line last
}
void after(void) {}
int main(void) {
    last();
}
"#;
    let program = Program::compile("gcc", &["-O2", "-g", "-fno-reorder-functions"], source);
    let process = process(&program.path, program.build_id());
    ask(&process, &SymbolOptions::default(), |question| {
        // `last` ends with the call: its return address is the next function's.
        let end = program.labels.values().copied().filter(|at| *at > program.at("last")).min();
        let mut end = end.unwrap();
        let code = question.symbols.modules()[0].image().unwrap();
        // Step back over the padding, which is made of nops.
        while let Some(before) = code.bytes_at(end.to_link(Bias(BASE + 1)), 1)
            && matches!(
                before,
                [0x90 | 0x00 | 0x66 | 0x2e | 0x0f | 0x1f | 0x84 | 0x80 | 0x44 | 0x40]
            )
        {
            end = RunAddr(end.0 - 1);
        }
        let calls = question.symbols.calls(FrameAddr::Return(end));
        assert_eq!(calls[0].function.as_ref().unwrap().display, "last");
        assert_eq!(calls[0].place.as_ref().unwrap().line, Some(program.line("last")));
        let offset = calls[0].function.as_ref().unwrap().offset;
        assert_eq!(offset, Some(end.0 - program.at("last").0), "of the address that is shown");
    });
}

#[test]
fn cpp_names() {
    let source = r#"
#define MARK(name) __asm__ volatile(".globl at_" #name "\nat_" #name ": nop")
namespace outer {
namespace {
__attribute__((noinline)) int hidden(int x) { MARK(hidden); return x; }
}
template <typename T> struct Box {
    T value;
    __attribute__((noinline)) T get(T more) const { MARK(method); return value + more; }
    struct Inner { static __attribute__((noinline)) int make() { MARK(nested); return 1; } };
};
int use(int x) {
    Box<int> box{x};
    auto lambda = [&](int y) __attribute__((noinline)) { MARK(lambda); return y + box.value; };
    return hidden(x) + box.get(x) + Box<long>::Inner::make() + lambda(x);
}
}
extern "C" __attribute__((noinline)) int plain(int x) { MARK(plain); return x; }
int main(int argc, char **argv) { return outer::use(argc) + plain(argc); }
"#;
    let cases: &[(&str, &str)] = &[
        ("at_hidden", "outer::(anonymous namespace)::hidden"),
        ("at_method", "outer::Box<int>::get"),
        ("at_nested", "outer::Box<long>::Inner::make"),
        ("at_plain", "plain"),
    ];
    for compiler in ["g++", "clang++"] {
        // Some compilers leave linkage names out of the debug information.
        for flags in [&["-O1", "-g"][..], &["-O1", "-g", "-gdwarf-4"]] {
            let program = Program::compile(compiler, flags, source);
            let process = process(&program.path, program.build_id());
            ask(&process, &SymbolOptions::default(), |question| {
                for (label, want) in cases {
                    let found = question.function(program.at(label));
                    let want = Some(((*want).to_owned(), NameSource::Dwarf));
                    assert_eq!(found, want, "{compiler} {flags:?}");
                }
                // gcc gives it no linkage name, so that it is named by its
                // scopes; clang numbers the lambda expressions of a function.
                let want = match compiler {
                    "g++" => "outer::use::{lambda}::operator()",
                    _ => "outer::use(int)::$_0::operator()",
                };
                let (lambda, _) = question.function(program.at("at_lambda")).unwrap();
                assert_eq!(lambda, want, "{compiler} {flags:?}");
            });
        }
    }
}

#[test]
fn rust_names_and_inlined_calls() {
    let source = r#"
use std::arch::asm;
mod shapes {
    use super::*;
    pub trait Area { fn area(&self) -> u64; }
    pub struct Square(pub u64);
    impl Area for Square {
        #[inline(never)]
        #[allow(named_asm_labels)]
        fn area(&self) -> u64 {
            unsafe { asm!(".globl at_area\nat_area:", "nop") }; // line area
            self.0 * self.0
        }
    }
    #[inline(always)]
    #[allow(named_asm_labels)]
    pub fn inner(x: u64) -> u64 {
        unsafe { asm!(".globl at_inner\nat_inner:", "nop") }; // line inner
        x + 1
    }
}
#[inline(never)]
fn outer(x: u64) -> u64 {
    shapes::inner(x) // line outer
}
fn main() {
    let n = std::env::args().count() as u64;
    let shape: &dyn shapes::Area = &shapes::Square(n);
    println!("{} {}", shape.area(), outer(n));
}
"#;
    for flags in [&["-g", "-O"][..], &["-g"], &["-g", "-O", "-Csymbol-mangling-version=v0"]] {
        let program = Program::compile("rustc", flags, source);
        let process = process(&program.path, program.build_id());
        ask(&process, &SymbolOptions::default(), |question| {
            let area = format!(
                "<main::shapes::Square as main::shapes::Area>::area {}",
                program.line("area")
            );
            assert_eq!(question.calls(program.at("at_area")), [area], "{flags:?}");
            let inner = [
                format!("inlined main::shapes::inner {}", program.line("inner")),
                format!("main::outer {}", program.line("outer")),
            ];
            assert_eq!(question.calls(program.at("at_inner")), inner, "{flags:?}");
        });
    }
}

#[test]
fn units_that_refer_to_each_other() {
    // With link-time optimization the inlined function is in another unit than
    // the code.
    let source = r#"
#define MARK(name) __asm__ volatile(".globl at_" #name "\nat_" #name ": nop")
int helper(int);
int main(int argc, char **argv) {
    return helper(argc); // line main
}
"#;
    let helper = r#"
#define MARK(name) __asm__ volatile(".globl at_" #name "\nat_" #name ": nop")
__attribute__((always_inline)) inline int helper(int x) {
    MARK(helper);
    return x;
}
extern int helper(int);
"#;
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("helper.c"), helper).unwrap();
    let object = dir.path().join("helper.o");
    let object = object.to_str().unwrap();
    run("gcc", &["-O2", "-g", "-flto", "-c", "helper.c", "-o", object], dir.path());
    let program = Program::compile("gcc", &["-O2", "-g", "-flto", object], source);
    let process = process(&program.path, program.build_id());
    ask(&process, &SymbolOptions::default(), |question| {
        let want = ["inlined helper 4".to_owned(), format!("main {}", program.line("main"))];
        assert_eq!(question.calls(program.at("at_helper")), want);
    });
}

#[test]
fn code_that_was_moved_apart() {
    let source = r#"
#include <stdlib.h>
volatile int sink;
__attribute__((cold, noinline, noreturn)) void fail(int x) { abort(); }
__attribute__((noinline)) int work(int x) {
    sink = x; // line hot
    if (x == 42) {
        fail(x); // line cold
    }
    return x + 1;
}
int main(int argc, char **argv) { return work(argc); }
"#;
    let program = Program::compile("gcc", &["-O2", "-g"], source);
    let process = process(&program.path, program.build_id());
    ask(&process, &SymbolOptions::default(), |question| {
        // The cold part begins with a push of one byte, which belongs to the
        // function's first line.
        for (symbol, skip, line) in [("work", 0, "hot"), ("work.cold", 1, "cold")] {
            let want = [format!("work {}", program.line(line))];
            let at = RunAddr(program.at(symbol).0 + skip);
            assert_eq!(question.calls(at), want, "{symbol}");
        }
        let calls = question.symbols.calls(FrameAddr::Pc(program.at("work.cold")));
        let offset = calls[0].function.as_ref().unwrap().offset;
        // gcc puts cold code before all other.
        assert_eq!(offset, None, "it lies before the function's start");
    });
}

#[test]
fn symbol_tables_stand_in_for_debug_information() {
    type Case = (
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        Option<(&'static str, NameSource)>,
    );
    let cases: &[Case] = &[
        ("no debug information", &["-O1"], &[], Some(("function", NameSource::Symtab))),
        (
            "exported, stripped",
            &["-O1", "-rdynamic"],
            &["--strip-all"],
            Some(("function", NameSource::Dynsym)),
        ),
        ("stripped", &["-O1"], &["--strip-all"], None),
    ];
    for (name, flags, strip, want) in cases {
        let program = Program::compile("gcc", flags, INLINED);
        let id = program.build_id();
        if !strip.is_empty() {
            program.tool("strip", &[strip, &["prog"][..]].concat());
        }
        let process = process(&program.path, id);
        ask(&process, &SymbolOptions::default(), |question| {
            let found = question.function(program.at("at_plain"));
            assert_eq!(found, want.map(|(name, source)| (name.to_owned(), source)), "{name}");
            let gaps = question.gaps();
            assert!(gaps[0].missing.starts_with("line numbers and variables of prog"), "{gaps:?}");
        });
    }
}

#[test]
fn split_debug_information_that_is_gone_is_named() {
    let program = Program::compile("gcc", &["-O2", "-g", "-gsplit-dwarf"], INLINED);
    let process = process(&program.path, program.build_id());
    let want = [format!("function {}", program.line("plain"))];
    ask(&process, &SymbolOptions::default(), |question| {
        assert_eq!(question.calls(program.at("at_plain")), want);
        assert_eq!(question.gaps(), []);
    });
    for file in fs::read_dir(program.dir.path()).unwrap().flatten() {
        if file.path().extension().is_some_and(|extension| extension == "dwo") {
            fs::remove_file(file.path()).unwrap();
        }
    }
    ask(&process, &SymbolOptions::default(), |question| {
        // Names and lines are in the program itself.
        assert_eq!(question.calls(program.at("at_plain")), want);
        let gaps = question.gaps();
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].why.contains("-gsplit-dwarf"), "{gaps:?}");
    });
}

#[test]
fn symbols_of_data_and_of_aliases() {
    let source = r#"
int table[8] = {1};
int __attribute__((noinline)) _real(int x) { return x; }
int public_name(int) __attribute__((alias("_real")));
int main(int argc, char **argv) { return public_name(argc) + table[argc]; }
"#;
    let program = Program::compile("gcc", &["-O1"], source);
    let process = process(&program.path, program.build_id());
    ask(&process, &SymbolOptions::default(), |question| {
        let symbols = &question.symbols;
        // More than the few that are looked up without an index.
        for _ in 0..40 {
            let table = symbols.symbol_at(RunAddr(program.at("table").0 + 8)).unwrap();
            assert_eq!((table.name.as_str(), table.offset, table.is_function), ("table", 8, false));
            let function = symbols.symbol_at(program.at("_real")).unwrap();
            assert_eq!(function.name, "public_name", "the most public of several names");
            assert!(function.is_function);
        }
        assert_eq!(symbols.symbol_at(RunAddr(BASE)), None, "no symbol is there");
        assert_eq!(symbols.symbol_at(RunAddr(8)), None, "no module is there");
    });
}

#[test]
fn stubs_are_named_by_their_targets() {
    let source = r#"
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) { puts(argv[0]); void *(*f)(size_t) = malloc; return f(argc) != malloc(2); }
"#;
    let cases: &[(&[&str], &str, u64)] = &[
        (&["-O1", "-Wl,-z,lazy"], ".plt", 16),
        (&["-O1", "-Wl,-z,now"], ".plt.got", 0),
        (&["-O1", "-fcf-protection", "-Wl,-z,ibtplt,-z,lazy"], ".plt.sec", 0),
        (&["-O1", "-fcf-protection", "-Wl,-z,ibtplt,-z,lazy"], ".plt", 16),
    ];
    for (flags, section, skip) in cases {
        let program = Program::compile("gcc", flags, source);
        let process = process(&program.path, program.build_id());
        ask(&process, &SymbolOptions::default(), |question| {
            let image = question.symbols.modules()[0].image().unwrap();
            let Some(section) = image.section(section) else {
                panic!("{flags:?} makes no {section}")
            };
            let at = RunAddr(section.address.0 + BASE + skip + 4);
            let (name, source) = question.function(at).unwrap();
            assert!(
                ["puts@plt", "malloc@plt", "__cxa_finalize@plt"].contains(&name.as_str()),
                "{flags:?}: {name}"
            );
            assert_eq!(source, NameSource::Dynsym);
        });
    }
}

#[test]
fn many_threads_may_ask_at_once() {
    use rayon::prelude::*;
    for flags in [&["-O2", "-g"][..], &["-O2", "-g", "-gz"]] {
        let program = Program::compile("gcc", flags, INLINED);
        let process = process(&program.path, program.build_id());
        ask(&process, &SymbolOptions::default(), |question| {
            let start = program.at("function");
            let addresses: Vec<_> =
                (0..512).map(|step| FrameAddr::Return(RunAddr(start.0 + step % 48))).collect();
            let at_once: Vec<_> =
                addresses.par_iter().map(|at| question.symbols.calls(*at)).collect();
            for (at, calls) in addresses.iter().zip(at_once) {
                assert_eq!(question.symbols.calls(*at), calls);
            }
        });
    }
}
