//! Types and variables by name and by address.

use super::*;
use crate::symbols::types::Types;

const MAIN: &str = r#"
namespace app {
struct Here { int a; };
inline namespace v1 { struct Inline { char c[3]; }; }
namespace { struct Hidden { int h; }; Hidden hidden; int shared = 1; }
struct Counter {
    static int count;
    struct Inner { short i; };
    struct Outside;
};
int Counter::count = 3;
struct Counter::Outside { long o[3]; };
extern int elsewhere;
Here here;
Inline in_line;
Counter::Inner inner;
Counter::Outside outside;
}
struct Twice { int a; int b; } twice;
static int twin = 1;
typedef unsigned long word;
word one = 1;
int other();
int main() {
    static int local = 5;
    app::hidden.h = app::shared + app::here.a + app::in_line.c[0] + app::inner.i;
    twin += local + app::outside.o[0] + twice.a;
    return twin + app::elsewhere + other() + one;
}
"#;

const OTHER: &str = r#"
namespace app {
int elsewhere = 4;
template <typename T> struct Box { T held; };
Box<long> box;
namespace { struct Hidden { long l[2]; }; Hidden hidden; }
}
static int twin = 2;
struct Twice { char a; long b; } twice_too;
struct There { double d; } there;
int other() { return twin + app::hidden.l[0] + app::box.held + there.d + twice_too.a; }
"#;

/// Sizes of types by name; `None`: there is none, or more than one.
const TYPES: &[(&str, Option<u64>)] = &[
    ("app::Here", Some(4)),
    ("struct app::Here", Some(4)),
    ("app::v1::Inline", Some(3)),
    ("app::Counter", Some(1)),
    ("app::Counter::Inner", Some(2)),
    ("app::Counter::Outside", Some(24)),
    ("app::Box<long>", Some(8)),
    ("app::Box<long int>", Some(8)),
    ("There", Some(8)),
    ("word", Some(8)),
    ("unsigned long", Some(8)),
    ("long unsigned int", Some(8)),
    ("int", Some(4)),
    // One in each unit, and they differ.
    ("Twice", None),
    ("app::(anonymous namespace)::Hidden", None),
    ("Here", None),
    ("app::There", None),
    ("Nowhere", None),
    ("struct word", None),
    ("", None),
    ("::", None),
];

/// How many variables have a name.
const VARIABLES: &[(&str, usize)] = &[
    ("twin", 2),
    ("elsewhere", 1),
    ("app::elsewhere", 1),
    ("app::Counter::count", 1),
    ("count", 1),
    ("app::(anonymous namespace)::shared", 1),
    ("hidden", 2),
    ("local", 1),
    ("main::local", 1),
    ("app::twin", 0),
    ("nowhere", 0),
];

/// Symbols of variables, and names that the debug information has for them.
const PLACES: &[(&str, &str)] = &[
    ("_ZN3app9elsewhereE", "elsewhere"),
    ("_ZN3app7Counter5countE", "count"),
    ("_ZZ4mainE5local", "local"),
    ("there", "there"),
];

/// Both units in one program.
fn compiled(compiler: &str, flags: &[&str]) -> Program {
    let beside = tempfile::tempdir().unwrap();
    let other = beside.path().join("other.cpp");
    fs::write(&other, OTHER).unwrap();
    let other = other.to_str().unwrap();
    Program::compile(compiler, &[flags, &["-g", other]].concat(), MAIN)
}

/// Asks with so many bytes of debug information to search.
fn with_types(program: &Program, indexed: u64, test: impl FnOnce(&Types<'_, '_>)) {
    let process = process(&program.path, program.build_id());
    ask(&process, &SymbolOptions::default(), |question| {
        let limits = Limits { indexed, ..Limits::default() };
        test(&Types::new(&question.symbols, &limits));
    });
}

#[test]
fn names_of_all_units() {
    for (compiler, flags) in [
        ("g++", &[][..]),
        ("g++", &["-gdwarf-4"]),
        ("g++", &["-fdebug-types-section"]),
        ("g++", &["-gdwarf-4", "-fdebug-types-section"]),
        ("g++", &["-gz"]),
        ("clang++", &[]),
        ("clang++", &["-gdwarf-4", "-fdebug-types-section"]),
    ] {
        let program = compiled(compiler, flags);
        let build = format!("{compiler} {flags:?}");
        with_types(&program, u64::MAX, |types| check(types, &program, &build));
    }
}

fn check(types: &Types<'_, '_>, program: &Program, build: &str) {
    for (name, want) in TYPES {
        // clang tells type units apart by their names only, so that the linker
        // kept one of the two.
        if *name == "Twice" && build.contains("clang") && build.contains("types-section") {
            continue;
        }
        let found = types.type_named(name, None);
        let size = found.and_then(|found| types.get(Some(found)).size);
        assert_eq!(size, *want, "{build}: {name}");
    }
    for (name, want) in VARIABLES {
        assert_eq!(types.globals_named(name, None).len(), *want, "{build}: {name}");
    }
    for (symbol, name) in PLACES {
        let symbols = types.process.unwrap().symbols;
        let (_, module) = symbols.module_at(program.at(symbol)).unwrap();
        let find = |offset: u64| {
            let at = RunAddr(program.at(symbol).0 + offset).to_link(module.bias());
            let (entry, into) = types.static_at(module, at, &[])?;
            Some((entry.attributes()?.name()?, into))
        };
        assert_eq!(find(3), Some(((*name).to_owned(), 3)), "{build}: {symbol}");
        assert!(find(8).is_none_or(|(other, _)| other != *name), "{build}: behind {symbol}");
    }
}

#[test]
fn what_is_private_is_found_in_its_own_unit() {
    let program = compiled("g++", &[]);
    with_types(&program, u64::MAX, |types| {
        let size = |near| {
            let near = types.type_named(near, None);
            let found = types.type_named("app::(anonymous namespace)::Hidden", near);
            found.and_then(|found| types.get(Some(found)).size)
        };
        assert_eq!(size("app::Here"), Some(4));
        assert_eq!(size("There"), Some(16));
        // Of one name, that of the unit at hand comes first.
        let here = types.type_named("app::Here", None).unwrap();
        let twins = types.globals_named("twin", Some(here));
        assert!(std::ptr::eq(twins[0].unit, here.unit));
        assert_eq!(twins.len(), 2);
    });
}

#[test]
fn large_modules_are_not_searched_unasked() {
    let program = compiled("g++", &[]);
    with_types(&program, 100, |types| {
        assert!(types.type_named("app::Here", None).is_none());
        assert!(types.globals_named("twin", None).is_empty());
    });
}
