//! One target, chosen by the environment, for libFuzzer.
#![no_main]

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use targets::{Subject, Target, named};

#[path = "../targets/mod.rs"]
mod targets;

/// What is fuzzed, and the directory that `corpus` of `tests/it/fuzz.rs` filled.
static WORK: LazyLock<(&'static Target, Subject, PathBuf)> = LazyLock::new(|| {
    let directory = PathBuf::from(env::var_os("FUZZ_DIRECTORY").expect("FUZZ_DIRECTORY is set"));
    let target = env::var("FUZZ_TARGET").expect("FUZZ_TARGET is set");
    let read = |name| fs::read(directory.join(name)).expect("the subject is in FUZZ_DIRECTORY");
    let subject = Subject { core: read("core"), program: read("program") };
    (named(&target), subject, directory)
});

fuzz_target!(|bytes: &[u8]| {
    let (target, subject, directory) = &*WORK;
    target.run(subject, bytes, directory);
});
