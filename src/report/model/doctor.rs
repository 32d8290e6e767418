//! What `coretool doctor` found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `coretool doctor` prints as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool doctor")]
pub struct Examination {
    /// Always `coretool.doctor/1`.
    pub schema: String,
    /// The program that was looked at, as it was given. Absent: none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// What becomes of a crash under `coretool run`.
    pub watched: Prospect,
    /// What becomes of a crash of a program that is started from here without
    /// coretool.
    pub alone: Prospect,
    /// Crashes that were made to see, in the order of the rungs.
    pub proofs: Vec<CrashProof>,
    /// What was looked at, in the order in which it is shown.
    pub checks: Vec<Check>,
}

/// What becomes of a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prospect {
    /// Whether it is captured.
    pub outcome: CrashOutcome,
    /// How, or why not, in one sentence.
    pub says: String,
}

/// What becomes of a crash, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CrashOutcome {
    /// It leaves a core.
    Captured,
    /// Somebody else gets it; what they do with it is theirs.
    HandedOn,
    /// Nothing is left of it.
    Lost,
    /// Nobody can tell.
    #[default]
    Unknown,
}

/// One crash of a child, made to see what is left of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CrashProof {
    /// The way of capturing: `ptrace`, `kernel`, `handler`.
    pub rung: String,
    /// Whether a core came that opens, with all threads. `unknown`: it was not
    /// tried.
    pub state: CheckState,
    /// What was seen, or why it was not tried, in one sentence.
    pub says: String,
    /// How many threads the core has, of the three that the child had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Bytes of the core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Milliseconds from the child's start to the core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What it belongs to: `limits`, `kernel`, `permissions`, ...
    pub group: String,
    /// Its stable name.
    pub name: String,
    /// How it stands.
    pub state: CheckState,
    /// What was found, in one sentence.
    pub says: String,
    /// What to do about it, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Something will be missing, or may be.
    Warning,
    /// A crash would be lost.
    Bad,
    /// It could not be found out.
    #[default]
    Unknown,
}
