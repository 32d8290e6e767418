//! Values in hostile memory: the programs under `tests/values` with words changed
//! where their variables, containers and nodes lie, and with bytes changed in what
//! describes them: types, location expressions, location lists.
//!
//! Whatever is there makes a report within bounds of memory and time. As for
//! [`damage`](crate::damage), the work is done in a process of its own, and
//! `tests/fuzz/long.sh flips` runs more of it.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use coretool::analyze::Options;
use coretool::report::model::{Hex, Report, Value};
use object::{Object as _, ObjectSection as _};

use crate::damage::{Subject, case_file, explained, survives};
use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::fixture::{self, Fixture};
use crate::support::random::Random;
use crate::support::worker::{note_case, number};

/// Changes of memory, and as many of debug information, for each program.
const ROUNDS: usize = 40;

/// The sections that say what variables are and where.
const DESCRIPTIONS: &[&str] = &[
    ".debug_info",
    ".debug_abbrev",
    ".debug_loclists",
    ".debug_loc",
    ".debug_types",
    ".debug_addr",
    ".debug_rnglists",
    ".debug_str_offsets",
];

#[test]
fn every_program_is_survived() {
    for (number, program) in fixture::of_values().iter().enumerate() {
        // All kinds of builds take their turns.
        let builds = Build::all(program);
        is_survived(program, builds[number % builds.len()]);
    }
}

fn is_survived(program: &Fixture, build: Build) {
    let (core, _) = gdb_core(program, build);
    survives("damage_values::worker", &program.name, &core);
}

/// Damages the core that `DAMAGE_CORE` names, and a copy of its program, again and
/// again.
#[test]
fn worker() {
    let Some(core) = env::var_os("DAMAGE_CORE").map(PathBuf::from) else { return };
    let program = env::var_os("DAMAGE_PROGRAM").map(PathBuf::from).expect("the program, too");
    let rounds = number("DAMAGE_ROUNDS", ROUNDS) as u64;
    let seed = number("DAMAGE_SEED", 1) as u64 * 1_000_003;

    let mut subject = Subject { core: &core, options: Options::default() };
    let whole = explained(&subject).expect("a whole core is explained");
    let file = OpenOptions::new().read(true).write(true).open(&core).expect("a core");
    let memory = Memory::of(&file, &whole);
    assert!(memory.objects.len() > 3, "the program has variables in memory");
    for round in 0..rounds {
        let mut random = Random::new(seed + round);
        let before = memory.change(&file, &mut random);
        note_case(
            &case_file(&core),
            &format!("seed {}, words {before:x?} of the core changed", seed + round),
        );
        explained(&subject);
        for (at, word) in before.into_iter().rev() {
            file.write_all_at(&word.to_le_bytes(), at).expect("a writable file");
        }
    }

    let copy = core.with_extension("program");
    fs::copy(&program, &copy).expect("a program");
    let file = OpenOptions::new().read(true).write(true).open(&copy).expect("the copy");
    let sections = descriptions(&copy);
    assert!(sections.len() > 1, "the program has debug information");
    subject.options.symbols.executable = Some(copy);
    for round in 0..rounds {
        let mut random = Random::new(seed + round);
        let (start, length) = sections[random.below(sections.len() as u64) as usize];
        let at = start + random.below(length);
        let mut before = [0; 4];
        file.read_exact_at(&mut before, at).expect("within the file");
        let mut changed = before;
        for byte in changed.iter_mut().take(1 + random.below(3) as usize) {
            *byte = random.below(256) as u8;
        }
        note_case(
            &case_file(&core),
            &format!("seed {}, {before:x?} at {at:#x} changed", seed + round),
        );
        file.write_all_at(&changed, at).expect("a writable file");
        explained(&subject);
        file.write_all_at(&before, at).expect("a writable file");
    }
}

/// Where things lie in the file of a core.
struct Memory {
    /// Addresses of variables and their parts, with their places in the file.
    objects: Vec<(u64, u64)>,
}

impl Memory {
    fn of(file: &File, report: &Report) -> Self {
        let mut addresses = Vec::new();
        for variable in report
            .threads
            .iter()
            .flat_map(|thread| &thread.frames)
            .flat_map(|frame| frame.arguments.iter().chain(&frame.locals))
        {
            collect(&variable.value, &mut addresses);
        }
        addresses.sort_unstable();
        addresses.dedup();
        let segments = segments(file);
        let place = |address: u64| {
            let (start, _, offset) = segments
                .iter()
                .find(|(start, length, _)| (*start..start + length).contains(&address))?;
            Some((address, offset + (address - start)))
        };
        Self { objects: addresses.into_iter().filter_map(place).collect() }
    }

    /// Changes some words near objects, and says what was there.
    fn change(&self, file: &File, random: &mut Random) -> Vec<(u64, u64)> {
        let pick =
            |random: &mut Random| self.objects[random.below(self.objects.len() as u64) as usize];
        let mut before = Vec::new();
        for _ in 0..1 + random.below(3) {
            let (own, place) = pick(random);
            let at = place + random.below(6) * 8;
            let mut bytes = [0; 8];
            if file.read_exact_at(&mut bytes, at).is_err() {
                continue;
            }
            let word = u64::from_le_bytes(bytes);
            before.push((at, word));
            let changed = match random.below(9) {
                0 => 0,
                1 => 1,
                2 => u64::MAX,
                3 => 1 << 61,
                // Another object, or this one: cycles.
                4 => pick(random).0,
                5 => own,
                6 => word ^ (1 << random.below(64)),
                7 => word.wrapping_add(random.below(64)).wrapping_sub(32),
                _ => random.below(u64::MAX),
            };
            file.write_all_at(&changed.to_le_bytes(), at).expect("a writable file");
        }
        before
    }
}

fn collect(value: &Value, addresses: &mut Vec<u64>) {
    addresses.extend(value.address.map(|Hex(address)| address));
    if let Some(Hex(raw)) = value.raw {
        addresses.push(raw);
    }
    value.fields.iter().for_each(|field| collect(&field.value, addresses));
    value.elements.iter().for_each(|element| collect(element, addresses));
}

/// Start, length and place in the file of each loaded segment (gABI, program
/// header: p_type at 0, p_offset at 8, p_vaddr at 16, p_filesz at 32).
fn segments(file: &File) -> Vec<(u64, u64, u64)> {
    let word = |at| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at).map(|()| u64::from_le_bytes(bytes)).unwrap_or(0)
    };
    let headers = (0..word(56) & 0xffff).map(|number| 64 + number * 56);
    let loaded = headers.filter(|at| word(*at) & 0xffff_ffff == 1);
    loaded.map(|at| (word(at + 16), word(at + 32), word(at + 8))).collect()
}

/// Places and lengths of the sections that describe variables, where they are not
/// compressed.
fn descriptions(program: &std::path::Path) -> Vec<(u64, u64)> {
    let bytes = fs::read(program).expect("the copy");
    let elf = object::File::parse(&*bytes).expect("an ELF file");
    let named = |name: &&str| elf.section_by_name(name)?.file_range();
    DESCRIPTIONS.iter().filter_map(named).filter(|(_, length)| *length > 8).collect()
}
