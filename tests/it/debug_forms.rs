//! One program whose debug information is packed in every form there is: the
//! report of its death is the same, byte for byte.
//!
//! All builds have the same code and build-id, so that one core fits them all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use coretool::report::model::{AddressLines, Report, SymbolFiles, SymbolTable};
use tempfile::TempDir;

use crate::support::random::Random;
use crate::support::scratch;

/// The build-id of all builds.
pub(crate) const ID: &str = "c0de70015eed0000000000000000000000000001";

/// A directory with the sources, in which all builds are made.
pub(crate) struct Workshop {
    directory: TempDir,
    compiler: &'static str,
}

impl Workshop {
    /// Builds the program with plain debug information, and has it die.
    pub(crate) fn new(compiler: &'static str) -> Self {
        let directory = scratch::directory("forms");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forms");
        for file in ["walk.cpp", "main.cpp", "forms.h"] {
            fs::copy(sources.join(file), directory.path().join(file)).unwrap();
        }
        let workshop = Self { directory, compiler };
        workshop.build(&["-gdwarf-5"], &[]);
        let run = coretool()
            .args(["run", "--quiet", "--output", "first-report", "--core", "core", "./prog"])
            .env("XDG_STATE_HOME", workshop.file("state"))
            .current_dir(workshop.directory.path())
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(139), "{}", text(&run.stderr));
        workshop
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Compiles each unit and links them, after what an earlier build has left
    /// is gone.
    pub(crate) fn build(&self, flags: &[&str], link: &[&str]) {
        for entry in fs::read_dir(self.directory.path()).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let is_kept = name.ends_with(".cpp") || name == "forms.h" || name == "core";
            match entry.file_type().unwrap().is_dir() {
                _ if is_kept => (),
                true => fs::remove_dir_all(entry.path()).unwrap(),
                false => fs::remove_file(entry.path()).unwrap(),
            }
        }
        // The language of C++98 has one number in both versions of DWARF.
        let common = ["-O1", "-g", "-std=c++98", "-c"];
        for unit in ["walk", "main"] {
            let (source, object) = (format!("{unit}.cpp"), format!("{unit}.o"));
            let words = [&common[..], flags, &[&source, "-o", &object]].concat();
            self.tool(self.compiler, &words);
        }
        let id = format!("-Wl,--build-id=0x{ID}");
        let objects = ["walk.o", "main.o", "-o", "prog", id.as_str()];
        self.tool(self.compiler, &[&objects[..], link].concat());
    }

    /// Runs a tool in the workshop.
    fn tool(&self, tool: &str, words: &[&str]) {
        let output = Command::new(tool).args(words).current_dir(self.directory.path()).output();
        let output = output.unwrap_or_else(|error| panic!("cannot run {tool}: {error}"));
        assert!(output.status.success(), "{tool} {words:?}: {}", text(&output.stderr));
    }

    pub(crate) fn steps(&self, steps: &[&[&str]]) {
        for step in steps {
            self.tool(step[0], &step[1..]);
        }
    }

    fn analyze(&self, more: &[&str]) -> Output {
        coretool()
            .args(["analyze", "core", "--exe", "prog", "--debug-dir", "symbols"])
            .args(more)
            .current_dir(self.directory.path())
            .output()
            .unwrap()
    }

    fn report(&self) -> Report {
        let output = self.analyze(&["--format", "json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The report without its gaps and without the names of the files that it
    /// was made from, as JSON and as text.
    fn told(&self, name: &str) -> String {
        let mut report = self.report();
        let about_us: Vec<_> =
            report.gaps.iter().filter(|gap| gap.missing.contains("prog")).collect();
        assert!(about_us.is_empty(), "{name}: {about_us:#?}");
        report.gaps = Vec::new();
        for module in &mut report.modules {
            module.debug_file = None;
        }
        let json = serde_json::to_string_pretty(&report).unwrap();
        let shown = text(&self.analyze(&["--all-threads"]).stdout);
        format!("{json}\n{}", shown.split("\nNot known").next().unwrap())
    }
}

fn coretool() -> Command {
    Command::new(env!("CARGO_BIN_EXE_coretool"))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first lines that differ.
fn difference(want: &str, got: &str) -> String {
    let pairs = want.lines().zip(got.lines());
    let differing = pairs.enumerate().filter(|(_, (want, got))| want != got).take(5);
    differing.map(|(line, (want, got))| format!("{line}: {want}\n{line}: {got}\n")).collect()
}

/// What the source says of the crash: the innermost calls, and values.
fn check(report: &Report) {
    let frames = &report.threads[0].frames;
    let shown: Vec<_> = frames
        .iter()
        .take(5)
        .map(|frame| {
            let file = frame.file.as_deref().and_then(|file| file.rsplit('/').next());
            let function = frame.function.as_deref().unwrap_or_default();
            let name = function.split('(').next().unwrap_or_default();
            format!("{name} {}:{} {}", file.unwrap_or("?"), frame.line.unwrap_or(0), frame.inlined)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "shop::poke walk.cpp:26 true",
            "shop::visit walk.cpp:32 true",
            "shop::walk walk.cpp:38 false",
            "serve walk.cpp:46 false",
            "main main.cpp:19 false",
        ]
    );
    let item = frames[3].locals.iter().find(|variable| variable.name == "item").unwrap();
    // The type of `sealed` is only declared in this unit.
    for part in ["\"lamp\"", "GREEN", "first = 11", "second = 21", "number = 77", "weight = 2.5"] {
        let whole = serde_json::to_string(&item.value).unwrap();
        let is_in =
            item.value.text.contains(part) || whole.contains(part.rsplit(' ').next().unwrap());
        assert!(is_in, "{part}: {whole}");
    }
}

/// A form: its name, flags of the compiler and of the linker, and what is done
/// to the program afterwards.
type Form = (&'static str, &'static [&'static str], &'static [&'static str], Steps);
type Steps = &'static [&'static [&'static str]];

pub(crate) const BY_ID: &str = "symbols/.build-id/c0/de70015eed0000000000000000000000000001.debug";
const STRIP: &[&str] = &["strip", "--strip-all", "prog"];
const TAKE_OUT: &[&str] = &["objcopy", "--only-keep-debug", "prog", "prog.debug"];
const MAKE_PLACE: &[&str] = &["mkdir", "-p", "symbols/.build-id/c0"];
const ONLY_OBJECTS: &[&str] = &["rm", "walk.dwo", "main.dwo"];

const GCC: &[Form] = &[
    ("DWARF 5", &["-gdwarf-5"], &[], &[]),
    ("DWARF 4", &["-gdwarf-4"], &[], &[]),
    ("type units in DWARF 5", &["-gdwarf-5", "-fdebug-types-section"], &[], &[]),
    ("type units in DWARF 4", &["-gdwarf-4", "-fdebug-types-section"], &[], &[]),
    ("zlib", &["-gdwarf-5"], &["-Wl,--compress-debug-sections=zlib"], &[]),
    ("old zlib", &["-gdwarf-5"], &["-Wl,--compress-debug-sections=zlib-gnu"], &[]),
    ("zstd", &["-gdwarf-5"], &[], &[&["objcopy", "--compress-debug-sections=zstd", "prog"]]),
    (
        "a debug file by its build-id",
        &["-gdwarf-5"],
        &[],
        &[TAKE_OUT, STRIP, MAKE_PLACE, &["mv", "prog.debug", BY_ID]],
    ),
    (
        "a debug file by its name",
        &["-gdwarf-5"],
        &[],
        &[TAKE_OUT, STRIP, &["objcopy", "--add-gnu-debuglink=prog.debug", "prog"]],
    ),
    (
        "a compressed debug file",
        &["-gdwarf-5"],
        &[],
        &[
            TAKE_OUT,
            STRIP,
            &["objcopy", "--compress-debug-sections=zlib", "prog.debug"],
            MAKE_PLACE,
            &["mv", "prog.debug", BY_ID],
        ],
    ),
    ("split DWARF 5", &["-gdwarf-5", "-gsplit-dwarf"], &[], &[]),
    ("split DWARF 4", &["-gdwarf-4", "-gsplit-dwarf"], &[], &[]),
    (
        "split type units in DWARF 5",
        &["-gdwarf-5", "-gsplit-dwarf", "-fdebug-types-section"],
        &[],
        &[],
    ),
    (
        "split type units in DWARF 4",
        &["-gdwarf-4", "-gsplit-dwarf", "-fdebug-types-section"],
        &[],
        &[],
    ),
    (
        "split files that were moved",
        &["-gdwarf-5", "-gsplit-dwarf"],
        &[],
        &[&["mkdir", "symbols"], &["mv", "walk.dwo", "main.dwo", "symbols"]],
    ),
    (
        "compressed split files",
        &["-gdwarf-5", "-gsplit-dwarf"],
        &[],
        &[
            &["objcopy", "--compress-debug-sections=zlib", "walk.dwo"],
            &["objcopy", "--compress-debug-sections=zstd", "main.dwo"],
        ],
    ),
    (
        "a package in DWARF 4",
        &["-gdwarf-4", "-gsplit-dwarf"],
        &[],
        &[&["dwp", "-e", "prog"], ONLY_OBJECTS],
    ),
    (
        "a package with type units in DWARF 4",
        &["-gdwarf-4", "-gsplit-dwarf", "-fdebug-types-section"],
        &[],
        &[&["dwp", "-e", "prog"], ONLY_OBJECTS],
    ),
    (
        "a stripped program, its debug file and its split files",
        &["-gdwarf-5", "-gsplit-dwarf"],
        &[],
        &[TAKE_OUT, STRIP, MAKE_PLACE, &["mv", "prog.debug", BY_ID]],
    ),
    ("dwz", &["-gdwarf-5"], &[], &[&["dwz", "prog"]]),
    ("dwz in DWARF 4", &["-gdwarf-4"], &[], &[&["dwz", "prog"]]),
    (
        "dwz with a shared file",
        &["-gdwarf-4"],
        &[],
        &[
            &["cp", "prog", "other"],
            &["dwz", "-m", "shared.debug", "-M", "shared.debug", "prog", "other"],
        ],
    ),
    (
        "dwz with a shared file in DWARF 5",
        &["-gdwarf-5"],
        &[],
        &[
            &["cp", "prog", "other"],
            &["dwz", "-5", "-m", "shared.debug", "-M", "shared.debug", "prog", "other"],
        ],
    ),
    (
        "an index of gdb",
        &["-gdwarf-5", "-ggnu-pubnames"],
        &[],
        &[&["gdb-add-index", "prog"], &["objcopy", "-R", ".debug_aranges", "prog"]],
    ),
    ("sections by function", &["-gdwarf-5", "-ffunction-sections"], &["-Wl,-z,separate-code"], &[]),
];

const CLANG: &[Form] = &[
    ("DWARF 5", &["-gdwarf-5"], &[], &[]),
    ("DWARF 4", &["-gdwarf-4"], &[], &[]),
    ("names", &["-gdwarf-5", "-gpubnames", "-mllvm", "-accel-tables=Dwarf"], &[], &[]),
    ("type units in DWARF 5", &["-gdwarf-5", "-fdebug-types-section"], &[], &[]),
    ("type units in DWARF 4", &["-gdwarf-4", "-fdebug-types-section"], &[], &[]),
    ("ranges of addresses", &["-gdwarf-5", "-gdwarf-aranges"], &[], &[]),
    ("split DWARF 5", &["-gdwarf-5", "-gsplit-dwarf"], &[], &[]),
    ("split DWARF 4", &["-gdwarf-4", "-gsplit-dwarf"], &[], &[]),
    (
        "split DWARF with inlined calls in the skeleton",
        &["-gdwarf-5", "-gsplit-dwarf", "-fsplit-dwarf-inlining"],
        &[],
        &[],
    ),
    ("split type units", &["-gdwarf-5", "-gsplit-dwarf", "-fdebug-types-section"], &[], &[]),
    (
        "a package in DWARF 5",
        &["-gdwarf-5", "-gsplit-dwarf"],
        &[],
        &[&["llvm-dwp", "walk.dwo", "main.dwo", "-o", "prog.dwp"], ONLY_OBJECTS],
    ),
    (
        "a package with type units in DWARF 5",
        &["-gdwarf-5", "-gsplit-dwarf", "-fdebug-types-section"],
        &[],
        &[&["llvm-dwp", "walk.dwo", "main.dwo", "-o", "prog.dwp"], ONLY_OBJECTS],
    ),
    (
        "a package in DWARF 4",
        &["-gdwarf-4", "-gsplit-dwarf"],
        &[],
        &[&["llvm-dwp", "walk.dwo", "main.dwo", "-o", "prog.dwp"], ONLY_OBJECTS],
    ),
    (
        "a compressed package",
        &["-gdwarf-5", "-gsplit-dwarf"],
        &[],
        &[
            &["llvm-dwp", "walk.dwo", "main.dwo", "-o", "prog.dwp"],
            ONLY_OBJECTS,
            &["objcopy", "--compress-debug-sections=zlib", "prog.dwp"],
        ],
    ),
];

fn all_tell_the_same(compiler: &'static str, forms: &[Form]) {
    let workshop = Workshop::new(compiler);
    let want = workshop.told("as it ran");
    check(&workshop.report());
    let mut wrong = Vec::new();
    for (name, flags, link, steps) in forms {
        workshop.build(flags, link);
        workshop.steps(steps);
        let got = workshop.told(name);
        if got != want {
            wrong.push(format!("{name}:\n{}", difference(&want, &got)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_form_of_gcc_tells_the_same() {
    all_tell_the_same("g++", GCC);
}

#[test]
fn every_form_of_clang_tells_the_same() {
    all_tell_the_same("clang++", CLANG);
}

#[test]
fn a_missing_split_file_is_named_with_what_would_get_it() {
    let workshop = Workshop::new("g++");
    let want = workshop.report();
    let lines = |report: &Report| -> Vec<_> {
        let frames = report.threads[0].frames.iter();
        frames.filter(|frame| !frame.inlined).map(|frame| (frame.pc, frame.line)).collect()
    };
    workshop.build(&["-gdwarf-5", "-gsplit-dwarf"], &[]);
    // Without one, of another build, and damaged.
    let other =
        "-DOTHER -gdwarf-5 -gsplit-dwarf -O1 -g -std=c++98 -Dwalk=stroll -c walk.cpp -o x.o";
    let other: Vec<&str> = other.split(' ').collect();
    let cases: &[(&str, Steps, &str)] = &[
        ("missing", &[&["rm", "walk.dwo"]], "is neither at "),
        ("of another build", &[&["mv", "x.dwo", "walk.dwo"]], "is of another build"),
        ("no ELF file", &[&["cp", "walk.cpp", "walk.dwo"]], "it is not an ELF file"),
        ("no split file", &[&["cp", "prog", "walk.dwo"]], "it has no .debug_info.dwo"),
    ];
    workshop.tool("g++", &other);
    for (name, steps, why) in cases {
        workshop.steps(steps);
        let report = workshop.report();
        let gap = report.gaps.iter().find(|gap| gap.missing.contains("walk.dwo")).unwrap();
        assert!(gap.why.contains(why) && gap.why.contains("walk.dwo"), "{name}: {gap:#?}");
        let hint = gap.hint.as_deref().unwrap();
        assert!(hint.contains("dwp -e prog") && hint.contains("/walk.dwo"), "{name}: {gap:#?}");
        let innermost = &report.threads[0].frames[0];
        // The instruction's own line is the inlined function's.
        assert_eq!(innermost.line, Some(26), "{name}");
        assert_eq!(innermost.function.as_deref(), Some("shop::walk"), "{name}");
        assert_eq!(lines(&report).last(), lines(&want).last(), "{name}");
    }
}

#[test]
fn symbols_in_the_program_name_what_has_no_debug_information() {
    let workshop = Workshop::new("g++");
    workshop.build(&["-g0"], &[]);
    // As Fedora's find-debuginfo does it: the functions that .dynsym lacks.
    workshop.steps(&[
        &[
            "objcopy",
            "-S",
            "--keep-symbol=_ZN4shop4walkEPNS_4ItemEi",
            "--keep-symbol=_Z5servei",
            "--keep-symbol=main",
            "prog",
            "mini",
        ],
        &["xz", "mini"],
        STRIP,
        &["objcopy", "--add-section", ".gnu_debugdata=mini.xz", "prog"],
    ]);
    let report = workshop.report();
    let names: Vec<_> =
        report.threads[0].frames.iter().filter_map(|frame| frame.function.as_deref()).collect();
    assert_eq!(names[..3], ["shop::walk", "serve", "main"]);
    assert_eq!(report.modules[0].symbols, SymbolTable::Symtab);
    // A damaged one gives no names, and no wrong ones.
    let whole = fs::read(workshop.file("mini.xz")).unwrap();
    let mut random = Random::new(11);
    for _ in 0..20 {
        let mut bytes = whole.clone();
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
        fs::write(workshop.file("damaged.xz"), bytes).unwrap();
        workshop.tool("objcopy", &["--update-section", ".gnu_debugdata=damaged.xz", "prog"]);
        let report = workshop.report();
        let function = report.threads[0].frames[0].function.as_deref();
        assert!(matches!(function, None | Some("shop::walk")), "{function:?}");
    }
}

/// Where the bytes of a section are in a file.
fn section(file: &[u8], name: &str) -> std::ops::Range<usize> {
    use object::{Object as _, ObjectSection as _};
    let found = object::File::parse(file).unwrap();
    let (start, size) = found.section_by_name(name).unwrap().file_range().unwrap();
    start as usize..(start + size) as usize
}

#[test]
fn damaged_indices_never_give_a_wrong_line() {
    let workshop = Workshop::new("g++");
    let sound = workshop.report();
    let cases: &[(&str, &str, &[&str], Steps, &str)] = &[
        ("prog", ".debug_aranges", &["-gdwarf-5"], &[], ""),
        ("prog", ".gdb_index", &["-gdwarf-5"], &[&["gdb-add-index", "prog"]], ""),
        (
            "prog.dwp",
            ".debug_cu_index",
            &["-gdwarf-4", "-gsplit-dwarf"],
            &[&["dwp", "-e", "prog"], ONLY_OBJECTS],
            "prog.dwp",
        ),
        (
            "prog.dwp",
            ".debug_tu_index",
            &["-gdwarf-4", "-gsplit-dwarf", "-fdebug-types-section"],
            &[&["dwp", "-e", "prog"], ONLY_OBJECTS],
            "",
        ),
    ];
    let mut random = Random::new(7);
    for (file, index, flags, steps, named) in cases {
        workshop.build(flags, &[]);
        workshop.steps(steps);
        let whole = fs::read(workshop.file(file)).unwrap();
        let range = section(&whole, index);
        for round in 0..25 {
            let mut bytes = whole.clone();
            for _ in 0..=round % 4 {
                let at = range.start + random.below(range.len() as u64) as usize;
                bytes[at] = random.below(256) as u8;
            }
            fs::write(workshop.file(file), bytes).unwrap();
            let report = workshop.report();
            // Each frame has the line that it had, whatever calls are missing.
            let lines = |report: &Report| -> Vec<_> {
                let frames = report.threads[0].frames.iter();
                let all = frames.map(|frame| (frame.pc, frame.file.clone(), frame.line));
                let none: Vec<(_, Option<String>, Option<u32>)> = Vec::new();
                all.fold(none, |mut kept, frame| {
                    if kept.last().is_none_or(|(pc, ..)| *pc != frame.0) {
                        kept.push(frame);
                    }
                    kept
                })
            };
            assert_eq!(lines(&report), lines(&sound), "{index} {round}");
            let is_less = report.threads[0].frames.len() < sound.threads[0].frames.len();
            let says = report.gaps.iter().any(|gap| gap.why.contains("prog.dwp"));
            assert!(!is_less || (says && !named.is_empty()), "{index} {round}: {:#?}", report.gaps);
        }
    }
}

/// Function and place of the code at addresses of a file, as `coretool addr`
/// has them: the outermost function, the innermost place.
fn addresses(directory: &Path, file: &str, asked: &[String]) -> Vec<(String, String, u32)> {
    let output = coretool()
        .args(["addr", "--format", "json", file])
        .args(asked)
        .current_dir(directory)
        .output()
        .unwrap();
    let shown = text(&output.stdout);
    let answers = shown.lines().map(|line| {
        let found: AddressLines = serde_json::from_str(line).unwrap();
        let function = found.calls.last().and_then(|call| call.function.clone());
        let place = found.calls.first();
        let file = place.and_then(|call| call.file.clone());
        let line = place.and_then(|call| call.line);
        (function.unwrap_or_default(), file.unwrap_or_default(), line.unwrap_or_default())
    });
    answers.collect()
}

#[test]
fn stripped_go_programs_have_functions_and_lines() {
    let directory = scratch::directory("gone");
    let path = directory.path();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forms/gone.go");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-build");
    for mode in ["exe", "pie"] {
        let mut build = Command::new("go");
        build.env("GO111MODULE", "off").env("GOCACHE", &cache).arg("build");
        build.args([&format!("-buildmode={mode}"), "-o", "whole"]).arg(&source);
        let output = build.current_dir(path).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let strip = ["--strip-all", "-o", "gone", "whole"];
        assert!(Command::new("strip").args(strip).current_dir(path).status().unwrap().success());
        // Go's own debug information is the judge, at and within functions.
        let symbols = Command::new("nm").arg(path.join("whole")).output().unwrap();
        let symbols = text(&symbols.stdout);
        let starts = symbols.lines().filter_map(|line| {
            let (at, name) = line.split_once(" t ").or_else(|| line.split_once(" T "))?;
            let is_go = name.starts_with("main.") || name.starts_with("runtime.");
            is_go.then(|| u64::from_str_radix(at, 16).unwrap())
        });
        let asked: Vec<String> = starts
            .step_by(3)
            .flat_map(|start| [start, start + 9])
            .map(|at| format!("{at:x}"))
            .collect();
        assert!(asked.len() > 500, "{}", asked.len());
        let want = addresses(path, "whole", &asked);
        let got = addresses(path, "gone", &asked);
        let mut lines = 0;
        for ((want, got), at) in want.iter().zip(&got).zip(&asked) {
            if want.0.is_empty() {
                continue;
            }
            // Go's names say which package; DWARF's the same.
            assert_eq!(want.0, got.0, "{mode} {at}");
            // Of inlined calls the table has the innermost line, too.
            lines += usize::from((&want.1, want.2) == (&got.1, got.2));
        }
        assert!(lines * 100 > want.len() * 95, "{mode}: {lines} of {}", want.len());
        let output =
            coretool().args(["symbols", "--format", "json", "gone"]).current_dir(path).output();
        let files: SymbolFiles = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        assert_eq!(files.modules[0].symbols, SymbolTable::GoTable);
    }
}
