//! The store: whole whatever happens to its writers, small, and private.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coretool::base::file_store::FileStore;
use coretool::base::gap::Gaps;
use coretool::base::limits::Limits;
use coretool::dump;
use coretool::report::model::{Exported, KeptCrashes, ProcessInfo, Report};
use coretool::triage::digest::digest;
use coretool::triage::store::{Budget, Entry, KeepFree, Origin, Store, StoreError, Wanted};

use crate::support::random::Random;
use crate::support::scratch;
use crate::support::target::{Target, finished, text};

/// Where a child is to write, when a test calls this program.
const WRITER: &str = "CORETOOL_TEST_WRITER";

fn open(root: &Path) -> Store {
    Store::open(root, budget()).unwrap()
}

/// Bounds that nothing here passes: the disk of the tests may be nearly full.
fn budget() -> Budget {
    Budget { keep_free: KeepFree::Bytes(0), ..Budget::default() }
}

/// A crash of `program`, unlike every other with another `number`.
fn crash(program: &str, number: u32) -> Report {
    let process = ProcessInfo {
        pid: Some(number),
        executable: Some(format!("/opt/{program}")),
        ..ProcessInfo::default()
    };
    Report { process, verdict: format!("crash {number}"), ..Report::default() }
}

/// What is written as the core of crash `number`, so that a reader knows
/// whether all of it is there.
fn core_bytes(number: u32, len: usize) -> Vec<u8> {
    let mut random = Random::new(u64::from(number) + 1);
    let mut bytes: Vec<u8> = (0..len / 2).map(|_| random.below(256) as u8).collect();
    // Half of memory compresses well.
    bytes.resize(len, number as u8);
    bytes
}

/// Keeps crash `number` with a core of `len` bytes; `None`: without a core.
fn keep(
    store: &Store,
    program: &str,
    number: u32,
    len: Option<usize>,
) -> Result<String, StoreError> {
    let staged = match len {
        None => None,
        Some(len) => {
            let staged = store.stage()?;
            staged.core().write_all_at(&core_bytes(number, len), 0).unwrap();
            Some(staged)
        }
    };
    let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + u64::from(number));
    let mut report = crash(program, number);
    let saved = store.keep(staged, &mut report, &Origin::new(at, "test"))?;
    assert_eq!(report.saved.as_ref(), Some(&saved));
    Ok(saved.id)
}

/// Fails unless all of a listed crash is there.
fn assert_whole(store: &Store, listed: &Entry) {
    let entry = store.find(&listed.id).unwrap();
    let report = fs::read(entry.report()).unwrap();
    let manifest = fs::read(entry.directory.join("entry.json")).unwrap();
    assert!(digest(&manifest).starts_with(&entry.id));
    assert!(String::from_utf8(manifest).unwrap().contains(&digest(&report)));
    let report: Report = serde_json::from_slice(&report).unwrap();
    assert_eq!(report.verdict, entry.verdict);
    assert_eq!(entry.core, listed.core, "the index says what the files say");
    if let Some(core) = &entry.core {
        let name = core.path.file_name().unwrap().to_str().unwrap();
        if let Some(of_content) = name.strip_prefix("core-") {
            let bytes = fs::read(&core.path).unwrap();
            assert!(digest(&bytes).starts_with(of_content.strip_suffix(".zst").unwrap()));
        }
        let mut plain = tempfile::tempfile().unwrap();
        let length = store.unpack_core(&entry, &plain).unwrap();
        let mut bytes = Vec::new();
        plain.seek(SeekFrom::Start(0)).unwrap();
        plain.read_to_end(&mut bytes).unwrap();
        let length = usize::try_from(length).unwrap();
        assert!(bytes == core_bytes(entry.pid.unwrap(), length), "{}", entry.id);
    }
}

/// Fails unless the store is whole, and all that is on the disk is listed.
/// Returns how many crashes there are.
fn assert_sound(root: &Path) -> usize {
    let store = open(root);
    let entries = store.list(&Wanted::default()).unwrap();
    for entry in &entries {
        assert_whole(&store, entry);
    }
    let names = |path: &Path| {
        let mut names: Vec<String> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let mut ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
    ids.sort();
    assert_eq!(names(&root.join("crashes")), ids, "nothing but what is listed");
    assert_eq!(names(&root.join("incoming")), Vec::<String>::new(), "nothing is left over");
    for entry in &entries {
        let mut files = vec!["entry.json".to_owned(), "report.json".to_owned()];
        let core = entry.core.as_ref().map(|core| core.path.file_name().unwrap());
        files.extend(core.map(|name| name.to_str().unwrap().to_owned()));
        files.sort();
        assert_eq!(names(&entry.directory), files, "{}", entry.id);
    }
    entries.len()
}

/// The child that is killed. Not a test of its own: without its variable it
/// does nothing.
#[test]
fn writer_child() {
    let Some(root) = std::env::var_os(WRITER) else { return };
    let (mut number, seed) = (1, std::process::id());
    let mut random = Random::new(u64::from(seed));
    let store = open(Path::new(&root));
    println!("ready");
    loop {
        number += 1;
        let len = match random.below(4) {
            0 => None,
            1 => Some(2 << 20),
            _ => Some(3000),
        };
        let program = format!("p{}", random.below(3));
        let id = keep(&store, &program, seed.wrapping_mul(1000) + number, len).unwrap();
        match random.below(6) {
            0 => store.remove(&id).unwrap(),
            1 => store.drop_core(&id).unwrap(),
            2 | 3 => store.compress(&id).unwrap(),
            4 => {
                let small = Budget { total: 3_000_000, ..budget() };
                store.prune(&small, SystemTime::now()).map(drop).unwrap();
            }
            _ => drop(store.count("loop", "p0", SystemTime::now()).unwrap()),
        }
    }
}

/// Starts [`writer_child`], and waits until it writes.
fn writer(root: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::writer_child", "--nocapture", "--test-threads=1"])
        .env(WRITER, root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let mut out = child.stdout.take().unwrap();
    while !said.ends_with(b"ready\n") {
        let mut byte = [0];
        assert_eq!(out.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
    }
    // It says no more, and keeps its end open.
    child.stdout = Some(out);
    child
}

#[test]
fn two_hundred_killed_writers_leave_nothing_half() {
    let directory = scratch::directory("killed");
    let root = directory.path().join("store");
    let mut random = Random::new(9);
    let mut most = 0;
    let counted =
        |store: &Store| -> u64 { store.counts().unwrap().iter().map(|count| count.count).sum() };
    let mut before = 0;
    for round in 0..200 {
        let mut child = writer(&root);
        // Somewhere within the first dozens of operations.
        std::thread::sleep(Duration::from_micros(random.below(40_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = assert_sound(&root);
        most = most.max(kept);
        let now = counted(&open(&root));
        assert!(now >= before, "round {round}: counts are for ever");
        before = now;
        if kept > 60 {
            let store = open(&root);
            let small = Budget { total: 400_000, ..budget() };
            store.prune(&small, SystemTime::now()).unwrap();
        }
    }
    assert!(most > 10 && before > 200, "they wrote something: {most}, {before}");
}

#[test]
fn eight_writers_at_once() {
    let directory = scratch::directory("writers");
    let root = directory.path().join("store");
    std::thread::scope(|scope| {
        for writer in 0..8_u32 {
            let root = &root;
            scope.spawn(move || {
                let store = open(root);
                for number in 0..25 {
                    let id = keep(&store, "p", writer * 100 + number, Some(5000)).unwrap();
                    store.find(&id).unwrap();
                    if number % 5 == 0 {
                        store.remove(&id).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(assert_sound(&root), 8 * 20);
    let counts = open(&root).counts().unwrap();
    assert_eq!(counts.iter().map(|count| count.count).sum::<u64>(), 200);
}

#[test]
fn a_damaged_index_is_made_anew() {
    let directory = scratch::directory("index");
    let root = directory.path().join("store");
    let index = root.join("index.sqlite");
    let mut number = 0;
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("gone", |index| fs::remove_file(index).unwrap()),
        ("empty", |index| fs::write(index, b"").unwrap()),
        ("text", |index| fs::write(index, b"this is no database at all".repeat(400)).unwrap()),
        ("overwritten within", |index| {
            let file = File::options().write(true).open(index).unwrap();
            let length = file.metadata().unwrap().len();
            let noise = vec![0xa5; 3000];
            for at in (100..length).step_by(4096) {
                file.write_all_at(&noise, at).unwrap();
            }
        }),
    ];
    for (name, damage) in damages {
        let store = open(&root);
        for _ in 0..5 {
            number += 1;
            keep(&store, "p", number, Some(2000)).unwrap();
        }
        let gone = keep(&store, "removed", 1000 + number, None).unwrap();
        store.remove(&gone).unwrap();
        let before = store.counts().unwrap();
        // A store that is open meanwhile goes on.
        let idle = (name != "empty").then_some(store);
        damage(&index);
        if let Some(store) = idle {
            number += 1;
            keep(&store, "p", number, None).unwrap();
        }
        assert_eq!(assert_sound(&root), number as usize, "{name}");
        let after = open(&root).counts().unwrap();
        for count in &before {
            let now = after.iter().find(|now| now.key == count.key).map_or(0, |now| now.count);
            // Of one of the programs none was removed.
            let want = if count.program == "p" { u64::from(number) } else { count.count };
            assert_eq!(now, want, "{name}: {count:?}");
        }
    }
}

#[test]
fn an_open_store_outlives_its_index() {
    let directory = scratch::directory("replaced");
    let root = directory.path().join("store");
    let (first, id) = {
        let store = open(&root);
        let id = keep(&store, "p", 1, None).unwrap();
        (store, id)
    };
    fs::remove_file(root.join("index.sqlite")).unwrap();
    let second = open(&root);
    assert_eq!(second.find(&id).unwrap().pid, Some(1));
    keep(&second, "p", 2, None).unwrap();
    keep(&first, "p", 3, None).unwrap();
    assert_eq!(second.list(&Wanted::default()).unwrap().len(), 3);
    drop((first, second));
    assert_eq!(assert_sound(&root), 3);
}

#[test]
fn budgets_hold_when_a_crash_is_kept() {
    let directory = scratch::directory("budget");
    let root = directory.path().join("store");
    let small = Budget { total: 10_000_000, per_program: 7_500_000, ..budget() };
    let store = Store::open(&root, small).unwrap();
    let cores = |program: &str| {
        let wanted = Wanted { program: Some(program.to_owned()), ..Wanted::default() };
        let entries = store.list(&wanted).unwrap();
        let with_core = entries.iter().filter(|entry| entry.core.is_some());
        (entries.len(), with_core.map(|entry| entry.pid.unwrap()).collect::<Vec<_>>())
    };
    for number in 1..=4 {
        keep(&store, "a", number, Some(2 << 20)).unwrap();
    }
    assert_eq!(cores("a"), (4, vec![4, 3, 2]), "the oldest core of the program went");
    for number in 5..=6 {
        keep(&store, "b", number, Some(2 << 20)).unwrap();
    }
    assert_eq!((cores("a"), cores("b")), ((4, vec![4, 3]), (2, vec![6, 5])), "the oldest of all");

    // A core that has no room at all is not kept, and that is said.
    let staged = store.stage().unwrap();
    staged.core().write_all_at(&core_bytes(7, 8 << 20), 0).unwrap();
    let mut report = crash("c", 7);
    let origin = Origin::new(SystemTime::now(), "test");
    let saved = store.keep(Some(staged), &mut report, &origin).unwrap();
    assert_eq!(saved.core, None);
    assert!(report.gaps[0].why.contains("budget"), "{:?}", report.gaps);
    let kept: Report = serde_json::from_slice(&fs::read(saved.report.unwrap()).unwrap()).unwrap();
    assert_eq!(kept.gaps, report.gaps, "the kept report says it, too");

    // On a disk that is to stay freer than it can be, only reports are kept.
    let greedy = Budget { keep_free: KeepFree::Bytes(u64::MAX / 2), ..Budget::default() };
    let store = Store::open(&root, greedy).unwrap();
    let staged = store.stage().unwrap();
    let mut report = crash("d", 8);
    let saved = store.keep(Some(staged), &mut report, &origin).unwrap();
    assert_eq!(saved.core, None);
    assert!(report.gaps[0].why.contains("free"), "{:?}", report.gaps);
}

#[test]
fn a_crash_loop_costs_counts() {
    let directory = scratch::directory("counts");
    let root = directory.path().join("store");
    let store = open(&root);
    let files = || fs::read_dir(&root).unwrap().count();
    let now = SystemTime::now();
    assert_eq!(store.count("key", "server", now).unwrap(), 1);
    let before = files();
    for number in 2..=500 {
        assert_eq!(store.count("key", "server", now).unwrap(), number);
    }
    assert_eq!(files(), before);
    assert_eq!(store.list(&Wanted::default()).unwrap(), []);
    // Equal crashes are counted together, kept or not.
    let id = keep(&store, "p", 1, None).unwrap();
    keep(&store, "p", 2, None).unwrap();
    assert_eq!(store.find(&id).unwrap().count, 2);
    store.remove(&id).unwrap();
    assert_eq!(store.list(&Wanted::default()).unwrap()[0].count, 2);
}

#[test]
fn ids_name_one_crash_or_none() {
    let directory = scratch::directory("ids");
    let root = directory.path().join("store");
    let store = open(&root);
    assert!(matches!(store.find("latest"), Err(StoreError::Empty)));
    let first = keep(&store, "p", 1, None).unwrap();
    let second = keep(&store, "p", 2, None).unwrap();
    let same = keep(&store, "p", 2, None).unwrap();
    assert_ne!(same, first, "a second crash that looks the same is another one: {second}");
    assert_eq!(store.find(&first[..8]).unwrap().id, first);
    assert_eq!(store.find(&first.to_uppercase()).unwrap().id, first);
    assert_eq!(store.find("latest").unwrap().pid, Some(2));
    assert_eq!(store.find_process(2, 5).unwrap(), None);
    let hostile = [
        "",
        "..",
        "../..",
        "/etc/passwd",
        "%",
        "a_c_",
        "'; DROP TABLE entries; --",
        "abc",
        "latest\0",
        "0123456789abcdef0",
        "\u{1b}[2J",
        "core",
    ];
    for id in hostile {
        assert!(matches!(store.find(id), Err(StoreError::NoSuchCrash { .. })), "{id:?}");
        assert!(store.remove(id).is_err() && store.compress(id).is_err(), "{id:?}");
    }
    assert!(store.list(&Wanted::default()).unwrap().len() >= 2);
}

#[test]
fn what_is_kept_is_private() {
    let directory = scratch::directory("private");
    let root = directory.path().join("state/coretool");
    let store = open(&root);
    let id = keep(&store, "p", 1, Some(2 << 20)).unwrap();
    let mut origin = Origin::new(SystemTime::now(), "test");
    origin.sidecar = Some(b"{}".to_vec());
    let staged = store.stage().unwrap();
    store.keep(Some(staged), &mut crash("p", 2), &origin).unwrap();
    store.count("key", "p", SystemTime::now()).unwrap();
    let mut left = vec![root.clone()];
    let mut seen = 0;
    while let Some(path) = left.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let want = if found.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(found.mode() & 0o777, want, "{}", path.display());
        if found.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        seen += 1;
    }
    assert!(seen > 10, "{seen}");

    // A place that others may write to is refused.
    drop(store);
    fs::set_permissions(&root, Permissions::from_mode(0o770)).unwrap();
    let refused = Store::open(&root, budget()).unwrap_err();
    assert!(refused.to_string().contains("others may write"), "{refused}");
    fs::set_permissions(&root, Permissions::from_mode(0o700)).unwrap();
    assert!(open(&root).find(&id).is_ok());
    // So is a place that somebody else prepared.
    let aside = root.join("crashes.aside");
    fs::rename(root.join("crashes"), &aside).unwrap();
    std::os::unix::fs::symlink("/tmp", root.join("crashes")).unwrap();
    assert!(matches!(Store::open(&root, budget()), Err(StoreError::Unsafe { .. })));
    fs::remove_file(root.join("crashes")).unwrap();
    fs::rename(&aside, root.join("crashes")).unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&root, &link).unwrap();
    let opened = Store::open(&link, budget());
    if nix::unistd::geteuid().is_root() {
        assert!(opened.unwrap_err().to_string().contains("symbolic link"));
        std::os::unix::fs::chown(&root, Some(65534), None).unwrap();
        let refused = Store::open(&root, budget()).unwrap_err();
        assert!(refused.to_string().contains("belongs to user 65534"), "{refused}");
        std::os::unix::fs::chown(&root, Some(0), None).unwrap();
    } else {
        assert!(opened.is_ok(), "a user may have it on another disk");
    }
}

/// Runs this program's test `name` once more, in its own mount namespace with
/// a small file system at `at`.
fn on_a_small_disk(name: &str, at: &Path, size: &str) -> std::process::Output {
    fs::create_dir_all(at).unwrap();
    let script = format!(
        "mount -t tmpfs -o size={size},mode=700 tmpfs '{}' && exec '{}' --exact {name} --nocapture",
        at.display(),
        std::env::current_exe().unwrap().display()
    );
    let mut command = Command::new("unshare");
    let flags: &[&str] =
        if nix::unistd::geteuid().is_root() { &["-m"] } else { &["-m", "-U", "-r"] };
    finished(command.args(flags).args(["sh", "-c", &script]).env(WRITER, at))
}

#[test]
fn a_full_disk_loses_cores_before_reports_and_no_list() {
    let directory = scratch::directory("full");
    let output = on_a_small_disk("store::full_disk_child", &directory.path().join("disk"), "3m");
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && said.contains("it was full"), "{said}");
}

/// What the test above runs on its small disk.
#[test]
fn full_disk_child() {
    let Some(disk) = std::env::var_os(WRITER) else { return };
    let root = Path::new(&disk).join("store");
    let store = open(&root);
    let first = keep(&store, "p", 1, Some(400_000)).unwrap();
    let mut kept = vec![first];
    let (mut refused, mut without_core) = (0, 0);
    for number in 2..400 {
        let staged = store.stage().and_then(|staged| {
            let bytes = core_bytes(number, 300_000);
            staged.core().write_all_at(&bytes, 0).map_err(|source| StoreError::Io {
                what: "write",
                path: root.clone(),
                source,
            })?;
            Ok(staged)
        });
        let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + u64::from(number));
        let mut report = crash("p", number);
        match store.keep(staged.ok(), &mut report, &Origin::new(at, "test")) {
            Ok(saved) => {
                without_core += usize::from(saved.core.is_none());
                kept.push(saved.id);
            }
            Err(error) => {
                assert!(error.is_full(), "{error:?}");
                refused += 1;
            }
        }
        if refused > 20 {
            break;
        }
    }
    assert!(without_core > 0 && refused > 0, "{without_core} {refused}");
    println!("it was full: {} kept, {without_core} without their cores", kept.len());
    drop(store);
    // On the full disk everything can be read,
    let store = open(&root);
    let listed = store.list(&Wanted::default()).unwrap();
    for id in &kept {
        assert!(listed.iter().any(|entry| entry.id == *id), "{id} is lost");
    }
    for entry in &listed {
        assert_whole(&store, entry);
    }
    // removed,
    let before = listed.len();
    for id in kept.iter().take(3) {
        store.remove(id).unwrap();
    }
    drop(store);
    // and kept again.
    let store = open(&root);
    keep(&store, "p", 1000, None).unwrap();
    drop(store);
    assert_eq!(assert_sound(&root), before - 3 + 1);
}

#[test]
fn ten_thousand_crashes_are_listed_at_once() {
    let directory = scratch::directory("many");
    let root = directory.path().join("state/coretool");
    let store = open(&root);
    // One real crash, and copies of its files: the index is made of them.
    let id = keep(&store, "p", 1, None).unwrap();
    let entry = store.find(&id).unwrap();
    let manifest = fs::read_to_string(entry.directory.join("entry.json")).unwrap();
    drop(store);
    for number in 2..=10_000 {
        let at = format!("\"at\": {}", 1_600_000_000_000_u64 + number);
        let from = manifest.find("\"at\": ").unwrap();
        let to = from + manifest[from..].find(',').unwrap();
        let copy = format!("{}{at}{}", &manifest[..from], &manifest[to..]);
        let directory = root.join("crashes").join(&digest(copy.as_bytes())[..12]);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("entry.json"), copy).unwrap();
        fs::hard_link(entry.report(), directory.join("report.json")).unwrap();
    }
    fs::remove_file(root.join("index.sqlite")).unwrap();
    assert_eq!(open(&root).list(&Wanted::default()).unwrap().len(), 10_000);
    // The time of the whole command, the fastest of some: others run, too.
    let took = |words: &[&str]| {
        let times = (0..7).map(|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
            command.arg("list").args(words).env("XDG_STATE_HOME", directory.path().join("state"));
            let start = Instant::now();
            let output = command.output().unwrap();
            let took = start.elapsed();
            assert!(output.status.success(), "{}", text(&output.stderr));
            (took, output.stdout)
        });
        times.min_by_key(|(took, _)| *took).unwrap()
    };
    let (all, out) = took(&[]);
    assert_eq!(text(&out).lines().count(), 10_001);
    let (few, out) = took(&["-n", "20"]);
    assert_eq!(text(&out).lines().count(), 21);
    println!("list of 10,000: {all:?}, of 20: {few:?}");
    assert!(few < Duration::from_millis(500) && all < Duration::from_secs(2), "{all:?} {few:?}");
}

/// `coretool` with the store of `target`.
fn coretool(target: &Target, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    let output = finished(command.args(words));
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_kept_crash_is_shown_opened_and_copied_out() {
    let target = Target::new("threads");
    assert_eq!(coretool(&target, &["list"]).1, "", "nothing is kept yet");
    assert!(coretool(&target, &["list"]).2.contains("coretool run"));
    assert!(target.kept().is_empty(), "looking makes nothing");
    let run = target.run(&[], &["3"]);
    let report = run.report();
    let id = report.saved.as_ref().unwrap().id.as_str();

    let (status, list, _) = coretool(&target, &["list"]);
    assert_eq!((status, list.lines().count()), (Some(0), 2), "{list}");
    assert!(list.contains(id) && list.contains("threads") && list.contains("SIGSEGV"), "{list}");
    let (_, shown, _) = coretool(&target, &["show", id, "--format", "json"]);
    assert_eq!(serde_json::from_str::<Report>(&shown).unwrap(), *report);
    let (_, shown, _) = coretool(&target, &["show", "--registers"]);
    assert!(shown.starts_with("CRASH  SIGSEGV") && shown.contains("rip"), "{shown}");

    // The stored core is read as every other, by its path and by its id.
    let (_, path, _) = coretool(&target, &["path", &id[..6]]);
    assert!(path.trim().ends_with(".zst"), "{path}");
    let (_, paths, _) = coretool(&target, &["path", id, "--format", "json"]);
    let paths: KeptCrashes = serde_json::from_str(&paths).unwrap();
    let [kept] = paths.crashes.as_slice() else { panic!("{paths:?}") };
    assert_eq!(kept.id, id);
    assert_eq!(kept.core.as_ref().map(|core| core.path.as_str()), Some(path.trim()));
    let core = target.unpacked(&target.kept()[0], "unpacked");
    let answers = |core: &str| {
        let (status, analyzed, said) = coretool(&target, &["analyze", "--format", "json", core]);
        assert_eq!(status, Some(0), "{said}");
        let mut analyzed: Report = serde_json::from_str(&analyzed).unwrap();
        let compressed = analyzed.source.compressed.take();
        analyzed.source.path = None;
        let what = coretool(&target, &["what", core, "$rsp"]);
        let memory = coretool(&target, &["memory", core, "$rsp", "4096"]);
        let print = coretool(&target, &["print", core, "$rip", "*(char(*)[64])$rsp"]);
        assert_eq!((what.0, memory.0, print.0), (Some(0), Some(0), Some(0)));
        (compressed, (analyzed, what, memory, print))
    };
    let (compressed, want) = answers(core.to_str().unwrap());
    assert_eq!(compressed, None);
    for name in [path.trim(), id, "latest"] {
        let (compressed, got) = answers(name);
        assert_eq!(compressed, Some(true), "{name}");
        assert!(got == want, "{name}");
    }

    let gdb = ["debug", id, "--with", "gdb", "--", "-nx", "-batch", "-ex", "thread apply all bt 8"];
    let (_, said, talk) = coretool(&target, &gdb);
    assert_eq!(said.matches(" worker (").count(), 3, "{said}{talk}");
    let (status, said, talk) =
        coretool(&target, &["debug", id, "--with", "lldb", "--", "-b", "-o", "bt"]);
    assert!(status == Some(0) && said.contains("main"), "{said}{talk}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    let nowhere = finished(command.args(["debug", id]).env("PATH", "/nowhere"));
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("hint: install one"), "{}", text(&nowhere.stderr));

    for (to, core) in [("out", "out/core"), ("out.tar", "core.zst")] {
        let (status, said, _) = coretool(&target, &["export", id, to, "--format", "json"]);
        assert_eq!(status, Some(0));
        let said: Exported = serde_json::from_str(&said).unwrap();
        assert_eq!((said.id.as_str(), said.path.as_str()), (id, to));
        assert!(said.core.is_some());
        let place = target.directory.path();
        let mut core = place.join(core);
        if to.ends_with(".tar") {
            let tar = Command::new("tar").args(["xf", to]).current_dir(place).status().unwrap();
            assert!(tar.success());
            core = place.join(format!("coretool-{id}/core.zst"));
        }
        let (_, got) = answers(core.to_str().unwrap());
        assert!(got == want, "{to}");
        let (status, _, said) = coretool(&target, &["export", id, to]);
        assert!(status == Some(1) && said.contains("exists"), "{said}");
    }
    let (status, _, said) = coretool(&target, &["rm", id, "cafe"]);
    assert!(status == Some(1) && said.contains("cafe"), "{said}");
    assert_eq!(target.kept().len(), 1, "not all are there: none is removed");
    assert_eq!(coretool(&target, &["rm", "--core", id]).0, Some(0));
    let (status, _, said) = coretool(&target, &["analyze", id]);
    assert!(status == Some(1) && said.contains("no core"), "{said}");
    assert_eq!(coretool(&target, &["show", id]).0, Some(0));
    let (status, gone, _) = coretool(&target, &["rm", id, "--format", "json"]);
    let gone: KeptCrashes = serde_json::from_str(&gone).unwrap();
    assert_eq!((status, gone.crashes.len()), (Some(0), 1));
    assert_eq!(gone.crashes[0].id, id);
    assert!(target.kept().is_empty());
}

#[test]
fn pruning_says_what_goes_and_why() {
    let target = Target::new("blocked-fault");
    for _ in 0..2 {
        assert_eq!(target.run(&[], &[]).status, Some(139));
    }
    let prune = |words: &[&str]| -> serde_json::Value {
        let words = [&["prune", "--format", "json"], words].concat();
        let (status, out, said) = coretool(&target, &words);
        assert_eq!(status, Some(0), "{said}");
        serde_json::from_str(&out).unwrap()
    };
    let nothing = prune(&["--keep-free", "0"]);
    assert_eq!((&nothing["removed"], &nothing["freed"]), (&serde_json::json!([]), &0.into()));
    let dry = prune(&["--dry-run", "--max-age", "0s", "--keep-free", "0"]);
    assert_eq!(dry["removed"].as_array().unwrap().len(), 2);
    assert_eq!(dry["removed"][0]["why"], "age");
    assert_eq!(dry["removed"][0]["core_only"], true);
    assert!(target.store().list(&Wanted::default()).unwrap().iter().all(|it| it.core.is_some()));
    let gone = prune(&["--max-total", "0", "--keep-free", "0"]);
    assert_eq!((&gone["removed"][0]["core_only"], &gone["bytes"]), (&false.into(), &0.into()));
    assert!(target.kept().is_empty());
    for words in [["prune", "--max-total", "much"], ["prune", "--max-age", "old"]] {
        assert_eq!(coretool(&target, &words).0, Some(2), "{words:?}");
    }
}

#[test]
fn a_damaged_core_is_damaged_and_not_false() {
    let directory = scratch::directory("damaged");
    let root = directory.path().join("store");
    let store = open(&root);
    let mut core = vec![0; 3 << 20];
    core[..4].copy_from_slice(b"\x7fELF");
    let staged = store.stage().unwrap();
    staged.core().write_all_at(&core, 0).unwrap();
    let origin = Origin::new(SystemTime::now(), "test");
    let saved = store.keep(Some(staged), &mut crash("p", 1), &origin).unwrap();
    store.compress(&saved.id).unwrap();
    let path: PathBuf = store.find(&saved.id).unwrap().core.unwrap().path;
    let whole = fs::read(&path).unwrap();
    let files = FileStore::new();
    // Whole, it is unpacked, and found to be no core.
    let said = |path: &Path| {
        let opened = dump::open(path, &files, &Limits::default(), &Gaps::new());
        opened.err().map(|error| format!("{error} {:?}", error.hint())).unwrap_or_default()
    };
    assert!(said(&path).contains("class is 0"), "{}", said(&path));
    // Cut, it has lost its table, and is read from its beginning: all is there.
    let cut = directory.path().join("cut.zst");
    fs::write(&cut, &whole[..whole.len() - 1]).unwrap();
    assert!(said(&cut).contains("class is 0"), "{}", said(&cut));
    let mut file = File::create(directory.path().join("x")).unwrap();
    file.write_all(b"x").unwrap();
    // Damaged within, the first frame is absent.
    let mut bytes = whole.clone();
    bytes[20] ^= 0xff;
    fs::write(&cut, &bytes).unwrap();
    assert!(said(&cut).contains("damaged") && !said(&cut).contains("empty"), "{}", said(&cut));
    // By its id it is not even begun with: the name tells.
    let entry = store.find(&saved.id).unwrap();
    store.check_core(&entry).unwrap();
    fs::write(&path, &bytes).unwrap();
    for refused in [store.check_core(&entry), store.unpack_core(&entry, &file).map(drop)] {
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
    }
}

#[test]
fn a_process_that_keeps_the_turn_holds_up_nobody() {
    let target = Target::new("blocked-fault");
    assert_eq!(target.run(&[], &[]).status, Some(139));
    let root = target.directory.path().join("state/coretool");
    let journal = File::options().read(true).write(true).open(root.join("journal")).unwrap();
    journal.lock().unwrap();
    // A word that somebody suspended has left there.
    journal.write_all_at(b"reconcile", 0).unwrap();
    let start = Instant::now();
    let (status, list, said) = coretool(&target, &["list"]);
    assert_eq!((status, list.lines().count()), (Some(0), 2), "{said}");
    assert_eq!(coretool(&target, &["show"]).0, Some(0));
    let looked = start.elapsed();
    let run = target.run(&[], &[]);
    assert_eq!(run.status, Some(139), "{}", run.stderr);
    let gaps = &run.report().gaps;
    let gap = gaps.iter().find(|gap| gap.missing == "the saved report").unwrap();
    assert!(gap.why.contains("another process"), "{gap:?}");
    let (status, _, said) = coretool(&target, &["rm", "latest"]);
    assert!(status == Some(1) && said.contains("hint: ") && said.contains("fuser"), "{said}");
    // Two of them waited; a look does not wait.
    assert!(looked < Duration::from_secs(4) && start.elapsed() < Duration::from_secs(40));
    // What waited is listed when that process is gone.
    drop(journal);
    assert_eq!(target.store().list(&Wanted::default()).unwrap().len(), 2);
    assert_eq!(assert_sound_names(&root), 2);
}

/// How many crashes there are, when nothing is left over.
fn assert_sound_names(root: &Path) -> usize {
    assert_eq!(fs::read_dir(root.join("incoming")).unwrap().count(), 0);
    fs::read_dir(root.join("crashes")).unwrap().count()
}

#[test]
fn removals_at_once_disturb_no_count() {
    let directory = scratch::directory("removals");
    let root = directory.path().join("store");
    let store = open(&root);
    let ids: Vec<String> = (0..24).map(|number| keep(&store, "p", number, None).unwrap()).collect();
    std::thread::scope(|scope| {
        for id in &ids {
            let root = &root;
            scope.spawn(move || open(root).remove(id).unwrap());
        }
    });
    let saved = fs::read_to_string(root.join("counts.json")).unwrap();
    assert!(saved.contains("\"count\":24"), "the last one wrote what was true: {saved}");
    assert_eq!(assert_sound(&root), 0);
}

#[test]
fn a_limit_on_files_costs_the_core_and_not_the_report() {
    let target = Target::new("blocked-fault");
    let mut command = Command::new("sh");
    target.prepare(&mut command);
    // In units of 512 or 1024 bytes: less than a core, more than a report.
    let script = "ulimit -f 60; exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_coretool"), "run"]).arg(&target.program);
    let output = finished(&mut command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(139), "{said}");
    assert!(said.contains("CRASH  SIGSEGV"), "{said}");

    // The program itself is killed by that signal, as without us.
    let mut command = Command::new("sh");
    target.prepare(&mut command);
    let script = "ulimit -f 60; exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_coretool"), "run", "sh", "-c"]);
    let output = finished(command.arg("head -c 1000000 /dev/zero > big; exit $?"));
    assert_eq!(output.status.code(), Some(128 + 25), "{}", text(&output.stderr));
}

#[test]
fn another_core_in_the_place_of_one_is_not_taken_for_it() {
    let target = Target::new("blocked-fault");
    let first = target.run(&["--core", "c1"], &[]);
    let id = first.report().saved.as_ref().unwrap().id.clone();
    assert_eq!(coretool(&target, &["analyze", &id]).0, Some(0));
    let second = target.run(&["--core", "c1", "--force"], &[]);
    let newer = second.report().saved.as_ref().unwrap().id.clone();
    for words in [vec!["analyze", &id], vec!["path", &id], vec!["print", &id, "$rip"]] {
        let (status, _, said) = coretool(&target, &words);
        assert!(status == Some(1) && said.contains("is another file now"), "{words:?}: {said}");
    }
    assert_eq!(coretool(&target, &["analyze", &newer]).0, Some(0));
    assert_eq!(coretool(&target, &["show", &id]).0, Some(0));
    for id in [&id, &newer] {
        let (status, _, said) = coretool(&target, &["rm", "--core", id]);
        assert!(status == Some(0) && said.contains("not in the store, and stays"), "{said}");
    }
    assert!(target.directory.path().join("c1").exists());
}

#[test]
fn one_damaged_crash_keeps_nobody_from_the_others() {
    let directory = scratch::directory("odd");
    let root = directory.path().join("store");
    let store = open(&root);
    let old = keep(&store, "p", 1, None).unwrap();
    let new = keep(&store, "p", 2, None).unwrap();
    fs::create_dir_all(root.join("crashes/aaaaaaaaaaaa/entry.json")).unwrap();
    let pipe = root.join("crashes/bbbbbbbbbbbb");
    fs::create_dir(&pipe).unwrap();
    nix::unistd::mkfifo(&pipe.join("entry.json"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(store.find(&new).unwrap().directory.join("entry.json"), "garbage").unwrap();
    assert_eq!(store.find("latest").unwrap().id, old, "the newest that can be read");
    store.prune(&budget(), SystemTime::now()).unwrap();
    fs::remove_file(root.join("index.sqlite")).unwrap();
    drop(store);
    let store = open(&root);
    assert_eq!(store.list(&Wanted::default()).unwrap().len(), 1);
    let named: Vec<String> = store.damaged().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(named.len(), 3, "{named:?}");
    for id in ["aaaaaaaaaaaa", "bbbbbbbbbbbb", &new] {
        let error = store.find(id).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains(id), "{error:?}");
        store.remove(id).unwrap();
    }
    // A report that is no file, is too large, or was changed.
    let entry = store.find(&old).unwrap();
    assert!(entry.read_report().unwrap().1);
    let report = fs::read(entry.report()).unwrap();
    fs::write(entry.report(), [&report[..], b" "].concat()).unwrap();
    assert!(!entry.read_report().unwrap().1, "changed");
    File::create(entry.report()).unwrap().set_len(3 << 30).unwrap();
    assert!(matches!(entry.read_report(), Err(StoreError::Damaged { .. })));
    fs::remove_file(entry.report()).unwrap();
    nix::unistd::mkfifo(&entry.report(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(entry.read_report(), Err(StoreError::Damaged { .. })));
    fs::remove_file(entry.report()).unwrap();
    fs::write(entry.report(), report).unwrap();
    assert_eq!(assert_sound(&root), 1);
}

#[test]
fn an_index_of_odd_content_is_made_anew() {
    let directory = scratch::directory("contents");
    let root = directory.path().join("store");
    let index = root.join("index.sqlite");
    keep(&open(&root), "p", 1, None).unwrap();
    let damages = [
        "DROP TABLE counts",
        "DROP TABLE notes",
        "DROP TABLE entries",
        "UPDATE entries SET verdict = x'ff00'",
        "UPDATE counts SET count = 1.5e300",
    ];
    for damage in damages {
        rusqlite::Connection::open(&index).unwrap().execute_batch(damage).unwrap();
        let store = open(&root);
        assert_eq!(store.list(&Wanted::default()).unwrap().len(), 1, "{damage}");
        assert_eq!(store.counts().unwrap().len(), 1, "{damage}");
        assert!(store.count("other", "p", SystemTime::now()).unwrap() > 0);
        drop(store);
        let _gone = fs::remove_file(root.join("counts.json"));
        fs::remove_file(&index).unwrap();
        assert_eq!(assert_sound(&root), 1, "{damage}");
    }
    for _ in 0..2 {
        fs::remove_file(&index).unwrap();
        fs::create_dir_all(index.join("full")).unwrap();
        assert_eq!(assert_sound(&root), 1, "a directory");
    }
    // A count that nothing has: one more of it must not spoil the index.
    let store = open(&root);
    let key = store.list(&Wanted::default()).unwrap()[0].key.clone();
    drop(store);
    let count =
        format!(r#"[{{"key":"{key}","program":"p","count":{},"first":1,"last":2}}]"#, u64::MAX);
    fs::write(root.join("counts.json"), count).unwrap();
    fs::remove_file(&index).unwrap();
    for number in 2..5 {
        keep(&open(&root), "p", number, None).unwrap();
    }
    assert_eq!(assert_sound(&root), 4);
}

#[test]
fn a_leap_of_the_clock_takes_one_core_and_not_the_name_of_the_latest() {
    let directory = scratch::directory("clock");
    let root = directory.path().join("store");
    let aged = Budget { age: Some(Duration::from_secs(60 * 24 * 3600)), ..budget() };
    let store = Store::open(&root, Budget { age: None, ..aged.clone() }).unwrap();
    for number in 1..=4 {
        keep(&store, "p", number, Some(2000)).unwrap();
    }
    drop(store);
    let store = Store::open(&root, aged).unwrap();
    let origin = Origin::new(UNIX_EPOCH + Duration::from_secs(4_102_444_800), "test");
    store.keep(None, &mut crash("p", 5), &origin).unwrap();
    let with_core =
        store.list(&Wanted::default()).unwrap().iter().filter(|it| it.core.is_some()).count();
    assert_eq!(with_core, 3, "the oldest went");
    assert_eq!(store.find("latest").unwrap().pid, Some(4), "2100 is not now");
}

#[test]
fn an_umask_of_everything_leaves_a_store_that_works() {
    let target = Target::new("blocked-fault");
    let mut command = Command::new("sh");
    target.prepare(&mut command);
    fs::create_dir_all(target.directory.path().join("state")).unwrap();
    let script = "umask 0777; exec \"$0\" run \"$1\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_coretool")]).arg(&target.program);
    let output = finished(&mut command);
    assert_eq!(output.status.code(), Some(139), "{}", text(&output.stderr));
    let root = target.directory.path().join("state/coretool");
    for path in [&root, &root.join("crashes"), &target.kept()[0]] {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700, "{}", path.display());
    }
    for path in
        [root.join("journal"), root.join("index.sqlite"), target.kept()[0].join("entry.json")]
    {
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(fs::read_dir(root.join("incoming")).unwrap().count(), 0);
}

#[test]
fn a_store_that_may_only_be_read_is_looked_at() {
    let target = Target::new("blocked-fault");
    assert_eq!(target.run(&[], &[]).status, Some(139));
    let root = target.directory.path().join("state/coretool");
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && \
        \"$1\" list && \"$1\" show && \"$1\" path && ! \"$1\" rm latest";
    let mut command = Command::new("unshare");
    target.prepare(&mut command);
    let flags: &[&str] =
        if nix::unistd::geteuid().is_root() { &["-m"] } else { &["-m", "-U", "-r"] };
    command.args(flags).args(["sh", "-c", script]).arg(&root);
    let output = finished(command.arg(env!("CARGO_BIN_EXE_coretool")));
    let (out, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("CRASH  SIGSEGV"), "{out}{said}");
    assert!(said.contains("may only be read"), "{said}");
    assert_eq!(target.kept().len(), 1);
}

#[test]
fn the_newest_core_is_kept_on_a_full_disk() {
    let directory = scratch::directory("newest");
    let disk = directory.path().join("disk");
    let output = on_a_small_disk("store::newest_core_child", &disk, "3500k");
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && said.contains("6 cores came"), "{said}");
}

/// What the test above runs on its small disk.
#[test]
fn newest_core_child() {
    let Some(disk) = std::env::var_os(WRITER) else { return };
    let directory = scratch::directory("newest-child");
    let (source, program) = (directory.path().join("big.c"), directory.path().join("big"));
    // A megabyte that cannot be compressed.
    let code = "static unsigned b[1 << 18];\n\
        int main(void) { unsigned x = 1; for (int i = 0; i < 1 << 18; i++)\n\
        b[i] = x = x * 1664525 + 1013904223; *(volatile int *)0 = 1; return 0; }\n";
    fs::write(&source, code).unwrap();
    let compiled = Command::new("cc").arg("-o").args([&program, &source]).status().unwrap();
    assert!(compiled.success());
    for run in 1..=6 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
        command.env("XDG_STATE_HOME", &disk).stdin(Stdio::null()).arg("run").arg(&program);
        let output = finished(&mut command);
        let store = Store::open(&Path::new(&disk).join("coretool"), budget()).unwrap();
        let entries = store.list(&Wanted::default()).unwrap();
        let with_core = entries.iter().filter(|entry| entry.core.is_some()).count();
        assert!(entries[0].core.is_some(), "run {run}: {}", text(&output.stderr));
        assert_eq!(entries.len(), run, "all reports are there");
        assert!(with_core < 4, "they do not all fit: {with_core}");
    }
    println!("6 cores came");
}
