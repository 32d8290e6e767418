//! gdb as an oracle: it runs a program to its death, saves a core, and says what
//! it sees.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use crate::support::fixture::Fixture;
use crate::support::scratch;

/// What gdb knows of a stopped process.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GdbFacts {
    /// The crashed thread first.
    pub(crate) threads: Vec<GdbThread>,
}

/// One thread.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GdbThread {
    pub(crate) tid: u32,
    /// At most 64, innermost first, inlined ones included.
    pub(crate) frames: Vec<GdbFrame>,
}

/// One frame.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GdbFrame {
    pub(crate) pc: String,
    pub(crate) function: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) is_inlined: bool,
    /// Rebuilt from the call that jumped: nothing of it is on the stack.
    pub(crate) is_tail_call: bool,
    pub(crate) is_signal_frame: bool,
    /// Innermost scope first.
    pub(crate) variables: Vec<GdbVariable>,
}

/// One variable.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GdbVariable {
    pub(crate) name: String,
    /// `integer`, `pointer`, `float`, `struct`, `array`, `other`, `optimized_out`
    /// or `error`.
    pub(crate) kind: String,
    /// The bits of an integer or pointer, cut to its size: `0x1f`.
    pub(crate) raw: Option<String>,
    /// Its size in bytes.
    pub(crate) size: Option<u32>,
    /// A number with a point; the words of an error.
    pub(crate) text: Option<String>,
    /// The plain and short text that a pointer to characters points to.
    pub(crate) string: Option<String>,
    /// The members of a structure; the first elements of an array.
    #[serde(default)]
    pub(crate) parts: Vec<Self>,
}

impl GdbVariable {
    /// What gdb knows of it, for a complaint.
    pub(crate) fn shown(&self) -> String {
        let own = self.raw.as_ref().or(self.text.as_ref());
        own.cloned().unwrap_or_else(|| {
            let parts: Vec<_> = self.parts.iter().map(Self::shown).collect();
            format!("{{{}}}", parts.join(", "))
        })
    }
}

/// Runs `program` to its death and saves a core of it at `core`.
///
/// # Panics
/// When gdb is missing, or the program did not die as its fixture says.
pub(crate) fn run_to_death(fixture: &Fixture, program: &Path, core: &Path) -> GdbFacts {
    let facts = core.with_extension("facts");
    let mut talk = String::new();
    // gdb 13 dies of some values once they are taken apart.
    for depth in ["4", "0"] {
        let output = run(fixture, program, core, &facts, depth);
        let json = fs::read_to_string(&facts).unwrap_or_default();
        if !json.is_empty() {
            return serde_json::from_str(&json).expect("gdb_facts.py writes what GdbFacts reads");
        }
        talk = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    panic!("gdb did not see `{}` die:\n{talk}", fixture.name)
}

fn run(fixture: &Fixture, program: &Path, core: &Path, facts: &Path, depth: &str) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/gdb_facts.py");
    // When gdb itself crashes, which it allows a core, that is left here.
    let here = scratch::directory("gdb");
    let mut command = Command::new("env");
    // A runner in the background may have these ignored, and children inherit that.
    command
        .args(["--default-signal=QUIT,INT,PIPE", "timeout", "--foreground", "120"])
        .args(["gdb", "-nx", "-batch", "-x", script])
        .arg("--args")
        .arg(program)
        .current_dir(here.path())
        .env("FACTS", facts)
        .env("CORE", core)
        .env("OUTPUT", core.with_extension("output"))
        .env("SIGNAL", fixture.signal())
        .env("HANDLED", fixture.handled.to_string())
        .env("SEND", if fixture.send.is_some() { "yes" } else { "no" })
        .env("ROUNDS", if fixture.is_busy { "15" } else { "500" })
        .env("DEPTH", depth)
        .stdin(Stdio::null())
        .env_remove("LINES")
        .env_remove("COLUMNS")
        .output()
        .expect("gdb is installed")
}
