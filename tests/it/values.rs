//! The programs under `tests/values`: variables of every kind of type, in every
//! build. What a program's comments say is checked; in optimized builds a value
//! may be unknown, but never another one.

use std::path::Path;

use coretool::analyze::{Locals, Options, analyze};
use coretool::base::file_store::FileStore;
use coretool::base::gap::Gaps;
use coretool::dump;
use coretool::report::model::Report;

use crate::oracle::disagreements;
use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::fixture::Fixture;
use crate::support::report_check::complaints;

#[test]
fn c_types() {
    check("c-types.c");
}

#[test]
fn optimized_c() {
    check("c-optimized.c");
}

#[test]
fn numbers_of_c() {
    check("c-numbers.c");
}

#[test]
fn jumps_of_c() {
    check("c-jumps.c");
}

#[test]
fn scopes_of_c() {
    check("c-scopes.c");
}

#[test]
fn pushed_arguments_of_c() {
    check("c-pushed.c");
}

#[test]
fn last_instructions_of_c() {
    check("c-return.c");
}

#[test]
fn slots_that_are_used_again() {
    check("c-slots.c");
}

#[test]
fn flexible_arrays_of_c() {
    check("c-flexible.c");
}

#[test]
fn cxx_kinds() {
    check("cxx-kinds.cpp");
}

#[test]
fn go_values() {
    check("go-values.go");
}

#[test]
fn d_values() {
    check("d-values.d");
}

#[test]
fn cxx_types() {
    check("cxx-types.cpp");
}

#[test]
fn cxx_type_units() {
    check("cxx-type-units.cpp");
}

#[test]
fn gnu_containers() {
    check("cxx-containers.cpp");
}

#[test]
fn llvm_containers() {
    check("cxx-containers-libcxx.cpp");
}

#[test]
fn gnu_strings_that_are_declared() {
    check("cxx-declared.cpp");
}

#[test]
fn gnu_strings_of_the_old_abi() {
    check("cxx-old-abi.cpp");
}

#[test]
fn checked_containers() {
    check("cxx-checked.cpp");
}

#[test]
fn coroutines() {
    check("cxx-coroutine.cpp");
}

#[test]
fn damaged_containers() {
    check("cxx-damaged.cpp");
}

#[test]
fn glib() {
    check("glib.c");
}

#[test]
fn glib_tables() {
    check("glib-table.c");
}

#[test]
fn dynamic_types_of_cxx() {
    check("cxx-dynamic.cpp");
    check("cxx-dynamic-no-rtti.cpp");
}

#[test]
fn types_of_other_units_in_c() {
    check("c-elsewhere.c");
}

#[test]
fn types_of_other_units_in_cxx() {
    check("cxx-elsewhere.cpp");
    check("cxx-elsewhere-units.cpp");
}

#[test]
fn thread_locals_of_a_late_library() {
    check("tls-dlopen.c");
}

#[test]
fn thread_locals_under_musl() {
    check("tls-musl.c");
}

#[test]
fn thread_locals_of_static_programs() {
    check("tls-static.c");
    check("tls-static-musl.c");
}

#[test]
fn rust_types() {
    check("rust-types.rs");
}

#[test]
fn rust_containers() {
    check("rust-containers.rs");
}

#[test]
fn rust_old_layouts() {
    check("rust-old.rs");
}

#[test]
fn rust_trait_objects() {
    check("rust-dyn.rs");
}

#[test]
fn rust_async() {
    check("rust-async.rs");
}

#[test]
fn rust_enums() {
    check("rust-enums.rs");
}

#[test]
fn rust_damaged() {
    check("rust-damaged.rs");
}

fn check(file: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values").join(file);
    let text = std::fs::read_to_string(&source).expect("the program is readable");
    let program = Fixture::parse(source, &text).unwrap_or_else(|(line, why)| {
        panic!("{file}:{line}: {why}");
    });
    let mut wrong = Vec::new();
    for build in Build::all(&program) {
        let (core, mut facts) = gdb_core(&program, build);
        let report = report(&core.path);
        // Other threads only wait, in the library's own code.
        let crashed = report.threads.iter().find(|thread| thread.crashed).map(|it| it.tid);
        facts.threads.retain(|thread| Some(thread.tid) == crashed);
        wrong.extend(complaints(&program, build, &report));
        let other = match &program.gdb_is_wrong {
            Some(_) => Vec::new(),
            None => disagreements(&facts, &report),
        };
        // Which rows of the line table count is no question of values.
        let other = other.into_iter().filter(|it| !it.contains("line is"));
        // The debug information names the function behind the shim.
        let other = other.filter(|it| !it.contains("{{vtable.shim}}"));
        // A lambda's function has the name of its place in front.
        let other = other.filter(|it| !it.contains("function is") || !it.contains("operator()"));
        wrong.extend(other.map(|it| format!("{} {build}: gdb: {it}", program.name)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn report(core: &Path) -> Report {
    let (store, gaps) = (FileStore::default(), Gaps::new());
    let options = Options { locals: Locals::All, ..Options::default() };
    let process = dump::open(core, &store, &options.limits, &gaps).expect("a whole core");
    analyze(&process, &store, &options, &gaps)
}
