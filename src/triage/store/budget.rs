//! How much disk crashes may take.

use std::time::{Duration, SystemTime};

use super::entry::Entry;

/// Bounds on what is kept. Where one is passed, cores go first, the oldest
/// first; reports go when cores are not enough. Counts stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes on disk of all crashes.
    pub total: u64,
    /// Bytes on disk of all crashes of one program.
    pub per_program: u64,
    /// Cores older than this go.
    pub age: Option<Duration>,
    /// Bytes of the file system that stay free.
    pub keep_free: KeepFree,
}

/// How much of a file system stays free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepFree {
    /// So many bytes.
    Bytes(u64),
    /// A twentieth of the file system, but not more than 4 GB.
    Usual,
}

impl KeepFree {
    /// In bytes, on a file system of `size` bytes.
    pub fn bytes(self, size: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Usual => (size / 20).min(4_000_000_000),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            total: 4_000_000_000,
            per_program: 2_000_000_000,
            age: Some(Duration::from_secs(60 * 24 * 60 * 60)),
            keep_free: KeepFree::Usual,
        }
    }
}

/// What goes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The crash.
    pub id: String,
    /// Its program.
    pub program: String,
    /// Whether only its core goes, or all of it.
    pub core_only: bool,
    /// Bytes that this frees.
    pub bytes: u64,
    /// Which bound was passed.
    pub why: Reason,
}

/// The bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// [`Budget::age`].
    Age,
    /// [`Budget::per_program`].
    Program,
    /// [`Budget::total`].
    Total,
    /// [`Budget::keep_free`].
    KeepFree,
}

/// A crash while it is decided about.
struct Candidate<'e> {
    entry: &'e Entry,
    core: u64,
    report: u64,
}

/// What has to go from `entries`, the newest first, at the time `now`. `free`
/// are the free bytes and the size of the file system, where known. The crash
/// `protected` has just arrived, and is not touched.
pub(super) fn removals(
    entries: &[Entry],
    budget: &Budget,
    now: SystemTime,
    free: Option<(u64, u64)>,
    protected: Option<&str>,
) -> Vec<Removal> {
    // The oldest first.
    let mut candidates: Vec<Candidate<'_>> = entries
        .iter()
        .rev()
        .map(|entry| {
            let core = entry.core.as_ref().filter(|core| core.is_ours);
            Candidate { entry, core: core.map_or(0, |core| core.bytes), report: entry.report_bytes }
        })
        .collect();
    let mut gone = Vec::new();

    let oldest = budget.age.and_then(|age| now.checked_sub(age));
    for candidate in &mut candidates {
        let is_old = oldest.is_some_and(|oldest| candidate.entry.at < oldest);
        if is_old && candidate.core > 0 && protected != Some(&candidate.entry.id) {
            drop_core(candidate, Reason::Age, &mut gone);
        }
    }
    let mut programs: Vec<&str> = entries.iter().map(|entry| entry.program.as_str()).collect();
    programs.sort_unstable();
    programs.dedup();
    for program in programs {
        let of_program = |entry: &Entry| entry.program == program;
        let limit = budget.per_program;
        shrink(&mut candidates, &of_program, limit, Reason::Program, protected, &mut gone);
    }
    shrink(&mut candidates, &|_| true, budget.total, Reason::Total, protected, &mut gone);
    if let Some((free, size)) = free {
        let freed: u64 = gone.iter().map(|removal| removal.bytes).sum();
        let missing = budget.keep_free.bytes(size).saturating_sub(free.saturating_add(freed));
        let taken = candidates.iter().map(|it| it.core + it.report).sum::<u64>();
        let limit = taken.saturating_sub(missing);
        // Reports are small: without them nothing is known, and little is won.
        cores(&mut candidates, &|_| true, limit, Reason::KeepFree, protected, &mut gone);
    }
    gone
}

/// Drops cores, then whole crashes, until those that `belongs` chooses take no
/// more than `limit` bytes.
fn shrink(
    candidates: &mut Vec<Candidate<'_>>,
    belongs: &dyn Fn(&Entry) -> bool,
    limit: u64,
    why: Reason,
    protected: Option<&str>,
    gone: &mut Vec<Removal>,
) {
    let mut taken = cores(candidates, belongs, limit, why, protected, gone);
    candidates.retain(|candidate| {
        let is_next = taken > limit
            && belongs(candidate.entry)
            && protected != Some(candidate.entry.id.as_str());
        if is_next {
            taken = taken.saturating_sub(candidate.report);
            gone.retain(|removal| removal.id != candidate.entry.id);
            gone.push(removal(candidate.entry, false, candidate.entry.bytes(), why));
        }
        !is_next
    });
}

/// Drops cores only, and returns what is still taken.
fn cores(
    candidates: &mut [Candidate<'_>],
    belongs: &dyn Fn(&Entry) -> bool,
    limit: u64,
    why: Reason,
    protected: Option<&str>,
    gone: &mut Vec<Removal>,
) -> u64 {
    let mut taken: u64 =
        candidates.iter().filter(|it| belongs(it.entry)).map(|it| it.core + it.report).sum();
    for candidate in candidates.iter_mut().filter(|it| belongs(it.entry) && it.core > 0) {
        if taken <= limit {
            break;
        }
        if protected != Some(candidate.entry.id.as_str()) {
            taken = taken.saturating_sub(candidate.core);
            drop_core(candidate, why, gone);
        }
    }
    taken
}

fn drop_core(candidate: &mut Candidate<'_>, why: Reason, gone: &mut Vec<Removal>) {
    gone.push(removal(candidate.entry, true, candidate.core, why));
    candidate.core = 0;
}

fn removal(entry: &Entry, core_only: bool, bytes: u64, why: Reason) -> Removal {
    Removal { id: entry.id.clone(), program: entry.program.clone(), core_only, bytes, why }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::UNIX_EPOCH;

    use super::super::entry::CoreFile;
    use super::*;

    fn entry(id: &str, program: &str, day: u64, core: u64) -> Entry {
        let file = CoreFile {
            path: PathBuf::from("core"),
            bytes: core,
            is_compressed: true,
            is_ours: true,
        };
        Entry {
            id: id.to_owned(),
            directory: PathBuf::new(),
            at: UNIX_EPOCH + Duration::from_secs(day * 86_400),
            program: program.to_owned(),
            executable: None,
            pid: None,
            start_time: None,
            signal: None,
            verdict: String::new(),
            key: String::new(),
            count: 1,
            captured_by: String::new(),
            report_bytes: 10,
            core: (core > 0).then_some(file),
            replaced_core: None,
        }
    }

    #[test]
    fn the_oldest_cores_go_first() {
        let day = |days: u64| Duration::from_secs(days * 86_400);
        // The newest first; 4 reports of 10, cores of 100, 100, 100, 0.
        let kept = [
            entry("d", "p", 9, 100),
            entry("c", "q", 8, 100),
            entry("b", "p", 7, 100),
            entry("a", "p", 1, 0),
        ];
        let wide =
            Budget { total: 1000, per_program: 1000, age: None, keep_free: KeepFree::Bytes(0) };
        let space = Some((50, 1000));
        // (what, budget, what goes: `b` its core only, `b!` all of it)
        let cases = [
            ("nothing", wide.clone(), ""),
            ("one core", Budget { total: 300, ..wide.clone() }, "b"),
            ("all cores but the new one", Budget { total: 150, ..wide.clone() }, "b c"),
            ("reports, too", Budget { total: 125, ..wide.clone() }, "a! b! c"),
            ("of one program", Budget { per_program: 200, ..wide.clone() }, "b"),
            ("by age", Budget { age: Some(day(2)), ..wide.clone() }, "b"),
            ("a full disk", Budget { keep_free: KeepFree::Bytes(200), ..wide.clone() }, "b c"),
            (
                "freed twice, counted once",
                Budget { keep_free: KeepFree::Bytes(140), total: 300, ..wide.clone() },
                "b",
            ),
        ];
        for (name, budget, want) in cases {
            let now = UNIX_EPOCH + day(9) + Duration::from_secs(1);
            let mut gone: Vec<String> = removals(&kept, &budget, now, space, Some("d"))
                .iter()
                .map(|it| format!("{}{}", it.id, if it.core_only { "" } else { "!" }))
                .collect();
            gone.sort();
            assert_eq!(gone.join(" "), want, "{name}");
        }
    }
}
