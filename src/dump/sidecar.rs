//! Facts that the kernel knew of a process, kept beside or inside its core.
//!
//! A sidecar is JSON. In cores of our own it is the description of a note with
//! the owner `CORETOOL` and the type [`NOTE_TYPE`]; beside another core it is the file
//! `CORE.sidecar.json`. It is as untrusted as the core.

use serde::{Deserialize, Serialize};

use crate::base::facts::{Ipc, Surroundings, Tree};

/// Owner of the note, without its NUL.
pub const NOTE_NAME: &[u8] = b"CORETOOL";

/// Type of the note. No small number: binutils and gdb look at the types of
/// notes whose owner they do not know, and would take 1 for registers.
pub const NOTE_TYPE: u32 = 0x4354_0001;

/// What follows the path of a core in that of its sidecar.
pub const FILE_SUFFIX: &str = ".sidecar.json";

/// The largest sidecar that is read or written, in bytes.
pub const MOST_BYTES: usize = 8 << 20;

/// Facts from `/proc` at the moment of death.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sidecar {
    /// Descriptors and what is shared with other processes.
    pub ipc: Ipc,
    /// Ancestors, descendants, orphans.
    pub tree: Tree,
    /// Limits, control group, namespaces, mounts, environment.
    pub surroundings: Surroundings,
    /// What the kernel said of each thread.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadFacts>,
    /// Faults that handlers of the program saw before the fatal signal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handled_faults: Vec<HandledFaultFact>,
    /// How all this was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureFacts>,
}

/// One thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadFacts {
    /// Its id, as the process saw it.
    pub tid: u32,
    /// Its name (`comm`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `running`, `sleeping`, `uninterruptible`, ... before it was held.
    /// Absent: whoever held it hides that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The system call that it was in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<SyscallFacts>,
    /// Where in the kernel it slept (`wchan`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_channel: Option<String>,
    /// Its pending signals: bit N-1 for signal N.
    #[serde(skip_serializing_if = "is_zero")]
    pub pending: u64,
    /// Its blocked signals.
    #[serde(skip_serializing_if = "is_zero")]
    pub blocked: u64,
}

/// A system call and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyscallFacts {
    /// Its number on the architecture of the process.
    pub number: u64,
    /// Its six arguments as passed.
    pub arguments: [u64; 6],
}

/// Faults that handlers of one thread saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandledFaultFact {
    /// The thread.
    pub tid: u32,
    /// How many there were.
    pub count: u64,
    /// Signal of the last one.
    pub signal: i32,
    /// Its `si_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Its address, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
}

/// How a process was captured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaptureFacts {
    /// `ptrace`, `kernel`, `handler-socket`, `handler-pipe`, `snapshot`.
    pub rung: String,
    /// For how long the process was held for that, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_for_us: Option<u64>,
    /// What else there is to know: why this rung, what it could not do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Sidecar {
    /// As JSON on one line. Of one that is larger than [`MOST_BYTES`] the
    /// mounts, the environment and in the end the descriptors are left out.
    pub fn to_json(&self) -> Vec<u8> {
        let json = |sidecar: &Self| serde_json::to_vec(sidecar).unwrap_or_default();
        let whole = json(self);
        if whole.len() <= MOST_BYTES {
            return whole;
        }
        let mut less = self.clone();
        less.surroundings.mounts.clear();
        less.surroundings.environment = None;
        less.ipc.unknown.push("the facts were too many to be kept whole".to_owned());
        let smaller = json(&less);
        if smaller.len() <= MOST_BYTES {
            return smaller;
        }
        less.ipc = Ipc { unknown: less.ipc.unknown, ..Ipc::default() };
        less.tree = Tree::default();
        less.threads.clear();
        less.surroundings = Surroundings::default();
        json(&less)
    }

    /// From JSON, with zeros after it as notes have them. `None`: it is none,
    /// or too large to be one of ours.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        if json.len() > MOST_BYTES {
            return None;
        }
        let end = json.iter().rposition(|byte| *byte != 0)?;
        serde_json::from_slice(json.get(..=end)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::facts::{Descriptor, Mount};

    #[test]
    fn there_and_back() {
        let mut sidecar = Sidecar::default();
        sidecar.ipc.descriptors.push(Descriptor { fd: 3, ..Descriptor::default() });
        sidecar.threads.push(ThreadFacts { tid: 7, pending: 1, ..ThreadFacts::default() });
        let mut json = sidecar.to_json();
        json.extend([0, 0, 0]);
        assert_eq!(Sidecar::from_json(&json), Some(sidecar));
    }

    #[test]
    fn what_is_no_sidecar() {
        let deep = "[".repeat(100_000);
        let cases: [(&str, &[u8]); 5] = [
            ("nothing", b""),
            ("zeros", b"\0\0\0"),
            ("half", b"{\"threads\":[{\"tid\":1"),
            ("another type", b"{\"threads\":7}"),
            ("deep", deep.as_bytes()),
        ];
        for (name, json) in cases {
            assert_eq!(Sidecar::from_json(json), None, "{name}");
        }
        assert_eq!(Sidecar::from_json(&vec![b' '; MOST_BYTES + 1]), None);
        // A later writer's words are read as far as they are known.
        let later =
            br#"{"new":1,"ipc":{"descriptors":[{"fd":1,"kind":"wormhole","peer_state":"x"}]}}"#;
        assert_eq!(Sidecar::from_json(later).unwrap().ipc.descriptors[0].fd, 1);
    }

    #[test]
    fn too_much_is_left_out() {
        let mut sidecar = Sidecar::default();
        let mount = Mount { point: "x".repeat(1 << 20), ..Mount::default() };
        sidecar.surroundings.mounts = vec![mount; 9];
        sidecar.ipc.descriptors.push(Descriptor::default());
        let read = Sidecar::from_json(&sidecar.to_json()).unwrap();
        assert_eq!(read.ipc.descriptors.len(), 1);
        assert_eq!(read.surroundings.mounts, []);
        assert_eq!(read.ipc.unknown.len(), 1);
    }
}
