//! What the doctor says of how a program was built.

use std::path::Path;

use crate::base::file_store::FileStore;
use crate::capture::doctor::{Check, State};
use crate::symbols::traits::{Traits, traits};

const GROUP: &str = "program";

/// Looks at an executable's file.
pub fn checks(path: &Path) -> Vec<Check> {
    let store = FileStore::new();
    let file = match store.open(path) {
        Ok(file) => file,
        Err(error) => {
            let says = format!("how it was built cannot be read ({error})");
            return vec![Check::new(GROUP, "build", State::Unknown, says)];
        }
    };
    match traits(file.bytes) {
        Some(traits) => told(&traits),
        None if file.bytes.starts_with(b"#!") => {
            let says = "it is a script: what matters is the program in its first line";
            vec![Check::new(GROUP, "build", State::Ok, says)]
        }
        None => {
            let says = "it is not a program in ELF of 64 bits";
            vec![Check::new(GROUP, "build", State::Unknown, says)]
        }
    }
}

fn told(traits: &Traits) -> Vec<Check> {
    let check = |name, state, says: &str| Check::new(GROUP, name, state, says);
    let place = if traits.is_pie { "position-independent" } else { "at fixed addresses" };
    let linked = if traits.is_static { "statically" } else { "dynamically" };
    let mut checks =
        vec![check("build", State::Ok, &format!("it is linked {linked}, and is {place}"))];
    checks.push(match (traits.has_debug_info, traits.has_symbols) {
        (true, _) => check("debug-info", State::Ok, "it has debug information"),
        (false, true) => check("debug-info", State::Warning, "it has symbols, but no lines")
            .remedy("build it with `-g`, or install its debug package"),
        (false, false) => {
            check("debug-info", State::Warning, "it is stripped: frames may lack their names")
                .remedy("keep an unstripped copy, or install its debug package")
        }
    });
    checks.push(match &traits.build_id {
        Some(id) => {
            let id: String = id.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
            check("build-id", State::Ok, &format!("its build ID is {id}"))
        }
        // Go has an identity of its own.
        None if traits.is_go => check("build-id", State::Ok, "it has Go's own build ID"),
        None => check("build-id", State::Warning, "it has no build ID: debug files are not found")
            .remedy("link it with `-Wl,--build-id`"),
    });
    if !traits.sanitizers.is_empty() {
        let says = format!("it has {}, which exits at an error", traits.sanitizers.join(" and "));
        checks.push(
            check("sanitizer", State::Warning, &says)
                .remedy("`coretool run --assist`, or abort_on_error=1 in its options"),
        );
    }
    if traits.is_go {
        let says = "it is a Go program, which exits at a panic unless GOTRACEBACK is `crash`";
        checks.push(check("go", State::Warning, says).remedy("`coretool run --assist`"));
    }
    match traits.aborts_at_panic {
        Some(true) => checks.push(check("panic", State::Ok, "it is Rust, and panics abort")),
        Some(false) => {
            let says = "it is Rust, whose panics unwind: one that nobody catches exits with 101";
            checks
                .push(check("panic", State::Warning, says).remedy(
                    "set `panic = \"abort\"` in the profile, if panics are to be captured",
                ));
        }
        None => (),
    }
    checks
}
