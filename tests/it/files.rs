//! Files stay short, and are named after what is in them.

use crate::sources;

/// Lines of one file, without its unit tests.
const LONGEST: usize = 500;

/// Names that say nothing.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "manager", "misc", "stuff", "lib2"];

#[test]
fn files_are_short() {
    let too_long: Vec<String> = sources::all()
        .iter()
        .filter(|source| !source.is_test() && source.code.len() > LONGEST)
        .map(|source| format!("src/{}: {} lines", source.place, source.code.len()))
        .collect();
    assert!(too_long.is_empty(), "split these by noun:\n{}", too_long.join("\n"));
}

#[test]
fn names_say_something() {
    for source in sources::all() {
        for part in source.place.trim_end_matches(".rs").split('/') {
            assert!(
                !EMPTY_NAMES.contains(&part),
                "src/{}: name it after its content",
                source.place
            );
        }
    }
}
