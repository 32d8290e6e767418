//! Bounds on everything that an input controls.

use std::time::Duration;

/// How far an analysis goes. Every loop, depth, length and allocation whose
/// size a core, an ELF file or DWARF could choose is bounded by one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Physical frames unwound per thread.
    pub frames: usize,
    /// Frames per thread kept in full at the innermost end of a stack; of a
    /// deeper one the middle is kept as addresses only.
    pub frames_kept: usize,
    /// Threads analyzed.
    pub threads: usize,
    /// Modules looked at.
    pub modules: usize,
    /// Bytes of one string shown.
    pub string: usize,
    /// Elements of one array, sequence or map shown.
    pub elements: usize,
    /// Nesting of one value shown.
    pub depth: usize,
    /// Parts (fields, elements, targets) of all values of one frame.
    pub parts: usize,
    /// Bytes of the text of one structure, array or container; what is in the
    /// tree below it and does not fit is counted.
    pub text: usize,
    /// Steps of one DWARF expression.
    pub expression_steps: u32,
    /// Entries of `link_map` followed.
    pub link_map: usize,
    /// Bytes of `.debug_info` that are searched for types and variables by
    /// name: in the module that asks, and then in all others together.
    pub indexed: u64,
    /// Bytes that one compressed section may expand to.
    pub section: u64,
    /// Bytes that a compressed core may unpack to.
    pub stream: u64,
    /// Bytes that are kept of a core that is read as a stream; zeros are free.
    pub kept_of_stream: u64,
    /// Bytes of binaries that come with a core in a compressed tar.
    pub attached: u64,
    /// Bytes of memory of a confined analysis.
    pub memory: u64,
    /// Time on a processor of a confined analysis.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frames: 1_000_000,
            frames_kept: 256,
            threads: 100_000,
            modules: 20_000,
            string: 200,
            elements: 20,
            depth: 4,
            parts: 2_000,
            text: 160,
            expression_steps: 10_000,
            link_map: 100_000,
            indexed: 16 << 20,
            section: 8 << 30,
            stream: 1 << 40,
            kept_of_stream: 256 << 20,
            attached: 4 << 30,
            memory: 4 << 30,
            time: Duration::from_secs(120),
        }
    }
}

/// The most that a user may ask for; larger numbers mean this.
const MOST_STRING: usize = 1 << 20;
const MOST_ELEMENTS: usize = 100_000;
const MOST_DEPTH: usize = 64;
const MOST_PARTS: usize = 200_000;
const MOST_TEXT: usize = 1 << 18;

impl Limits {
    /// As these, but names are looked for in all debug information, whatever
    /// its size: who asks for a name waits for it.
    #[must_use]
    pub fn with_all_names(self) -> Self {
        Self { indexed: u64::MAX, ..self }
    }

    /// As these, but all of a compressed core is unpacked: who asks for an
    /// address may ask for any.
    #[must_use]
    pub fn with_whole_stream(self) -> Self {
        Self { kept_of_stream: u64::MAX, ..self }
    }

    /// As these, but strings of up to so many bytes are shown.
    #[must_use]
    pub fn with_string(self, string: usize) -> Self {
        Self { string: string.min(MOST_STRING), ..self }
    }

    /// As these, but up to so many elements of one container are shown, and as
    /// many more parts and characters as that may need.
    #[must_use]
    pub fn with_elements(self, elements: usize) -> Self {
        let elements = elements.min(MOST_ELEMENTS);
        let more = elements.div_ceil(self.elements.max(1)).max(1);
        Self {
            elements,
            parts: self.parts.saturating_mul(more).min(MOST_PARTS),
            text: self.text.saturating_mul(more).min(MOST_TEXT),
            ..self
        }
    }

    /// As these, but values nest up to so deep.
    #[must_use]
    pub fn with_depth(self, depth: usize) -> Self {
        Self { depth: depth.min(MOST_DEPTH), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_asks_for_is_bounded() {
        let limits = Limits::default();
        let more = limits.with_elements(200).with_string(5).with_depth(1_000);
        assert_eq!((more.elements, more.parts, more.text), (200, 20_000, 1_600));
        assert_eq!((more.string, more.depth), (5, MOST_DEPTH));
        let most = limits.with_elements(usize::MAX);
        assert_eq!((most.elements, most.parts, most.text), (MOST_ELEMENTS, MOST_PARTS, MOST_TEXT));
        // Fewer elements leave room for as many parts as before.
        let fewer = limits.with_elements(0);
        assert_eq!((fewer.elements, fewer.parts), (0, limits.parts));
    }
}
