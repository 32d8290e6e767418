//! Whole stories, with the real programs. Each has a page in `docs/stories/`.

use std::process::Command;

use coretool::base::facts::{Descriptor, PeerState, Relation};
use coretool::report::model::Report;

use crate::support::target::{Target, finished, text};

fn descriptor(report: &Report, fd: u32) -> &Descriptor {
    let ipc = report.ipc.as_ref().unwrap();
    ipc.descriptors.iter().find(|found| found.fd == fd).unwrap()
}

/// `docs/stories/pipeline.md`.
#[test]
fn the_third_program_of_a_pipeline_crashes() {
    let target = Target::new("third");
    // `seq` never comes to an end by itself, and `cat` writes until nobody reads.
    let script = "seq 1000000000 | cat | ./third | wc -l; echo \"${PIPESTATUS[@]}\"";
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    command.args(["run", "--core", "none", "--format", "json", "--output"]).arg(target.reports());
    let run = target.finish(command.args(["--", "bash", "-c", script]));
    // What a shell says without coretool: 128 + SIGPIPE twice, 128 + SIGABRT.
    assert_eq!(run.stdout, "2\n141 141 134 0\n", "{}", run.stderr);
    assert_eq!(run.status, Some(0), "the shell's own end: {}", run.stderr);

    let report = run.report();
    assert_eq!(report.signal.as_ref().unwrap().name, "SIGABRT");
    assert_eq!(report.process.command.as_deref(), Some("third"));
    for (fd, command, their_fd) in [(0, "cat", 1), (1, "wc", 0)] {
        let found = descriptor(report, fd);
        assert_eq!(found.peer_state, Some(PeerState::Alive));
        let [peer] = found.peers.as_slice() else { panic!("{found:#?}") };
        assert_eq!((peer.command.as_str(), peer.fd), (command, Some(their_fd)));
        assert_eq!(peer.relation, Some(Relation::Sibling));
    }
    // The crash made `cat` die of SIGPIPE, and that is told with its cause.
    let third = report.process.pid.unwrap();
    let cat = descriptor(report, 0).peers[0].pid;
    let want = format!(
        "\"cat\" (process {cat}) gets SIGPIPE: it wrote to fd 1, a pipe whose reader \"third\" \
         (process {third}) was ended by SIGABRT"
    );
    assert!(run.stderr.contains(&want), "{}", run.stderr);
    // And that made `seq` die, too.
    assert!(run.stderr.contains("whose reader \"cat\""), "{}", run.stderr);
}

#[test]
fn a_pipeline_in_the_text() {
    let target = Target::new("third");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    target.prepare(&mut command);
    command.args(["run", "--core", "none", "--", "bash", "-c", "seq 9 | ./third | cat"]);
    let output = finished(&mut command);
    let said = text(&output.stderr);
    let line = said.lines().find(|line| line.trim_start().starts_with("fd 1 ")).unwrap_or(&said);
    for part in ["a pipe to process", "\"cat\"", "(its fd 0)"] {
        assert!(line.contains(part), "{part}: {said}");
    }
}

/// Removes SysV objects on all ways out.
struct Objects {
    target: Target,
    ids: Option<[String; 3]>,
}

impl Objects {
    /// Whether `ipcs` shows an object: `-m`, `-s` or `-q`.
    fn is_there(kind: &str, id: &str) -> bool {
        let output = finished(Command::new("ipcs").args([kind, "-i", id]));
        output.status.success()
            && !text(&output.stdout).trim().is_empty()
            && !text(&output.stderr).contains("not found")
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let [memory, semaphores, queue] = self.ids.take().unwrap_or_default();
        for (kind, id) in [("-m", memory), ("-s", semaphores), ("-q", queue)] {
            if !id.is_empty() {
                let _removed_already = Command::new("ipcrm").args([kind, &id]).output();
            }
        }
        let _kept_until_here = self.target.directory.path();
    }
}

/// `docs/stories/sysv-server.md`.
#[test]
fn one_of_eight_threads_of_a_sysv_server_crashes() {
    let mut objects = Objects { target: Target::new("sysv-server"), ids: None };
    let run = objects.target.run(&["--core", "none"], &[]);
    let mut words = run.stdout.split_whitespace().map(str::to_owned);
    objects.ids = words.next().zip(words.next()).zip(words.next()).map(|((m, s), q)| [m, s, q]);
    let [memory, semaphores, queue] = objects.ids.clone().unwrap();
    assert_eq!(run.status, Some(139), "the whole process dies: {}", run.stderr);

    let report = run.report();
    assert_eq!(report.threads.len(), 8);
    let crashed = &report.threads[0];
    assert!(crashed.crashed && crashed.name.as_deref() == Some("serve"), "{crashed:#?}");
    let own = report.process.pid.unwrap();
    let waits = |name: &str| {
        let thread = report.threads.iter().find(|it| it.name.as_deref() == Some(name)).unwrap();
        thread.waits_for.clone().unwrap_or_else(|| panic!("{name} waits"))
    };
    for name in ["orders-1", "orders-2", "orders-3"] {
        let want = format!("a message of type 7 in SysV message queue {queue}");
        assert_eq!(waits(name).text, want);
    }
    for name in ["stock-1", "stock-2"] {
        let want = format!("SysV semaphore set {semaphores}: semaphore 1 to reach 1");
        assert_eq!(waits(name).text, want);
    }
    assert_eq!(waits("log").held_by, Some(own), "the first thread keeps the lock");
    assert_eq!(waits("sysv-server").text, format!("the end of thread {}", crashed.tid));

    let ipc = report.ipc.as_ref().unwrap();
    let shared: Vec<_> = ipc.shared_memory.iter().filter(|it| it.stays_behind).collect();
    let [shared] = shared.as_slice() else { panic!("{:#?}", ipc.shared_memory) };
    assert_eq!(shared.removal.as_deref(), Some(format!("ipcrm -m {memory}").as_str()));
    assert_eq!((shared.size, shared.attached), (Some(65536), Some(1)));
    let sets: Vec<_> = ipc.semaphores.iter().filter(|it| it.removal.is_some()).collect();
    let [set] = sets.as_slice() else { panic!("{:#?}", ipc.semaphores) };
    assert_eq!(set.removal.as_deref(), Some(format!("ipcrm -s {semaphores}").as_str()));
    // `serve` took what `main` had put.
    assert_eq!((set.values.as_slice(), set.last_pids[0]), (&[0, 0][..], own));
    let queues: Vec<_> = ipc.queues.iter().filter(|it| it.removal.is_some()).collect();
    let [found] = queues.as_slice() else { panic!("{:#?}", ipc.queues) };
    assert_eq!(found.removal.as_deref(), Some(format!("ipcrm -q {queue}").as_str()));
    assert_eq!(found.messages, Some(1), "the one that nobody takes");
    assert_eq!(found.last_sender.as_ref().unwrap().pid, own);

    // They do stay, and the commands remove them.
    for (kind, id, removal) in [
        ("-m", &memory, &shared.removal),
        ("-s", &semaphores, &set.removal),
        ("-q", &queue, &found.removal),
    ] {
        assert!(Objects::is_there(kind, id), "{kind} {id} stays");
        let removal = removal.as_deref().unwrap();
        let output = finished(Command::new("sh").args(["-c", removal]));
        assert!(output.status.success(), "{removal}: {}", text(&output.stderr));
        assert!(!Objects::is_there(kind, id), "{kind} {id} is gone");
    }
}

/// What is in a core of ours is what a run says.
#[test]
fn facts_come_back_from_the_core() {
    let mut objects = Objects { target: Target::new("sysv-server"), ids: None };
    let run = objects.target.run(&["--core", "./core"], &[]);
    let mut words = run.stdout.split_whitespace().map(str::to_owned);
    objects.ids = words.next().zip(words.next()).zip(words.next()).map(|((m, s), q)| [m, s, q]);
    let live = run.report();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coretool"));
    objects.target.prepare(&mut command);
    let output = finished(command.args(["analyze", "core", "--format", "json"]));
    let read: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&read.ipc, &read.tree), (&live.ipc, &live.tree));
    assert_eq!(read.surroundings, live.surroundings);
    let names = |report: &Report| -> Vec<Option<String>> {
        report.threads.iter().map(|thread| thread.name.clone()).collect()
    };
    assert_eq!(names(&read), names(live));
}

#[test]
fn secrets_of_the_environment_are_masked() {
    let target = Target::new("third");
    let script = "seq 3 | coretool_of_this_test=1 \"$@\" ./third";
    let shown = |option: &str| {
        let mut command = Command::new("bash");
        target.prepare(&mut command);
        command.env("STORY_PASSWORD", "hunter2").env("STORY_COLOR", "green");
        command.args(["-c", script, "bash", env!("CARGO_BIN_EXE_coretool")]);
        command.args(["run", "--core", "none"]).args(option.split_whitespace());
        text(&finished(&mut command).stderr)
    };
    let usual = shown("--environment");
    assert!(usual.contains("STORY_PASSWORD=<masked>"), "{usual}");
    assert!(usual.contains("STORY_COLOR=green") && !usual.contains("hunter2"), "{usual}");
    assert!(shown("--environment=full").contains("STORY_PASSWORD=hunter2"));
    assert!(!shown("").contains("STORY_COLOR"));
    let json = shown("--environment=none --format json");
    assert!(!json.contains("STORY_PASSWORD"), "{json}");
}
