//! How a crash was caught, and what another handler has recorded of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a crash was caught.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// `ptrace`, `kernel`, `handler-socket`, `handler-pipe`, `other-handler`,
    /// `kernel-log`, `snapshot`.
    pub rung: String,
    /// Why so, and not otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// For how long the process was held for it, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_for_us: Option<u64>,
}

/// What another handler has recorded beside a core: extended attributes of the
/// file, or lines before the core. It is that handler's word, and not compared
/// with the core: in a container a process has another id than on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// Whose record it is: `systemd-coredump`, `apport`.
    pub by: String,
    /// The process, as the host saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// The name of the signal that it died of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// When it died, as the handler wrote it, or in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Its soft limit for cores, in bytes. Absent: none, or nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_limit: Option<u64>,
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its name (`comm`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The package of the executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}
