//! Hostile cores: heaps, stacks, registers and code of programs that died or hang,
//! replaced by what an attacker or an accident may leave there. Whatever the rules
//! make of that is a report, within bounds of memory and time, and its verdict
//! fits in two lines.
//!
//! `tests/fuzz/long.sh causes` does this for longer, and from other seeds.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use coretool::analyze::Options;
use coretool::diagnose::brevity::fits;
use object::{Object as _, ObjectSection as _};

use crate::damage::{Subject, case_file, explained};
use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::fixture;
use crate::support::random::Random;
use crate::support::worker::{Worker, note_case, number};

/// What is replaced, and one rule or more that looks at it.
const SUBJECTS: &[&str] = &[
    "abort-double-free",
    "allocator-fault",
    "bad-pointer",
    "busy-loop",
    "cxx-shared-mutex",
    "cxx-use-after-free",
    "deadlock-static",
    "deadlock-stdio",
    "deadlock-three",
    "heap-overflow",
    "heap-overflow-top",
    "null-call",
    "null-element",
    "quit-hang",
    "rust-deadlock",
    "smashed-return",
    "stack-overflow-thread",
    "use-after-free",
];

/// Seconds of all subjects together.
const SECONDS: usize = 18;

#[test]
fn whatever_lies_in_memory() {
    let seconds = number("HOSTILE_SECONDS", SECONDS).div_ceil(SUBJECTS.len()).to_string();
    for name in SUBJECTS {
        let fixture = fixture::named(name);
        let core = gdb_core(fixture, Build::plain(fixture)).0;
        let worker = Worker { name: "hostile::worker", label: name, case: &case_file(&core.path) };
        worker.survives(&[
            ("HOSTILE_CORE", core.path.as_os_str()),
            ("HOSTILE_PROGRAM", core.program.as_os_str()),
            ("HOSTILE_TIME", OsStr::new(&seconds)),
        ]);
    }
}

#[test]
fn worker() {
    let Some(path) = env::var_os("HOSTILE_CORE") else { return };
    let program = env::var_os("HOSTILE_PROGRAM").expect("a program, too");
    let until = Instant::now() + Duration::from_secs(number("HOSTILE_TIME", 1) as u64);
    let (core, program) = (Path::new(&path), Path::new(&program));
    // Copies of its own: other tests read the others.
    let own = core.with_extension("hostile");
    fs::copy(core, &own).expect("a core");
    let code = core.with_extension("hostile-program");
    fs::copy(program, &code).expect("a program");
    let mut options = Options::default();
    options.symbols.executable = Some(code.clone());
    let subject = Subject { core: &own, options };
    let (memory, registers) = places_of_core(&own);
    let text = text_of(&code);
    let open = |path| OpenOptions::new().read(true).write(true).open(path).expect("a file");
    let (core_file, program_file) = (open(&own), open(&code));

    let first = number("HOSTILE_SEED", 1) as u64 * 1_000_003;
    let mut round = 0;
    while Instant::now() < until || round == 0 {
        let mut random = Random::new(first + round);
        note_case(&case_file(core), &format!("seed {}", first + round));
        let (file, places) = match random.below(8) {
            0 => (&core_file, &registers),
            1 | 2 => (&program_file, &text),
            _ => (&core_file, &memory),
        };
        let before = replaced(file, places, &memory, &mut random);
        if let Some(report) = explained(&subject) {
            assert!(fits(&report.verdict), "{}", report.verdict);
        }
        for (at, bytes) in before.into_iter().rev() {
            file.write_all_at(&bytes, at).expect("a writable file");
        }
        round += 1;
    }
    let _told = writeln!(std::io::stderr().lock(), "{}: {round} rounds", core.display());
    let _gone = (fs::remove_file(&own), fs::remove_file(&code));
}

/// A piece of a file, and the address that it is loaded to.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u64,
    length: u64,
    address: u64,
}

/// Writable memory of a core, and its notes. A core may be larger than what a
/// worker may have: only its program headers are read, as ELF-64 has them.
fn places_of_core(core: &Path) -> (Vec<Piece>, Vec<Piece>) {
    const LOAD: u64 = 1;
    const NOTE: u64 = 4;
    const WRITABLE: u64 = 2;
    let file = File::open(core).expect("a core");
    let word = |at: u64| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at).expect("a core has headers");
        u64::from_le_bytes(bytes)
    };
    let (mut memory, mut notes) = (Vec::new(), Vec::new());
    for number in 0..word(56) & 0xffff {
        let header = word(32) + number * 56;
        let (kind, flags) = (word(header) & 0xffff_ffff, word(header) >> 32);
        let piece =
            Piece { at: word(header + 8), address: word(header + 16), length: word(header + 32) };
        match kind {
            LOAD if flags & WRITABLE != 0 && piece.length > 0 => memory.push(piece),
            NOTE => notes.push(piece),
            _ => (),
        }
    }
    (memory, notes)
}

fn text_of(program: &Path) -> Vec<Piece> {
    let bytes = fs::read(program).expect("a program");
    let elf = object::File::parse(&*bytes).expect("an ELF file");
    let section = elf.section_by_name(".text").expect("a program has code");
    let (at, length) = section.file_range().expect("it is in the file");
    vec![Piece { at, length, address: section.address() }]
}

/// Replaces some pieces, and returns what was there.
fn replaced(
    file: &File,
    places: &[Piece],
    memory: &[Piece],
    random: &mut Random,
) -> Vec<(u64, Vec<u8>)> {
    let mut before = Vec::new();
    for _ in 0..1 + random.below(12) {
        let place = any(places, random);
        // Ends of heaps and stacks are in use; the rest is mostly zero.
        let near = place.length.min(8192);
        let start = match random.below(3) {
            0 => random.below(near),
            1 => place.length - near + random.below(near),
            _ => random.below(place.length),
        };
        let start = start & !7;
        let most = [8, 16, 64, 512, 4096][random.below(5) as usize];
        let length = (place.length - start).min(most);
        let at = place.at + start;
        let mut old = vec![0; usize::try_from(length).expect("a short piece")];
        if file.read_exact_at(&mut old, at).is_err() {
            continue;
        }
        let kind = random.below(5);
        let mut new = Vec::new();
        while new.len() < old.len() {
            let other = any(memory, random);
            let word = match kind {
                0 => random.below(u64::MAX),
                // A pointer to somewhere, aligned as one or not.
                1 => other.address + (random.below(other.length) & !7),
                2 => other.address + random.below(other.length),
                3 => random.below(64),
                _ => [0, u64::MAX, 1 << 63, 0x41_4141_4141_4141, 0x8000_0002, 0xfff0]
                    [random.below(6) as usize],
            };
            new.extend(word.to_le_bytes());
        }
        new.truncate(old.len());
        file.write_all_at(&new, at).expect("a writable file");
        before.push((at, old));
    }
    before
}

fn any(pieces: &[Piece], random: &mut Random) -> Piece {
    pieces[usize::try_from(random.below(pieces.len() as u64)).expect("an index")]
}
