//! The ways to build one fixture.

use std::fmt;

use crate::support::expectation::Condition;
use crate::support::fixture::{Fixture, Language};

/// A compiler and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Build {
    pub(crate) compiler: Compiler,
    /// `-O2` (rustc: `-O`) or `-O0`.
    pub(crate) is_optimized: bool,
    /// DWARF 4 instead of the compiler's default, which for C is 5.
    pub(crate) is_dwarf4: bool,
}

/// Which compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Compiler {
    Gcc,
    Clang,
    Rustc,
}

impl Build {
    /// The plainest build of a fixture.
    pub(crate) fn plain(fixture: &Fixture) -> Self {
        let compiler = match fixture.language {
            Language::C | Language::Cxx => Compiler::Gcc,
            Language::Rust => Compiler::Rustc,
        };
        Self { compiler, is_optimized: false, is_dwarf4: false }
    }

    /// All builds in which a fixture is tested.
    pub(crate) fn all(fixture: &Fixture) -> Vec<Self> {
        let compilers: &[Compiler] = match fixture.language {
            // The compiler's own name is known from the fixture.
            _ if fixture.compiler.is_some() => &[Compiler::Gcc],
            Language::C | Language::Cxx => &[Compiler::Gcc, Compiler::Clang],
            Language::Rust => &[Compiler::Rustc],
        };
        let mut builds = Vec::new();
        for compiler in compilers {
            for is_optimized in [false, true] {
                builds.push(Self { compiler: *compiler, is_optimized, is_dwarf4: false });
            }
            if fixture.with_dwarf4 {
                builds.push(Self { compiler: *compiler, is_optimized: true, is_dwarf4: true });
            }
        }
        builds
    }

    /// Whether a condition of an expectation fits.
    pub(crate) fn meets(self, condition: Condition) -> bool {
        match condition {
            Condition::O0 => !self.is_optimized,
            Condition::O2 => self.is_optimized,
            Condition::Gcc => self.compiler == Compiler::Gcc,
            Condition::Clang => self.compiler == Compiler::Clang,
        }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compiler = match self.compiler {
            Compiler::Gcc => "gcc",
            Compiler::Clang => "clang",
            Compiler::Rustc => "rustc",
        };
        let level = if self.is_optimized { "O2" } else { "O0" };
        let dwarf = if self.is_dwarf4 { "-dwarf4" } else { "" };
        write!(f, "{compiler}-{level}{dwarf}")
    }
}
