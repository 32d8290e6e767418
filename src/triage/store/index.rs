//! The index: what `list` shows without opening a thousand files.
//!
//! It can be made anew from the files at any time. Counts of crashes that are
//! no longer kept are in it, and in `counts.json` beside it.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::entry::{CoreFile, Entry};
use super::error::StoreError;
use super::place;

/// Of the tables below. An index of another version is made anew.
const VERSION: i64 = 1;

/// How long one process waits for another's transaction.
const PATIENCE: Duration = Duration::from_secs(6);

/// A larger count is none: adding to it must not leave SQLite's integers.
const MOST_COUNT: u64 = 1 << 53;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS entries (
        id TEXT PRIMARY KEY, at INTEGER NOT NULL, program TEXT NOT NULL, executable TEXT,
        pid INTEGER, start_time INTEGER, signal TEXT, verdict TEXT NOT NULL, key TEXT NOT NULL,
        captured_by TEXT NOT NULL, report_bytes INTEGER NOT NULL,
        core_path TEXT, core_bytes INTEGER, core_compressed INTEGER, core_ours INTEGER
    );
    CREATE INDEX IF NOT EXISTS entries_by_time ON entries (at, id);
    CREATE INDEX IF NOT EXISTS entries_by_process ON entries (pid, start_time);
    CREATE INDEX IF NOT EXISTS entries_by_size
        ON entries (program, core_ours, core_bytes, report_bytes, at);
    CREATE INDEX IF NOT EXISTS entries_raw ON entries (at)
        WHERE core_ours AND NOT core_compressed;
    CREATE TABLE IF NOT EXISTS counts (
        key TEXT PRIMARY KEY, program TEXT NOT NULL, count INTEGER NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
";

const COLUMNS: &str = "id, at, program, executable, pid, start_time, signal, verdict, key, \
    captured_by, report_bytes, core_path, core_bytes, core_compressed, core_ours";

/// How often something was seen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Count {
    /// What crashes at the same place share.
    pub key: String,
    /// The program's short name.
    pub program: String,
    /// How often.
    pub count: u64,
    /// The first time, in milliseconds since 1970.
    pub first: u64,
    /// The last time.
    pub last: u64,
}

/// What the crashes of one program take on disk, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) cores: u64,
    pub(super) reports: u64,
    /// When the oldest core was captured, in milliseconds since 1970.
    pub(super) oldest_core: Option<u64>,
}

/// Which crashes are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this program only, by its short name or its file.
    pub program: Option<String>,
    /// Not older than this.
    pub since: Option<SystemTime>,
    /// At most so many, the newest.
    pub most: Option<usize>,
}

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    connection: Connection,
    crashes: PathBuf,
    /// Device and number of the file: another process may have replaced it.
    file: Option<(u64, u64)>,
}

impl Index {
    /// Opens or makes the index in `path`.
    pub(super) fn open(path: &Path, crashes: &Path) -> Result<Self, StoreError> {
        // SQLite would make it readable for others; its helpers follow it.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .and_then(place::owner_only)
            .map_err(StoreError::io("open", path))?;
        let found = file.metadata().map_err(StoreError::io("open", path))?;
        drop(file);
        let connection = Connection::open(path)?;
        let mut index = Self {
            connection,
            crashes: crashes.to_owned(),
            file: Some((found.dev(), found.ino())),
        };
        index.prepare()?;
        Ok(index)
    }

    /// An index in memory, for a disk that has no room for another one.
    pub(super) fn in_memory(crashes: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory()?;
        let mut index = Self { connection, crashes: crashes.to_owned(), file: None };
        index.prepare()?;
        Ok(index)
    }

    fn prepare(&mut self) -> Result<(), StoreError> {
        let connection = &self.connection;
        connection.busy_timeout(PATIENCE)?;
        // Readers and one writer at a time; a killed writer leaves a log that
        // the next one reads.
        self.write_ahead()?;
        // The disk is not waited for, since processes that died are held
        // meanwhile: after a power failure the index is checked and, where it
        // is not sound, made anew.
        connection.pragma_update(None, "synchronous", "off")?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version != VERSION {
            let change = self.change()?;
            if version != 0 {
                change
                    .execute_batch("DROP TABLE IF EXISTS entries; DROP TABLE IF EXISTS notes;")?;
            }
            change.execute_batch(TABLES)?;
            change.pragma_update(None, "user_version", VERSION)?;
            change.commit()?;
        }
        // Reads a page of each: damage shows here.
        self.len()?;
        Ok(())
    }

    /// Chooses SQLite's write-ahead log. While another process does so, too,
    /// SQLite says at once that it is busy, however patient it is to be.
    fn write_ahead(&self) -> Result<(), StoreError> {
        let start = Instant::now();
        loop {
            let done = self.connection.pragma_update(None, "journal_mode", "wal");
            match done.map_err(StoreError::from) {
                Err(error) if error.is_busy() && start.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(5));
                }
                done => return done,
            }
        }
    }

    /// Whether the file at `path` is still this one.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let found = std::fs::symlink_metadata(path).ok().map(|it| (it.dev(), it.ino()));
        self.file.is_none() || self.file == found
    }

    /// Whether it has a file.
    pub(super) fn is_on_disk(&self) -> bool {
        self.file.is_some()
    }

    fn change(&self) -> Result<Transaction<'_>, StoreError> {
        // Write at once: a transaction that begins to read and then writes may
        // have to be thrown away.
        Ok(Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?)
    }

    /// Whether SQLite finds its own file sound.
    pub(super) fn is_sound(&self) -> bool {
        let said = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        // It does not look for what we need to be there.
        said.is_ok_and(|said: String| said == "ok")
            && self.list(&Wanted::default()).is_ok()
            && self.counts().is_ok()
            && self.note("boot").is_ok()
    }

    pub(super) fn len(&self) -> Result<u64, StoreError> {
        let count =
            self.connection.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
        Ok(unsigned(count))
    }

    /// Lists a crash. The first time it counts.
    pub(super) fn put(&self, entry: &Entry) -> Result<(), StoreError> {
        let change = self.change()?;
        let known: Option<i64> = change
            .prepare("SELECT 1 FROM entries WHERE id = ?")?
            .query_row([&entry.id], |row| row.get(0))
            .optional()?;
        let (path, bytes, compressed, ours) = match &entry.core {
            None => (None, None, None, None),
            Some(core) => {
                let path = match core.is_ours {
                    true => core.path.file_name().map(|name| name.to_string_lossy().into_owned()),
                    false => Some(core.path.to_string_lossy().into_owned()),
                };
                (path, Some(signed(core.bytes)), Some(core.is_compressed), Some(core.is_ours))
            }
        };
        let at = millis(entry.at);
        change
            .prepare("INSERT OR REPLACE INTO entries VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")?
            .execute(params![
                entry.id,
                signed(at),
                entry.program,
                entry.executable,
                entry.pid,
                entry.start_time.map(signed),
                entry.signal,
                entry.verdict,
                entry.key,
                entry.captured_by,
                signed(entry.report_bytes),
                path,
                bytes,
                compressed,
                ours,
            ])?;
        if known.is_none() {
            add(&change, &entry.key, &entry.program, at)?;
        }
        change.commit()?;
        Ok(())
    }

    /// Counts a crash of which nothing is kept, and returns how often it was
    /// seen.
    pub(super) fn count(&self, key: &str, program: &str, at: u64) -> Result<u64, StoreError> {
        let change = self.change()?;
        add(&change, key, program, at)?;
        let count = count_of(&change, key)?;
        change.commit()?;
        Ok(count)
    }

    /// How often a crash with this key was seen.
    pub(super) fn count_of(&self, key: &str) -> Result<u64, StoreError> {
        count_of(&self.connection, key)
    }

    pub(super) fn counts(&self) -> Result<Vec<Count>, StoreError> {
        let mut query = self
            .connection
            .prepare("SELECT key, program, count, first, last FROM counts ORDER BY key")?;
        let rows = query.query_map([], |row| {
            Ok(Count {
                key: row.get(0)?,
                program: row.get(1)?,
                count: unsigned(row.get(2)?),
                first: unsigned(row.get(3)?),
                last: unsigned(row.get(4)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes counts from before the index was lost.
    pub(super) fn restore(&self, counts: &[Count]) -> Result<(), StoreError> {
        let change = self.change()?;
        for count in counts {
            change
                .prepare(
                    "INSERT INTO counts VALUES (?,?,?,?,?) ON CONFLICT (key) DO UPDATE SET
                     count = max(count, excluded.count), first = min(first, excluded.first),
                     last = max(last, excluded.last)",
                )?
                .execute(params![
                    count.key,
                    count.program,
                    signed(count.count.min(MOST_COUNT)),
                    signed(count.first),
                    signed(count.last)
                ])?;
        }
        change.commit()?;
        Ok(())
    }

    pub(super) fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM entries WHERE id = ?", [id])?;
        Ok(())
    }

    /// The newest first.
    pub(super) fn list(&self, wanted: &Wanted) -> Result<Vec<Entry>, StoreError> {
        let since = wanted.since.map_or(i64::MIN, |since| signed(millis(since)));
        let most = wanted.most.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX));
        let sql = format!(
            "SELECT {COLUMNS} FROM entries WHERE at >= ?1
             AND (?2 IS NULL OR program = ?2 OR executable = ?2
                  OR substr(executable, -length(?2) - 1) = '/' || ?2)
             ORDER BY at DESC, id DESC LIMIT ?3"
        );
        let mut query = self.connection.prepare(&sql)?;
        let rows = query.query_map(params![since, wanted.program, most], |row| self.entry(row))?;
        self.counted(rows.collect::<Result<_, _>>()?)
    }

    /// Those whose ids begin with `prefix`, which is hexadecimal digits; at
    /// most two, and how many there are.
    pub(super) fn find(&self, prefix: &str) -> Result<(Vec<Entry>, u64), StoreError> {
        // No hexadecimal digit comes after `g`.
        let end = format!("{prefix}g");
        let count = self.connection.query_row(
            "SELECT count(*) FROM entries WHERE id >= ? AND id < ?",
            [prefix, &end],
            |row| row.get(0).map(unsigned),
        )?;
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE id >= ? AND id < ? LIMIT 2");
        let mut query = self.connection.prepare(&sql)?;
        let rows = query.query_map([prefix, &end], |row| self.entry(row))?;
        Ok((self.counted(rows.collect::<Result<_, _>>()?)?, count))
    }

    /// The crashes before `at` whose cores are not compressed.
    pub(super) fn raw_cores(&self, at: u64) -> Result<Vec<Entry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM entries WHERE core_ours AND NOT core_compressed AND at < ?
             ORDER BY at DESC"
        );
        let mut query = self.connection.prepare(&sql)?;
        let rows = query.query_map([signed(at)], |row| self.entry(row))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The same entries with how often each was seen. Many share a key.
    fn counted(&self, mut entries: Vec<Entry>) -> Result<Vec<Entry>, StoreError> {
        let mut query = self.connection.prepare("SELECT count FROM counts WHERE key = ?")?;
        let mut known: HashMap<String, u64> = HashMap::new();
        for entry in &mut entries {
            entry.count = match known.get(&entry.key) {
                Some(count) => *count,
                None => {
                    let found = query.query_row([&entry.key], |row| row.get(0)).optional()?;
                    let count = found.map_or(1, unsigned);
                    known.insert(entry.key.clone(), count);
                    count
                }
            };
        }
        Ok(entries)
    }

    /// The crashes of one process, the newest first.
    pub(super) fn of_process(&self, pid: u32, start: u64) -> Result<Vec<Entry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM entries WHERE pid = ? AND start_time = ? ORDER BY at DESC"
        );
        let mut query = self.connection.prepare(&sql)?;
        let rows = query.query_map(params![pid, signed(start)], |row| self.entry(row))?;
        self.counted(rows.collect::<Result<_, _>>()?)
    }

    /// What each program's crashes take: one row a program, however many
    /// crashes there are.
    pub(super) fn taken(&self) -> Result<Vec<Taken>, StoreError> {
        let mut query = self.connection.prepare(
            "SELECT sum(iif(core_ours, core_bytes, 0)), sum(report_bytes), min(iif(core_ours, at, NULL))
             FROM entries GROUP BY program",
        )?;
        let rows = query.query_map([], |row| {
            Ok(Taken {
                cores: unsigned(row.get(0)?),
                reports: unsigned(row.get(1)?),
                oldest_core: row.get::<_, Option<i64>>(2)?.map(unsigned),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        let value = self
            .connection
            .query_row("SELECT value FROM notes WHERE name = ?", [name], |row| row.get(0))
            .optional()?;
        Ok(value)
    }

    pub(super) fn set_note(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", [name, value])?;
        Ok(())
    }

    fn entry(&self, row: &Row<'_>) -> rusqlite::Result<Entry> {
        let id: String = row.get(0)?;
        let directory = self.crashes.join(&id);
        let path: Option<String> = row.get(11)?;
        let core = match path {
            None => None,
            Some(path) => Some(CoreFile {
                // An absolute path stays what it is.
                path: directory.join(path),
                bytes: unsigned(row.get(12)?),
                is_compressed: row.get(13)?,
                is_ours: row.get(14)?,
            }),
        };
        Ok(Entry {
            directory,
            at: UNIX_EPOCH + Duration::from_millis(unsigned(row.get(1)?)),
            program: row.get(2)?,
            executable: row.get(3)?,
            pid: row.get(4)?,
            start_time: row.get::<_, Option<i64>>(5)?.map(unsigned),
            signal: row.get(6)?,
            verdict: row.get(7)?,
            key: row.get(8)?,
            captured_by: row.get(9)?,
            report_bytes: unsigned(row.get(10)?),
            count: 1,
            core,
            replaced_core: None,
            id,
        })
    }
}

fn add(connection: &Connection, key: &str, program: &str, at: u64) -> Result<(), StoreError> {
    connection
        .prepare(
            "INSERT INTO counts VALUES (?1, ?2, 1, ?3, ?3) ON CONFLICT (key) DO UPDATE SET
             count = count + 1, first = min(first, ?3), last = max(last, ?3)",
        )?
        .execute(params![key, program, signed(at)])?;
    Ok(())
}

fn count_of(connection: &Connection, key: &str) -> Result<u64, StoreError> {
    let count = connection
        .prepare("SELECT count FROM counts WHERE key = ?")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(count.map_or(0, unsigned))
}

/// Milliseconds since 1970. Clocks before that are broken.
pub(super) fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// SQLite has no unsigned numbers.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
