//! Crashes in the store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `coretool list` prints as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool list")]
pub struct KeptCrashes {
    /// Always `coretool.list/1`.
    pub schema: String,
    /// The store's directory.
    pub store: String,
    /// The newest first.
    pub crashes: Vec<KeptCrash>,
    /// Bytes on disk of all that is listed.
    #[serde(default)]
    pub bytes: u64,
}

/// One kept crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptCrash {
    /// Its name: what `show`, `debug` and the others are told.
    pub id: String,
    /// When it was captured, in UTC, as RFC 3339 writes it.
    pub time: String,
    /// The same in milliseconds since 1970.
    pub time_ms: u64,
    /// The program's short name.
    pub program: String,
    /// The program's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Its process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The signal's name. Absent: no fatal signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// What happened, in one sentence; a very long one is cut.
    pub verdict: String,
    /// What crashes at the same place of the same program share.
    pub key: String,
    /// How many of them were ever seen, those that are not kept too.
    pub count: u64,
    /// The way it was captured.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub captured_by: String,
    /// Its core. Absent: it was not kept, or had to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core: Option<KeptCore>,
    /// Its own directory.
    pub directory: String,
    /// Bytes that it takes on disk, with its core.
    pub bytes: u64,
}

/// The core of a kept crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptCore {
    /// Where it is now.
    pub path: String,
    /// Bytes that it takes on disk.
    pub bytes: u64,
    /// Whether it is seekable zstd; else it is a sparse ELF file.
    pub compressed: bool,
}

/// What `coretool prune` prints as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool prune")]
pub struct Pruned {
    /// Always `coretool.prune/1`.
    pub schema: String,
    /// Whether this is only what would be removed.
    pub dry_run: bool,
    /// What went, or would go.
    pub removed: Vec<PrunedCrash>,
    /// How many cores were compressed.
    #[serde(default)]
    pub compressed: u64,
    /// Bytes of disk that this freed, or would free.
    pub freed: u64,
    /// Bytes that all crashes take on disk now.
    pub bytes: u64,
}

/// A crash that leaves the store, or its core.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrunedCrash {
    /// Its name.
    pub id: String,
    /// The program's short name.
    pub program: String,
    /// Whether only its core goes; its report stays.
    pub core_only: bool,
    /// Bytes of disk.
    pub bytes: u64,
    /// `age`, `program`, `total` or `keep_free`: which bound it passes.
    pub why: String,
}

/// What `coretool export` prints as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool export")]
pub struct Exported {
    /// Always `coretool.export/1`.
    pub schema: String,
    /// The crash.
    pub id: String,
    /// The directory or the archive that was made.
    pub path: String,
    /// The name of the core in it. Absent: none is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
}

/// What `coretool handler status` prints as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool handler status")]
pub struct HandlerStatus {
    /// Always `coretool.handler-status/1`.
    pub schema: String,
    /// The kernel's `core_pattern` in force.
    pub core_pattern: String,
    /// Its `core_pipe_limit`.
    pub core_pipe_limit: String,
    /// Whether the pattern is this handler's.
    pub installed: bool,
    /// Whether a crash would be kept now.
    pub works: bool,
    /// The process that listens on the kernel's socket. Absent: nobody does,
    /// or the kernel starts a program for each crash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<u32>,
    /// The pattern that comes back when the handler is uninstalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former_pattern: Option<String>,
    /// The store's directory.
    pub store: String,
    /// Crashes that are kept. Absent: there is no store yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
    /// Crashes that were ever seen. Absent: there is no store yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// Crashes that are captured and not analyzed yet. Absent: there is no
    /// store yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
}
