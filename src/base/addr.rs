//! Addresses by type. A bare `u64` address never crosses a module.

use std::fmt;

/// An address in the dead process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunAddr(pub u64);

/// An address as the ELF file states it, before the loader added the bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkAddr(pub u64);

/// A position in a file, in bytes from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileOff(pub u64);

/// What the loader added to every address of a module: [`RunAddr`] minus
/// [`LinkAddr`], modulo 2^64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bias(pub u64);

impl RunAddr {
    /// The same place as the module's file states it.
    pub fn to_link(self, bias: Bias) -> LinkAddr {
        LinkAddr(self.0.wrapping_sub(bias.0))
    }

    /// `self + bytes`, or nothing past the top of the address space.
    pub fn checked_add(self, bytes: u64) -> Option<Self> {
        self.0.checked_add(bytes).map(Self)
    }

    /// `self + bytes` modulo 2^64, as the processor computes addresses.
    pub fn wrapping_add(self, bytes: i64) -> Self {
        Self(self.0.wrapping_add_signed(bytes))
    }
}

impl LinkAddr {
    /// The same place in the dead process.
    pub fn to_run(self, bias: Bias) -> RunAddr {
        RunAddr(self.0.wrapping_add(bias.0))
    }
}

impl fmt::Display for RunAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for LinkAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for FileOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {:#x}", self.0)
    }
}

/// Addresses from `start` up to, and without, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunRange {
    /// The first address.
    pub start: RunAddr,
    /// The first address after it.
    pub end: RunAddr,
}

impl RunRange {
    /// Whether `at` lies inside.
    pub fn contains(self, at: RunAddr) -> bool {
        self.start <= at && at < self.end
    }

    /// Length in bytes; zero when the ends are in the wrong order.
    pub fn len(self) -> u64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// Whether no address lies inside.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for RunRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:#x}", self.start, self.end.0)
    }
}

/// Where a frame stands, and what kind of address that is.
///
/// A return address names the instruction *after* the call, which may belong
/// to another line, another inlined function, or, after a call that never
/// returns, another function altogether. So lookups go one byte back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameAddr {
    /// The next instruction to run: the innermost frame, and a frame that a
    /// signal interrupted.
    Pc(RunAddr),
    /// Where a call returns to: every other frame.
    Return(RunAddr),
}

impl FrameAddr {
    /// The address itself, as a debugger prints it.
    pub fn addr(self) -> RunAddr {
        match self {
            Self::Pc(at) | Self::Return(at) => at,
        }
    }

    /// The address to look up in unwind tables, line tables and scopes.
    pub fn lookup(self) -> RunAddr {
        match self {
            Self::Pc(at) => at,
            Self::Return(at) => RunAddr(at.0.wrapping_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_addresses() {
        let cases = [
            ("a pc is looked up as it is", FrameAddr::Pc(RunAddr(0x1000)), 0x1000),
            ("a return address belongs to its call", FrameAddr::Return(RunAddr(0x1000)), 0xfff),
            ("a null return address does not panic", FrameAddr::Return(RunAddr(0)), u64::MAX),
        ];
        for (name, at, want) in cases {
            assert_eq!(at.lookup(), RunAddr(want), "{name}");
        }
    }

    #[test]
    fn bias_goes_both_ways() {
        let cases = [
            ("a shared library", 0x7f00_0000_1234, 0x7f00_0000_0000, 0x1234),
            ("a fixed-position program", 0x40_1000, 0, 0x40_1000),
            ("loaded below its link address", 0x1000, 0x1000u64.wrapping_neg(), 0x2000),
        ];
        for (name, run, bias, link) in cases {
            assert_eq!(RunAddr(run).to_link(Bias(bias)), LinkAddr(link), "{name}");
            assert_eq!(LinkAddr(link).to_run(Bias(bias)), RunAddr(run), "{name}");
        }
    }
}
