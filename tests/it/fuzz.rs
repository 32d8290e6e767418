//! A short fuzz of each target under `tests/fuzz/targets`, from a corpus that our
//! own writers make. `tests/fuzz/long.sh` runs the same targets for longer, with a
//! fuzzer that sees which code it reaches.

use std::env;
use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::elf_core::{ElfCore, Load};
use crate::support::fixture;
use crate::support::minidump::{Minidump, MinidumpModule, MinidumpThread};
use crate::support::random::Random;
use crate::support::scratch;
use crate::support::worker::{Worker, note_case, number};
use targets::{Subject, TARGETS, Target, named};

#[path = "../fuzz/targets/mod.rs"]
mod targets;

/// Milliseconds of all targets together.
const MILLISECONDS: usize = 45_000;

/// A program with locals of many kinds, and its core.
const PROGRAM: &str = "values-optimized-c";

/// Makes the subject and a corpus in a directory: `core`, `program`, and a
/// directory of seeds for each target.
fn write_corpus(directory: &Path) {
    let fixture = fixture::named(PROGRAM);
    // An optimized one has lists of locations, too.
    let build = Build::all(fixture).into_iter().find(|build| build.is_optimized());
    let core = gdb_core(fixture, build.expect("an optimized build")).0;
    fs::copy(&core.path, directory.join("core")).unwrap();
    fs::copy(&core.program, directory.join("program")).unwrap();
    let subject = subject(directory);
    for target in TARGETS {
        let place = directory.join(target.name);
        fs::create_dir_all(&place).unwrap();
        let seeds = match target.name {
            "streams" => streams(),
            "minidump" => vec![minidump()],
            "store-index" => vec![store_index(&place)],
            _ => target.seed(&subject).into_iter().collect(),
        };
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(place.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}

fn subject(directory: &Path) -> Subject {
    let read = |name| fs::read(directory.join(name)).expect("the subject");
    Subject { core: read("core"), program: read("program") }
}

fn small_core() -> Vec<u8> {
    let mut core = ElfCore::of_one_thread(11, 0x1000, 0x7ffd_0000_0800);
    core.loads = vec![
        Load { address: 0x60_0000, size: 0x3000, bytes: vec![3; 0x3000], flags: 6 },
        Load { address: 0x7ffd_0000_0000, size: 0x1000, bytes: vec![7; 0x1000], flags: 6 },
    ];
    core.bytes()
}

/// The same small core in all that may be around it.
fn streams() -> Vec<Vec<u8>> {
    let core = small_core();
    let read = |mut reader: Box<dyn std::io::Read>| {
        let mut out = Vec::new();
        reader.read_to_end(&mut out).unwrap();
        out
    };
    let plain = || std::io::Cursor::new(core.clone());
    let gzip = read(Box::new(flate2::read::GzEncoder::new(plain(), flate2::Compression::fast())));
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut lz4, &core).unwrap();
    let zstd = zstd::bulk::compress(&core, 3).unwrap();
    let mut tar = vec![0; 512];
    tar[..4].copy_from_slice(b"core");
    tar[124..136].copy_from_slice(format!("{:011o}\0", core.len()).as_bytes());
    tar[156] = b'0';
    tar[257..262].copy_from_slice(b"ustar");
    tar[148..156].fill(b' ');
    let sum: u64 = tar.iter().map(|byte| u64::from(*byte)).sum();
    tar[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar.extend(&core);
    tar.resize(tar.len().next_multiple_of(512), 0);
    let report = format!("ProblemType: Crash\nCoreDump: base64\n {}\nSignal: 11\n", base64(&gzip));
    vec![
        zstd,
        lz4.finish().unwrap(),
        read(Box::new(liblzma::read::XzEncoder::new(plain(), 1))),
        read(Box::new(bzip2::read::BzEncoder::new(plain(), bzip2::Compression::fast()))),
        gzip,
        tar,
        report.into_bytes(),
        core,
    ]
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for piece in bytes.chunks(3) {
        let bits =
            (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(*piece.get(at).unwrap_or(&0)));
        for letter in 0..4_usize {
            let is_padding = letter > piece.len();
            let index = (bits >> (18 - 6 * letter)) & 63;
            out.push(if is_padding { '=' } else { char::from(LETTERS[index as usize]) });
        }
    }
    out
}

fn minidump() -> Vec<u8> {
    let mut registers = vec![0x1000; 27];
    registers[19] = 0x7ffd_0000_0100;
    let thread = |tid| MinidumpThread {
        tid,
        name: "a thread".to_owned(),
        registers: registers.clone(),
        stack: (0x7ffd_0000_0000, vec![1; 512]),
    };
    let module = MinidumpModule {
        base: 0x1000,
        size: 0x2000,
        path: "/usr/bin/program".to_owned(),
        build_id: Some(vec![7; 20]),
    };
    Minidump {
        threads: vec![thread(1), thread(2)],
        modules: vec![module],
        exception: Some((2, 11, 1, 0x18)),
        maps: "00001000-00003000 r-xp 00000000 08:01 7 /usr/bin/program\n".to_owned(),
        status: "Name:\tprogram\nPid:\t7\n".to_owned(),
        command_line: b"program\0-x\0".to_vec(),
        auxv: vec![(3, 0x1040), (0, 0)],
        memory: vec![(0x5000, vec![2; 64])],
        ..Minidump::default()
    }
    .bytes()
}

/// An index as the store makes it.
fn store_index(place: &Path) -> Vec<u8> {
    use coretool::triage::store::{Budget, Store};
    let root = place.join("made");
    drop(Store::open(&root, Budget::default()).expect("a new store"));
    let index = fs::read(root.join("index.sqlite")).expect("it has an index");
    fs::remove_dir_all(root).unwrap();
    index
}

/// Each target for its part of the time, in a process with limits.
#[test]
fn targets_survive() {
    let scratch = scratch::directory("fuzz");
    write_corpus(scratch.path());
    for target in TARGETS {
        let worker =
            Worker { name: "fuzz::worker", label: target.name, case: &case(scratch.path()) };
        worker.survives(&[
            ("FUZZ_TARGET", target.name.as_ref()),
            ("FUZZ_DIRECTORY", scratch.path().as_os_str()),
        ]);
    }
}

/// For `long.sh`: leaves a corpus in the directory that the environment names.
#[test]
fn corpus() {
    let Some(directory) = env::var_os("FUZZ_CORPUS") else { return };
    fs::create_dir_all(&directory).unwrap();
    write_corpus(Path::new(&directory));
}

fn case(directory: &Path) -> PathBuf {
    directory.join("case")
}

#[test]
fn worker() {
    let Some(directory) = env::var_os("FUZZ_DIRECTORY").map(PathBuf::from) else { return };
    let target = named(&env::var("FUZZ_TARGET").expect("a target, too"));
    let seeds = fs::read_dir(directory.join(target.name)).unwrap().flatten();
    let mut seeds: Vec<Vec<u8>> = seeds.map(|seed| fs::read(seed.path()).unwrap()).collect();
    seeds.sort();
    let time = number("FUZZ_MILLISECONDS", MILLISECONDS) / TARGETS.len();
    fuzz(target, &subject(&directory), &seeds, Duration::from_millis(time as u64), &directory);
}

fn fuzz(target: &Target, subject: &Subject, seeds: &[Vec<u8>], time: Duration, directory: &Path) {
    let until = Instant::now() + time;
    let first = number("FUZZ_SEED", 1) as u64 * 1_000_003;
    let mut round = 0;
    // The seeds themselves, whatever the time.
    for seed in seeds {
        target.run(subject, seed, directory);
    }
    while Instant::now() < until {
        note_case(&case(directory), &format!("{} with seed {}", target.name, first + round));
        let mut random = Random::new(first + round);
        let seed = &seeds[usize::try_from(random.below(seeds.len() as u64)).unwrap()];
        target.run(subject, &changed(seed, &mut random), directory);
        round += 1;
    }
    let _told = writeln!(std::io::stderr().lock(), "{}: {round} rounds", target.name);
}

/// A seed with some changes: bits, bytes, words that matter, pieces moved, cuts.
fn changed(seed: &[u8], random: &mut Random) -> Vec<u8> {
    const WORDS: [u64; 9] =
        [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX, u64::MAX - 0xfff];
    let mut bytes = seed.to_vec();
    for _ in 0..1 + random.below(6) {
        if bytes.is_empty() {
            break;
        }
        let mut index = |end: usize| usize::try_from(random.below(end.max(1) as u64)).unwrap();
        let at = index(bytes.len());
        match index(8) {
            0..=1 => bytes[at] ^= 1 << index(8),
            2..=3 => bytes[at] = index(256) as u8,
            4..=5 => {
                let size = [1, 2, 4, 8][index(4)].min(bytes.len() - at);
                let word = WORDS[index(WORDS.len())].to_le_bytes();
                bytes[at..at + size].copy_from_slice(&word[..size]);
            }
            6 => {
                let size = index(64).min(bytes.len() - at);
                let from = index(bytes.len() - size + 1);
                bytes.copy_within(from..from + size, at);
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
    bytes
}
