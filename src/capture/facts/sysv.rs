//! SysV shared memory, semaphores and message queues: `/proc/sysvipc`.

use libc::c_int;
use nix::sched::CloneFlags;

use crate::base::facts::{Ipc, Queue, SemaphoreSet, SharedKind, SharedMemory};
use crate::base::text::text;
use crate::capture::facts::inside::inside;
use crate::capture::facts::peers::Subject;
use crate::capture::facts::proc_file::{ProcDir, read};
use crate::capture::sys::semaphores::semaphore;
use crate::dump::sidecar::ThreadFacts;

/// Objects of one kind that are told, and semaphores of one set.
const MOST: usize = 256;
const MOST_IN_SET: u64 = 64;

/// What the tables of one IPC namespace say.
struct Tables {
    memory: Vec<Row>,
    sets: Vec<(Row, Values)>,
    queues: Vec<Row>,
}

/// Values, and who changed them last.
type Values = (Vec<u32>, Vec<u32>);

/// One line of a table, by the names in its first line.
struct Row {
    names: Vec<String>,
    fields: Vec<String>,
}

impl Row {
    fn number(&self, name: &str) -> Option<u64> {
        let at = self.names.iter().position(|it| it == name)?;
        self.fields.get(at)?.parse().ok()
    }

    /// The key as `ipcs` shows it. `key` is a signed number of 32 bits.
    fn key(&self) -> Option<String> {
        let key: i64 =
            self.fields.get(self.names.iter().position(|it| it == "key")?)?.parse().ok()?;
        Some(format!("{:#x}", key as u32))
    }

    fn pid(&self, name: &str) -> Option<u32> {
        self.number(name).and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0)
    }
}

/// What is no proof.
const GUESS: &str =
    "its user made or changed it while the process ran, so it may be this process's or not";

/// Why an object is thought to be the process's.
struct Claim<'c> {
    subject: Subject,
    uid: Option<u64>,
    /// Seconds since 1970 when the process started.
    started: Option<u64>,
    /// Objects that its threads were waiting at: `semop`, `msgrcv`.
    waited: &'c [(Kind, u64)],
}

/// A kind of object that threads wait at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Semaphores,
    Queue,
}

/// The objects that threads were waiting at, by their system calls on x86-64.
pub(super) fn waited(threads: &[ThreadFacts]) -> Vec<(Kind, u64)> {
    const SEMOP: u64 = 65;
    const MSGSND: u64 = 69;
    const MSGRCV: u64 = 70;
    const SEMTIMEDOP: u64 = 220;
    let calls = threads.iter().filter_map(|thread| thread.syscall.as_ref());
    let waited = calls.filter_map(|call| {
        let [id, ..] = call.arguments;
        match call.number {
            SEMOP | SEMTIMEDOP => Some((Kind::Semaphores, id)),
            MSGSND | MSGRCV => Some((Kind::Queue, id)),
            _ => None,
        }
    });
    waited.collect()
}

impl Claim<'_> {
    /// The reason, and whether it is a proof.
    fn why(
        &self,
        kind: Kind,
        row: &Row,
        id: u64,
        users: &[(&str, Option<u32>)],
    ) -> Option<(String, bool)> {
        if self.waited.contains(&(kind, id)) {
            return Some(("one of its threads was waiting at it".to_owned(), true));
        }
        let used = users.iter().find(|(_, pid)| *pid == Some(self.subject.pid));
        if let Some((what, _)) = used {
            return Some((format!("it was the last to {what}"), true));
        }
        let is_same_user = self.uid.is_some() && row.number("cuid") == self.uid;
        let is_younger = row.number("ctime").zip(self.started).is_some_and(|(made, start)| {
            // Both clocks are cut to seconds.
            made.saturating_add(1) >= start
        });
        (is_same_user && is_younger).then(|| (GUESS.to_owned(), false))
    }
}

/// Fills in the objects that a process has attached or used.
pub(super) fn sysv(process: &ProcDir<'_>, subject: Subject, waited: &[(Kind, u64)], ipc: &mut Ipc) {
    let tables = match inside(process, "ipc", CloneFlags::CLONE_NEWIPC, tables) {
        Ok(tables) => tables,
        Err(why) => {
            ipc.unknown.push(format!("SysV shared memory, semaphores and queues: {why}"));
            return;
        }
    };
    let claim = Claim { subject, uid: real_uid(process), started: started(process), waited };
    for row in &tables.memory {
        let id = row.number("shmid");
        let attached = ipc
            .shared_memory
            .iter_mut()
            .find(|it| it.kind == SharedKind::SysV && it.id.is_some() && it.id == id);
        if let Some(found) = attached {
            attached_memory(found, row, subject);
        } else if row.pid("cpid") == Some(subject.pid) && ipc.shared_memory.len() < MOST {
            let mut found = SharedMemory { kind: SharedKind::SysV, id, ..SharedMemory::default() };
            found.size = row.number("size");
            attached_memory(&mut found, row, subject);
            ipc.shared_memory.push(found);
        }
    }
    for (row, (values, last_pids)) in &tables.sets {
        let Some(id) = row.number("semid") else { continue };
        let users: Vec<_> =
            last_pids.iter().map(|pid| ("change one of its values", Some(*pid))).collect();
        let Some((why, is_sure)) = claim.why(Kind::Semaphores, row, id, &users) else { continue };
        ipc.semaphores.push(SemaphoreSet {
            id: Some(id),
            key: row.key(),
            name: None,
            values: values.clone(),
            last_pids: last_pids.clone(),
            why,
            stays_behind: true,
            removal: is_sure.then(|| format!("ipcrm -s {id}")),
        });
    }
    for row in &tables.queues {
        let Some(id) = row.number("msqid") else { continue };
        let (sender, receiver) = (row.pid("lspid"), row.pid("lrpid"));
        let users = [("send to it", sender), ("receive from it", receiver)];
        let Some((why, is_sure)) = claim.why(Kind::Queue, row, id, &users) else { continue };
        ipc.queues.push(Queue {
            id: Some(id),
            key: row.key(),
            messages: row.number("qnum"),
            bytes: row.number("cbytes"),
            last_sender: sender.map(|pid| subject.peer(pid, None)),
            last_receiver: receiver.map(|pid| subject.peer(pid, None)),
            why,
            stays_behind: true,
            removal: is_sure.then(|| format!("ipcrm -q {id}")),
        });
    }
    ipc.semaphores.truncate(MOST);
    ipc.queues.truncate(MOST);
}

fn attached_memory(found: &mut SharedMemory, row: &Row, subject: Subject) {
    /// `SHM_DEST`: it goes with the last who detaches. The table shows the mode
    /// in octal digits.
    const DOOMED: u64 = 0o1000;
    let mode = row
        .number("perms")
        .map_or(0, |mode| u64::from_str_radix(&mode.to_string(), 8).unwrap_or(0));
    found.key = row.key();
    found.attached = row.number("nattch");
    found.creator = row.pid("cpid").map(|pid| subject.peer(pid, None));
    found.stays_behind = mode & DOOMED == 0;
    found.removal = found.id.filter(|_| found.stays_behind).map(|id| format!("ipcrm -m {id}"));
}

fn tables() -> Tables {
    let sets = table("sem").into_iter().map(|row| {
        let values = values(&row);
        (row, values)
    });
    Tables { memory: table("shm"), sets: sets.collect(), queues: table("msg") }
}

/// Asks each semaphore of a set.
fn values(row: &Row) -> Values {
    let mut found = Values::default();
    let id = row.number("semid").and_then(|id| c_int::try_from(id).ok());
    let count = row.number("nsems").unwrap_or(0).min(MOST_IN_SET) as c_int;
    for index in 0..count {
        let Some(one) = id.and_then(|id| semaphore(id, index).ok()) else { break };
        found.0.push(one.value);
        found.1.push(one.last_process);
    }
    found
}

fn table(name: &str) -> Vec<Row> {
    let bytes = read(std::path::Path::new(&format!("/proc/sysvipc/{name}"))).unwrap_or_default();
    rows(&text(&bytes))
}

fn rows(table: &str) -> Vec<Row> {
    /// Rows that are read: a kernel's usual limit.
    const MOST_ROWS: usize = 32_768;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut lines = table.lines();
    let names = words(lines.next().unwrap_or_default());
    let row = |line| Row { names: names.clone(), fields: words(line) };
    lines.take(MOST_ROWS).map(row).collect()
}

fn real_uid(process: &ProcDir<'_>) -> Option<u64> {
    let status = process.line("status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    // The effective one: it owns what is made.
    line.split_whitespace().nth(1)?.parse().ok()
}

/// When a process started: the time of the machine's start plus field 22 of
/// `stat` in hundredths of a second.
fn started(process: &ProcDir<'_>) -> Option<u64> {
    /// `USER_HZ` of x86-64.
    const TICKS: u64 = 100;
    let stat = process.read("stat")?;
    let ticks: u64 = super::proc_file::stat_fields(&stat).get(19)?.parse().ok()?;
    let machine = read(std::path::Path::new("/proc/stat"))?;
    let machine = str::from_utf8(&machine).ok()?;
    let boot: u64 =
        machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot.saturating_add(ticks / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n\
      1234          7   600          12          2    42     0  1000  1000  1000  1000 1700000000          0 1700000000\n\
        -1          8   600           0          0     0     0     0     0     0     0          0          0 1600000000\n";

    #[test]
    fn tables_are_read_by_their_names() {
        let rows = rows(TABLE);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].number("msqid"), rows[0].pid("lspid")), (Some(7), Some(42)));
        assert_eq!((rows[0].pid("lrpid"), rows[0].number("nothing")), (None, None));
        assert_eq!(rows[0].key().as_deref(), Some("0x4d2"));
        assert_eq!(rows[1].key().as_deref(), Some("0xffffffff"));
    }

    #[test]
    fn claims() {
        let rows = rows(TABLE);
        let subject = |pid| Subject { pid, parent: 1 };
        let claim = |pid, uid, started, waited| {
            let claim = Claim { subject: subject(pid), uid, started, waited };
            let row = &rows[0];
            let users = [("send to it", row.pid("lspid"))];
            claim.why(Kind::Queue, row, 7, &users)
        };
        let waited: &[(Kind, u64)] = &[(Kind::Queue, 7)];
        assert!(claim(1, None, None, waited).unwrap().0.contains("waiting"));
        assert!(claim(42, None, None, &[]).unwrap().0.contains("last to send"));
        let guess = claim(1, Some(1000), Some(1_699_999_990), &[]);
        assert_eq!(guess, Some((GUESS.to_owned(), false)));
        assert_eq!(claim(1, Some(1000), Some(1_700_000_100), &[]), None, "it is older");
        assert_eq!(claim(1, Some(1), Some(1), &[]), None, "another user's");
    }
}
