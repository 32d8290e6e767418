//! What we lack, why, and what would help.

use std::sync::Mutex;

/// Something that a report cannot say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// What is missing: "line numbers of libfoo.so.1 (build-id 3f2a91...)".
    pub missing: String,
    /// Why: "no separate debug file was found".
    pub why: String,
    /// What the reader can do about it, when something helps.
    pub hint: Option<String>,
}

/// Collects the gaps of one analysis, each once, in the order of arrival.
/// Stages note gaps through a shared reference, from any thread.
#[derive(Debug, Default)]
pub struct Gaps {
    noted: Mutex<Vec<Gap>>,
}

/// More than this many gaps say nothing that the first ones do not; a hostile
/// file must not grow the report without bound.
const MOST: usize = 200;

impl Gaps {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a gap with a remedy.
    pub fn note(
        &self,
        missing: impl Into<String>,
        why: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(Gap { missing: missing.into(), why: why.into(), hint: Some(hint.into()) });
    }

    /// Notes a gap that nothing helps against.
    pub fn note_final(&self, missing: impl Into<String>, why: impl Into<String>) {
        self.add(Gap { missing: missing.into(), why: why.into(), hint: None });
    }

    /// Notes `gap` unless it is known.
    pub fn add(&self, gap: Gap) {
        // A panic while the lock was held cannot leave a half-made list.
        let mut noted = self.noted.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if noted.len() < MOST && !noted.contains(&gap) {
            noted.push(gap);
        }
    }

    /// All gaps noted so far.
    pub fn list(&self) -> Vec<Gap> {
        self.noted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_listed_once_and_the_list_is_bounded() {
        let gaps = Gaps::new();
        gaps.note("lines of a", "no debug file", "install a-dbgsym");
        gaps.note("lines of a", "no debug file", "install a-dbgsym");
        assert_eq!(gaps.list().len(), 1);
        for number in 0..MOST * 2 {
            gaps.note_final(format!("stack of thread {number}"), "the core is cut");
        }
        assert_eq!(gaps.list().len(), MOST);
    }
}
