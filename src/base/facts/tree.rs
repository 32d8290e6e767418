//! Relatives of a process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The relatives of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tree {
    /// Its parent, the parent of that, and so on up to the first process that
    /// could be seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<Relative>,
    /// Its children and theirs, each parent before its children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub descendants: Vec<Relative>,
    /// Whether the process that started it had ended before, so that another
    /// one stands in for its parent. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_orphan: Option<bool>,
    /// The process that started it, when that is not its parent any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<Relative>,
    /// Processes that descend from it, have lost their parent, and live on:
    /// they are not among its descendants any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<Relative>,
}

/// One relative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Relative {
    /// Its process id, as coretool saw it.
    pub pid: u32,
    /// Process id of its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ppid: Option<u32>,
    /// Its command (`comm`).
    pub command: String,
    /// Its command line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// `running`, `sleeping`, `zombie` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The process that started it, where that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<u32>,
    /// The system call that it waits in, in words: `read of fd 0, a pipe from
    /// process 12 "seq" (its fd 1)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_in: Option<String>,
    /// Where it listens for connections: `127.0.0.1:8080`, `/run/app.sock`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listens_at: Vec<String>,
    /// How it ended, when it had ended by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}
