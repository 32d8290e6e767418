//! Limits, control group, namespaces, mounts, environment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a process ran in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Surroundings {
    /// The command line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The executable, as `/proc/PID/exe` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The root directory. `/` inside of a container, too, when seen from
    /// there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// When it started, in clock ticks since the machine did: field 22 of
    /// `/proc/PID/stat`. With the process id it names a process for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<u64>,
    /// Resource limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<ResourceLimit>,
    /// The control group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Cgroup>,
    /// `oom_score_adj`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,
    /// `coredump_filter`, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coredump_filter: Option<String>,
    /// The user who logged in (`loginuid`). Absent: nobody, or not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// Namespaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<Namespace>,
    /// Mounts that the process saw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// How many more. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounts_omitted: Option<u64>,
    /// The environment that the process was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
}

/// One resource limit, as `/proc/PID/limits` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResourceLimit {
    /// `Max core file size`.
    pub name: String,
    /// The limit in force. Absent: unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft: Option<u64>,
    /// How far the process may raise it. Absent: unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard: Option<u64>,
    /// `bytes`, `seconds`, `files`. Absent: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A control group, version 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cgroup {
    /// Its path below the root of the hierarchy.
    pub path: String,
    /// Memory in use, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_current: Option<u64>,
    /// The limit on memory, in bytes. Absent: none, or not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_max: Option<u64>,
    /// How often usage was about to go over the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_max: Option<u64>,
    /// How often the group was out of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_oom: Option<u64>,
    /// How many processes of it were killed for lack of memory, ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_oom_kill: Option<u64>,
}

/// A namespace that a process is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Namespace {
    /// `net`, `pid`, `mnt`.
    pub kind: String,
    /// Its inode, which names it.
    pub inode: u64,
    /// Whether coretool was in the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as_coretool: Option<bool>,
}

/// A mounted file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Mount {
    /// Where it is seen.
    pub point: String,
    /// Its type: `ext4`, `tmpfs`.
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// Options of the mount: `rw,nosuid`.
    pub options: String,
}

/// Environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Environment {
    /// The variables in their order.
    pub variables: Vec<EnvironmentVariable>,
    /// How many values were left out, since they may be secrets.
    pub masked: u64,
    /// How many variables were left out, or cut, since there are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted: Option<u64>,
}

/// One environment variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value. Absent: it may be a secret, and is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}
