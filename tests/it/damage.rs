//! Damaged cores: each is cut at many lengths and has bytes flipped, in the core or
//! in its program's file. Whatever is left makes a report or a clean error, within
//! bounds of memory and time.
//!
//! The work is done by [`worker`] in a process of its own, since a limit on
//! memory can only be set for a process. `tests/fuzz/long.sh flips` runs many more
//! flips from other seeds.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use object::{Object as _, ObjectSection as _};

use coretool::analyze::Options;
use coretool::report::model::Report;
use coretool::report::render::json::{self, Layout};
use coretool::report::render::text::{self, TextOptions};

use crate::each_fixture::each_fixture;
use crate::support::builds::Build;
use crate::support::core_maker::{Core, gdb_core, kernel_core};
use crate::support::examination::report_of;
use crate::support::fixture::{self, Fixture};
use crate::support::random::Random;
use crate::support::worker::{Worker, note_case, number};

/// Lengths at which each core is cut.
const CUTS: u64 = 64;

/// Flips in all; each fixture gets its part.
const FLIPS: usize = 5_000;

each_fixture!(is_survived);

fn is_survived(fixture: &Fixture) {
    survives("damage::worker", &fixture.name, &undamaged(fixture));
}

/// Has a worker damage a core and its program, within limits.
pub(crate) fn survives(worker: &str, name: &str, core: &Core) {
    let worker = Worker { name: worker, label: name, case: &case_file(&core.path) };
    worker.survives(&[
        ("DAMAGE_CORE", core.path.as_os_str()),
        ("DAMAGE_PROGRAM", core.program.as_os_str()),
    ]);
}

/// Every byte of the table that leads to the unwind information, damaged in turn.
/// Its entries may then point before the section that they belong to.
#[test]
fn a_search_table_may_point_anywhere() {
    let fixture = fixture::named("null-pointer");
    let core = gdb_core(fixture, Build::plain(fixture)).0;
    let copy = core.path.with_extension("program");
    fs::copy(&core.program, &copy).expect("a program");
    let mut options = Options::default();
    options.symbols.executable = Some(copy.clone());
    let subject = Subject { core: &core.path, options };
    let bytes = fs::read(&copy).expect("the copy");
    let elf = object::File::parse(&*bytes).expect("an ELF file");
    let table = elf.section_by_name(".eh_frame_hdr").and_then(|section| section.file_range());
    let (start, length) = table.expect("a search table");
    let file = OpenOptions::new().write(true).open(&copy).expect("the copy");
    for at in start..start + length {
        let byte = bytes[usize::try_from(at).expect("within the file")];
        for damaged in [0, 0x80, 0xff] {
            file.write_all_at(&[damaged], at).expect("a writable file");
            explained(&subject);
        }
        file.write_all_at(&[byte], at).expect("a writable file");
    }
}

/// Half of the cores come from the kernel, where tests may have them: notes come
/// first there, and last in those of gdb. All kinds of builds take their turns.
fn undamaged(fixture: &Fixture) -> Core {
    let number = fixture::all().iter().position(|it| it.name == fixture.name).unwrap_or(0);
    let builds = Build::all(fixture);
    let build = builds[number / 2 % builds.len()];
    let kernel = (number % 2 == 0).then(|| kernel_core(fixture, build).ok()).flatten();
    kernel.unwrap_or_else(|| gdb_core(fixture, build).0)
}

/// Damages the core that `DAMAGE_CORE` names, and a copy of its program, again and
/// again.
#[test]
fn worker() {
    let Some(core) = env::var_os("DAMAGE_CORE").map(PathBuf::from) else { return };
    let program = env::var_os("DAMAGE_PROGRAM").map(PathBuf::from).expect("the program, too");
    let flips = number("DAMAGE_FLIPS", FLIPS) / fixture::all().len() / 2 + 1;
    let seed = number("DAMAGE_SEED", 1) as u64 * 1_000_003;

    let file = OpenOptions::new().read(true).write(true).open(&core).expect("a core");
    let places = Places::of_core(&file);
    let mut subject = Subject { core: &core, options: Options::default() };
    for round in 0..flips as u64 {
        flip(&subject, &file, &places, seed + round);
    }

    let copy = core.with_extension("program");
    fs::copy(&program, &copy).expect("a program");
    let program = OpenOptions::new().read(true).write(true).open(&copy).expect("the copy");
    let places = Places::of_program(&program);
    subject.options.symbols.executable = Some(copy);
    for round in 0..flips as u64 {
        flip(&subject, &program, &places, seed + round);
    }

    subject.options = Options::default();
    cut(&subject, &file);
}

/// What is analyzed.
pub(crate) struct Subject<'a> {
    pub(crate) core: &'a Path,
    pub(crate) options: Options,
}

/// Cuts the core shorter and shorter, so that it need not be written again.
fn cut(subject: &Subject<'_>, file: &File) {
    let length = file.metadata().expect("a file").len();
    let cuts = (0..CUTS / 2).map(|part| length / (CUTS / 2) * part);
    // Headers and notes are in the first pages: half of the cuts go there.
    let early = (0..CUTS / 2).map(|part| part * 64 + part * part * 16);
    let mut cuts: Vec<_> = cuts.chain(early).filter(|cut| *cut < length).collect();
    cuts.sort_unstable();
    for cut in cuts.into_iter().rev() {
        note_case(&case_file(subject.core), &format!("a cut at {cut} of {length} bytes"));
        file.set_len(cut).expect("a file can be cut");
        if let Some(report) = explained(subject) {
            assert_eq!(report.source.complete, Some(false), "a cut at {cut} is told");
        }
    }
}

/// Changes some bytes, analyzes, and changes them back.
fn flip(subject: &Subject<'_>, file: &File, places: &Places, seed: u64) {
    let mut random = Random::new(seed);
    let mut before = Vec::new();
    for _ in 0..1 + random.below(4) {
        let at = places.pick(&mut random);
        let mut byte = [0];
        if file.read_exact_at(&mut byte, at).is_err() {
            continue;
        }
        before.push((at, byte[0]));
        let changed = match random.below(3) {
            0 => 0xff,
            1 => byte[0] ^ (1 << random.below(8)),
            _ => random.below(256) as u8,
        };
        file.write_all_at(&[changed], at).expect("a writable file");
    }
    let which = if subject.options.symbols.executable.is_some() { "program" } else { "core" };
    note_case(
        &case_file(subject.core),
        &format!("seed {seed}, bytes {before:?} of the {which} changed"),
    );
    explained(subject);
    for (at, byte) in before.into_iter().rev() {
        file.write_all_at(&[byte], at).expect("a writable file");
    }
}

/// Where damage is worth while.
struct Places {
    /// Starts and lengths of tables.
    tables: Vec<(u64, u64)>,
    /// Starts of the pages that are not all zero.
    pages: Vec<u64>,
    /// Parts of the damage: one goes to each table, the rest to the pages.
    shares: u64,
}

const PAGE: u64 = 4096;

impl Places {
    /// Headers, notes and memory.
    fn of_core(file: &File) -> Self {
        let headers = 64 + (word(file, 56) & 0xffff) * 56;
        // PT_NOTE is the first of the program headers: p_offset and p_filesz.
        let notes = (word(file, 64 + 8), word(file, 64 + 32));
        Self { tables: vec![(0, headers), notes], pages: used_pages(file), shares: 3 }
    }

    /// Headers, and everything: mostly debug information.
    fn of_program(file: &File) -> Self {
        let (sections, count) = (word(file, 40), word(file, 60) & 0xffff);
        Self {
            tables: vec![(0, 64 + 13 * 56), (sections, count * 64)],
            pages: used_pages(file),
            shares: 10,
        }
    }

    fn pick(&self, random: &mut Random) -> u64 {
        let place = random.below(self.shares);
        match usize::try_from(place).ok().and_then(|place| self.tables.get(place)) {
            Some((start, length)) => start + random.below(*length),
            None => {
                let page = random.below(self.pages.len() as u64);
                self.pages[usize::try_from(page).expect("an index")] + random.below(PAGE)
            }
        }
    }
}

fn word(file: &File, at: u64) -> u64 {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, at).map(|()| u64::from_le_bytes(bytes)).unwrap_or_default()
}

fn used_pages(file: &File) -> Vec<u64> {
    let length = file.metadata().expect("a file").len();
    let mut page = [0; PAGE as usize];
    let is_used = |start: &u64| {
        file.read_exact_at(&mut page, *start).is_ok() && page.iter().any(|byte| *byte != 0)
    };
    (0..length / PAGE).map(|number| number * PAGE).filter(is_used).collect()
}

/// Analyzes, renders, and throws away. A panic is a failure; an error needs words.
pub(crate) fn explained(subject: &Subject<'_>) -> Option<Report> {
    let started = Instant::now();
    let analyzed = report_of(subject.core, &subject.options);
    // Only where nothing else runs: a busy machine is no finding.
    if env::var_os("DAMAGE_SECONDS").is_some() {
        let limit = Duration::from_secs(number("DAMAGE_SECONDS", 2) as u64);
        assert!(started.elapsed() < limit, "it took {:?}", started.elapsed());
    }
    match analyzed {
        Ok(report) => {
            for text in rendered(&report) {
                let is_bare = |letter: char| letter.is_control() && letter != '\n';
                assert!(!text.contains(is_bare), "a control character is not escaped");
            }
            Some(report)
        }
        Err(error) => {
            assert!(!error.starts_with("panicked"), "{error}");
            assert!(error.len() > 10, "`{error}` explains nothing");
            None
        }
    }
}

fn rendered(report: &Report) -> [String; 2] {
    let mut texts = [String::new(), String::new()];
    text::render(report, &TextOptions::default(), &mut texts[0]).expect("a string takes all");
    json::render(report, Layout::OneLine, &mut texts[1]).expect("a string takes all");
    texts
}

/// Where the worker says what it does, should it not come back.
pub(crate) fn case_file(core: &Path) -> PathBuf {
    core.with_extension("case")
}
