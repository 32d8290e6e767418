//! The ways to build one fixture.

use std::fmt;

use crate::support::expectation::Condition;
use crate::support::fixture::{Fixture, Language};

/// A compiler and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Build {
    pub(crate) compiler: Compiler,
    pub(crate) level: Level,
    /// DWARF 4 instead of the compiler's default, which for C is 5.
    pub(crate) is_dwarf4: bool,
    /// Neither symbols nor debug information are left.
    pub(crate) is_stripped: bool,
}

/// Which compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Compiler {
    Gcc,
    Clang,
    Rustc,
    Go,
    Gdc,
}

/// How far it optimizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Level {
    O0,
    O1,
    /// `-Og`.
    Debugging,
    /// `-O2`; of rustc `-O`.
    O2,
    O3,
    /// `-O2 -flto`.
    Linked,
}

/// The levels besides `-O0` and `-O2`, for the fixtures that ask for them.
const MORE_LEVELS: [Level; 4] = [Level::O1, Level::Debugging, Level::O3, Level::Linked];

impl Build {
    /// The plainest build of a fixture.
    pub(crate) fn plain(fixture: &Fixture) -> Self {
        let compiler = match fixture.language {
            Language::C | Language::Cxx => Compiler::Gcc,
            Language::Rust => Compiler::Rustc,
            Language::Go => Compiler::Go,
            Language::D => Compiler::Gdc,
        };
        Self { compiler, level: Level::O0, is_dwarf4: false, is_stripped: false }
    }

    /// All builds in which a fixture is tested.
    pub(crate) fn all(fixture: &Fixture) -> Vec<Self> {
        let compilers: &[Compiler] = match fixture.language {
            // The compiler's own name is known from the fixture.
            _ if fixture.compiler.is_some() => &[Compiler::Gcc],
            Language::C | Language::Cxx => &[Compiler::Gcc, Compiler::Clang],
            Language::Rust => &[Compiler::Rustc],
            Language::Go => &[Compiler::Go],
            Language::D => &[Compiler::Gdc],
        };
        let mut builds = Vec::new();
        for compiler in compilers {
            let of = |level, is_dwarf4| Self {
                compiler: *compiler,
                level,
                is_dwarf4,
                is_stripped: false,
            };
            builds.extend([of(Level::O0, false), of(Level::O2, false)]);
            if fixture.with_dwarf4 {
                builds.push(of(Level::O2, true));
            }
            if fixture.with_every_level {
                builds.extend(MORE_LEVELS.map(|level| of(level, false)));
                builds.extend([of(Level::O0, true), of(Level::O3, true)]);
            }
            // What is gone then is the same with each compiler.
            if fixture.with_stripped && *compiler != Compiler::Clang {
                let plain = [of(Level::O0, false), of(Level::O2, false)];
                builds.extend(plain.map(|build| Self { is_stripped: true, ..build }));
            }
        }
        builds
    }

    /// The same build, stripped.
    pub(crate) fn stripped(self) -> Self {
        Self { is_stripped: true, ..self }
    }

    /// Whether variables may be lost.
    pub(crate) fn is_optimized(self) -> bool {
        self.level != Level::O0
    }

    /// Whether a condition of an expectation fits.
    pub(crate) fn meets(self, condition: Condition) -> bool {
        match condition {
            Condition::O0 => !self.is_optimized(),
            Condition::O2 => self.level == Level::O2,
            Condition::Gcc => self.compiler == Compiler::Gcc,
            Condition::Clang => self.compiler == Compiler::Clang,
            Condition::Symbols => !self.is_stripped,
            Condition::Stripped => self.is_stripped,
        }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compiler = match self.compiler {
            Compiler::Gcc => "gcc",
            Compiler::Clang => "clang",
            Compiler::Rustc => "rustc",
            Compiler::Go => "go",
            Compiler::Gdc => "gdc",
        };
        let level = match self.level {
            Level::O0 => "O0",
            Level::O1 => "O1",
            Level::Debugging => "Og",
            Level::O2 => "O2",
            Level::O3 => "O3",
            Level::Linked => "lto",
        };
        let dwarf = if self.is_dwarf4 { "-dwarf4" } else { "" };
        let stripped = if self.is_stripped { "-stripped" } else { "" };
        write!(f, "{compiler}-{level}{dwarf}{stripped}")
    }
}
