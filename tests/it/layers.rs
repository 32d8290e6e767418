//! Enforces the rules of `docs/ARCHITECTURE.md` that say who may use what.

use crate::sources::{self, Source};

/// A path under `src/` and the layers that it may import besides itself, in
/// the order of the flow. Of two entries that fit the longer path counts.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("dump", &["base"]),
    ("capture", &["base", "dump"]),
    ("symbols", &["base", "dump"]),
    ("unwind", &["base", "dump", "symbols"]),
    ("variables", &["base", "dump", "symbols", "unwind"]),
    ("heap", &["base", "dump"]),
    ("diagnose", &["base", "dump", "symbols", "unwind", "variables", "heap"]),
    ("report", &["base"]),
    ("report/build", &["base", "dump", "symbols", "unwind", "variables", "diagnose"]),
    (
        "analyze",
        &["base", "dump", "symbols", "unwind", "variables", "diagnose", "report", "triage"],
    ),
    ("inspect", &["base", "dump", "symbols", "unwind", "variables", "heap", "report", "analyze"]),
    // The command line opens dumps and hands options on; what lies between is
    // the pipeline's.
    (
        "cli",
        &[
            "base", "dump", "symbols", "capture", "diagnose", "report", "analyze", "inspect",
            "triage",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
    ("triage", &["base", "report"]),
];

/// Crates that only some layers may name.
const CRATES: &[(&str, &[&str])] = &[
    ("anstream", &["cli"]),
    ("blake3", &["triage"]),
    ("toml", &["triage"]),
    ("anyhow", &["cli"]),
    ("bzip2", &["dump"]),
    ("clap", &["cli", "main"]),
    ("cpp_demangle", &["symbols"]),
    ("gimli", &["base", "symbols", "unwind", "variables", "report/build"]),
    ("goblin", &["dump", "symbols"]),
    ("iced_x86", &["diagnose"]),
    ("indicatif", &["cli"]),
    ("landlock", &["capture"]),
    ("liblzma", &["dump", "symbols"]),
    ("lz4_flex", &["dump"]),
    ("memmap2", &["base/file_map.rs"]),
    ("nix", &["capture", "triage"]),
    ("object", &["symbols"]),
    ("procfs", &["capture"]),
    ("rustc_demangle", &["symbols"]),
    ("rusqlite", &["triage"]),
    ("schemars", &["report", "base/facts"]),
    ("seccompiler", &["capture"]),
    ("serde_json", &["report", "cli", "dump", "triage"]),
    ("tempfile", &["cli"]),
    ("terminal_size", &["cli"]),
    ("ureq", &["symbols/fetch"]),
    ("yaxpeax_arch", &["diagnose"]),
    ("yaxpeax_arm", &["diagnose"]),
    ("zeekstd", &["dump", "triage"]),
    ("zstd", &["dump", "triage"]),
];

/// Words that only some places may use, and why.
const WORDS: &[(&[&str], &[&str], &str)] = &[
    (
        &[
            "std::fs",
            "fs::",
            "File::open",
            "OpenOptions::new",
            ".symlink_metadata(",
            ".exists()",
            ".canonicalize(",
            ".read_dir(",
            ".read_link(",
            ".is_dir()",
        ],
        &[
            "base/file_map.rs",
            "base/file_store.rs",
            "symbols/build_id_index.rs",
            "symbols/fetch",
            "capture",
            "triage",
            "cli",
        ],
        "the file system is for the rim",
    ),
    (
        &["println!", "print!", "eprintln!", "eprint!", "io::stdout", "io::stderr", "Stdout"],
        &["cli/ui.rs"],
        "one writer talks",
    ),
    (
        &["process::exit", "process::abort"],
        &["main.rs", "capture/sys"],
        "only `main` ends the process",
    ),
    (
        &[
            "SystemTime::now",
            "Instant::now",
            "env::var",
            "env::args",
            "env::current_dir",
            "env::current_exe",
            "env::temp_dir",
            "env::home_dir",
        ],
        &["capture", "triage", "cli", "main.rs"],
        "clock, environment and current directory come in as options",
    ),
    (
        &["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "ureq"],
        &["symbols/fetch"],
        "nothing leaves the machine unasked",
    ),
    (
        &["std::os::unix::net"],
        &["capture/handler", "cli/handler"],
        "only the kernel talks to us by a socket",
    ),
    (
        &["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"],
        &["base/file_map.rs", "capture/sys"],
        "`unsafe` has two fences",
    ),
    (
        &["report::build", "super::build"],
        &["report/build", "analyze.rs", "inspect.rs", "inspect"],
        "renderers know the model only",
    ),
];

/// What is wrong with one file.
fn violations(source: &Source) -> Vec<String> {
    let place = source.place.as_str();
    let layer = source.layer();
    let is_in = |path: &&str| {
        let rest = place.strip_prefix(*path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    };
    let rule = LAYERS.iter().filter(|(path, _)| is_in(path)).max_by_key(|(path, _)| path.len());
    let mut wrong = Vec::new();
    if rule.is_none() {
        wrong.push(format!("src/{place}: `{layer}` is no layer; name it in the rules"));
    }
    for (number, line) in source.code.iter().enumerate() {
        let at = format!("src/{place}:{}", number + 1);
        for path in line.split("crate::").skip(1) {
            let named = identifier(path);
            match rule {
                _ if named.is_empty() => wrong.push(format!("{at}: write one `use` a layer")),
                Some((_, below)) if named != layer && !below.contains(&named) => {
                    wrong.push(format!("{at}: `{layer}` must not use `{named}`"));
                }
                _ => (),
            }
        }
        for (name, places) in CRATES {
            if names_crate(line, name) && !places.iter().any(is_in) {
                wrong.push(format!("{at}: only {places:?} may use `{name}`"));
            }
        }
        for (words, places, why) in WORDS {
            let found = words.iter().find(|word| contains_word(line, word));
            if let Some(word) = found.filter(|_| !places.iter().any(is_in)) {
                wrong.push(format!("{at}: `{word}` only in {places:?}: {why}"));
            }
        }
    }
    wrong
}

#[test]
fn sources_use_only_what_they_may() {
    let wrong: Vec<String> =
        sources::all().iter().filter(|source| !source.is_test()).flat_map(violations).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn planted_violations_are_named() {
    let cases = [
        (
            "an import of a later layer",
            "dump/notes.rs",
            "use crate::unwind::frame::Frame;",
            "`dump` must not use `unwind`",
        ),
        (
            "one in the middle of a line",
            "base/addr.rs",
            "let a = crate::dump::open();",
            "`base` must not use `dump`",
        ),
        (
            "a group of layers",
            "dump/notes.rs",
            "use crate::{base::addr, dump::error};",
            "one `use` a layer",
        ),
        (
            "a crate outside of its room",
            "unwind/cfi.rs",
            "use goblin::elf::Elf;",
            "may use `goblin`",
        ),
        (
            "the renderer knows the builder",
            "report/render/text.rs",
            "use crate::report::build::Facts;",
            "renderers know the model only",
        ),
        (
            "the model knows the unwinder",
            "report/model.rs",
            "use crate::unwind::frame::Frame;",
            "must not use `unwind`",
        ),
        (
            "files opened while parsing",
            "symbols/units.rs",
            "let bytes = std::fs::read(path)?;",
            "the rim",
        ),
        ("a layer that prints", "diagnose/rank.rs", "println!(\"{rank}\");", "one writer talks"),
        (
            "a command that prints by itself",
            "cli/cmd/run.rs",
            "eprintln!(\"done\");",
            "one writer talks",
        ),
        ("a command that exits", "cli/cmd/run.rs", "std::process::exit(1);", "only `main` ends"),
        ("the clock", "report/build.rs", "let now = SystemTime::now();", "come in as options"),
        ("unsafe", "unwind/walk.rs", "let word = unsafe { *at };", "two fences"),
        ("a layer nobody knows", "helpers/mod.rs", "", "is no layer"),
    ];
    for (name, place, line, want) in cases {
        let found = violations(&Source::new(place, line));
        assert!(found.iter().any(|text| text.contains(want)), "{name}: {found:?}");
    }
}

#[test]
fn what_is_allowed_is_not_named() {
    let cases = [
        ("the layer below", "unwind/walk.rs", "use crate::symbols::Symbols;"),
        ("the own layer", "dump/notes.rs", "use crate::dump::error::DumpError;"),
        (
            "the builder knows both sides",
            "report/build/stack.rs",
            "use crate::unwind::frame::Frame;",
        ),
        ("a comment", "dump/notes.rs", "// use crate::unwind::frame::Frame;"),
        ("unit tests", "dump/notes.rs", "#[cfg(test)]\nmod tests {\n    std::fs::write(path);\n}"),
        ("a word within a word", "symbols/units.rs", "let offs::x = blueprint!();"),
        ("a lint's name", "capture/live.rs", "#![deny(unsafe_code)]"),
    ];
    for (name, place, text) in cases {
        assert_eq!(violations(&Source::new(place, text)), Vec::<String>::new(), "{name}");
    }
}

fn identifier(path: &str) -> &str {
    let end = path.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(path.len());
    &path[..end]
}

/// Whether `line` has a path that begins with the crate's name.
fn names_crate(line: &str, name: &str) -> bool {
    let begins = |(at, _): (usize, &str)| {
        !line[..at].ends_with(|char: char| char.is_alphanumeric() || "_:".contains(char))
    };
    line.match_indices(&format!("{name}::")).any(begins)
}

/// Whether `word` stands in `line` without a letter before it.
fn contains_word(line: &str, word: &str) -> bool {
    let begins = |(at, _): (usize, &str)| {
        let is_glued = |char: char| char.is_alphanumeric() || char == '_';
        word.starts_with('.') || !line[..at].ends_with(is_glued)
    };
    line.match_indices(word).any(begins)
}
