//! Many crashes as few bugs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Report, Severity, Tool};

/// The name of the contract, in [`Triage::schema`].
pub const TRIAGE_SCHEMA: &str = "coretool.triage/1";

/// What many crashes come down to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "coretool triage")]
pub struct Triage {
    /// Always `coretool.triage/1`.
    pub schema: String,
    /// Who wrote it.
    #[serde(default)]
    pub tool: Tool,
    /// When it was made, in UTC, as RFC 3339 writes it. Absent: nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// Files that were read.
    #[serde(default)]
    pub files: u64,
    /// Crashes that were found in them.
    #[serde(default)]
    pub crashes: u64,
    /// Files in which nothing could be read, at most the first thousand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedFile>,
    /// How many there are in all.
    #[serde(default)]
    pub failed_count: u64,
    /// The bugs, the most urgent one first.
    pub buckets: Vec<Bucket>,
}

/// A file that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedFile {
    /// Its path.
    pub path: String,
    /// Why.
    #[serde(default)]
    pub why: String,
}

/// Crashes that are taken for one bug.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// The bucket key of its first crash, 12 hexadecimal digits.
    pub id: String,
    /// The name to show: `NULLW-3f9ac2d1`.
    #[serde(default)]
    pub label: String,
    /// What the key says.
    #[serde(default)]
    pub text: String,
    /// The stable id of the cause.
    #[serde(default)]
    pub cause: String,
    /// What happened, in one line.
    #[serde(default)]
    pub title: String,
    /// How bad it may be.
    #[serde(default)]
    pub severity: Severity,
    /// What the severity rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Where it happened.
    #[serde(default)]
    pub place: Place,
    /// Crashes in all.
    pub count: u64,
    /// Different stacks and messages among them.
    #[serde(default)]
    pub variants: u64,
    /// Hosts that had it. 0: no crash says.
    #[serde(default)]
    pub hosts: u64,
    /// Builds of the program that had it, by build-id, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<String>,
    /// The first time, in UTC, as RFC 3339 writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<String>,
    /// The last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Crashes in each of equal parts of the time of all crashes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over_time: Vec<u64>,
    /// Whether the baseline knows it. Absent: there was no baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// The urgency, and what it is made of.
    #[serde(default)]
    pub rank: Rank,
    /// Other keys whose crashes are in this bucket, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Link>,
    /// Other buckets that may be the same bug.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similar: Vec<Link>,
    /// Files of crashes, at most twenty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// The report of one crash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<Report>>,
}

/// A place in the source, and in the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The file, as the debug information has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The file, relative to the repository's root, where it is part of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_file: Option<String>,
}

/// What the baseline says of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// Whether it names it, and its entry has not expired.
    pub known: bool,
    /// Who looks after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The last day on which it counts as known, `2026-12-31`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The build in which it was said to be fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_in: Option<String>,
    /// Why it is not known any more: it has expired, or came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Another bucket or key, and what speaks for its being the same bug.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// Its id.
    pub id: String,
    /// Its name to show.
    #[serde(default)]
    pub label: String,
    /// How similar the stacks are, from -1 to 1.
    #[serde(default)]
    pub score: f64,
    /// In words: "same cause, same function, differs in caller".
    #[serde(default)]
    pub why: String,
}

/// How urgent a bucket is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rank {
    /// The larger, the more urgent.
    #[serde(default)]
    pub score: f64,
    /// The factors: "3 hosts: 2.0", "severity high: 4".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
}
