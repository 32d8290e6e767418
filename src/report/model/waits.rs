//! Who waits for whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Hex, Location};

/// What a thread waited for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitsFor {
    /// In words: "the mutex `rent.lock`", "input from fd 3".
    #[serde(default)]
    pub text: String,
    /// The thread that holds it, or whose end it is; of several the one that is
    /// surest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<u32>,
    /// Where the object begins in memory: the same as [`Lock::address`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Hex>,
    /// The program's own call that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<Location>,
    /// Whether the wait ends by itself after a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed: bool,
}

/// Who waits for whom, in the whole process: threads are nodes, locks and the
/// ends of threads lie between.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitGraph {
    /// The objects in memory that threads wait for.
    #[serde(default)]
    pub locks: Vec<Lock>,
    /// One thread waits for another one: through a lock, or for its end.
    #[serde(default)]
    pub edges: Vec<WaitEdge>,
    /// Ids of threads that wait for each other: each for the next one, the last
    /// one for the first. One thread alone waits for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycles: Vec<Vec<u32>>,
}

/// A lock, or another object that threads wait for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lock {
    /// Where it begins.
    pub address: Hex,
    /// `mutex`, `read_write_lock`, `condition_variable`, `semaphore`,
    /// `barrier`, `once`, `stream`, `internal`, `parking` or `futex`.
    #[serde(default)]
    pub kind: String,
    /// In words: "the recursive mutex `pool.lock`".
    #[serde(default)]
    pub text: String,
    /// The variable or member that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What else its memory says: "2 of 3 threads have come".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The thread that its own memory names, be it there or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// The threads that wait for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiters: Vec<u32>,
}

/// One thread waits for another one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitEdge {
    /// Who waits.
    pub from: u32,
    /// Who has to act.
    pub to: u32,
    /// The lock between them. Absent: it waits for the end of the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Hex>,
    /// From 0 to 1; at least 0.95 where memory itself names the other.
    pub confidence: f64,
    /// Why the other one is thought to have the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
