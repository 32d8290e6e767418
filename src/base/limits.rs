//! Bounds on everything that an input controls.

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
    /// Steps of one DWARF expression.
    pub expression_steps: u32,
    /// Entries of `link_map` followed.
    pub link_map: usize,
    /// Bytes of `.debug_info` that are searched for types and variables by
    /// name: in the module that asks, and then in all others together.
    pub indexed: u64,
    /// Bytes that one compressed section may expand to.
    pub section: u64,
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
            expression_steps: 10_000,
            link_map: 100_000,
            indexed: 64 << 20,
            section: 8 << 30,
        }
    }
}
