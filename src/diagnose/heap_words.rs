//! What allocators say before they end a program that has damaged their data.

/// What an allocator complained about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// A block was freed that had been freed before.
    DoubleFree,
    /// What was freed is no block, or the words before it were overwritten.
    InvalidFree,
    /// The words between two blocks were overwritten.
    Overflow,
    /// A block was written to after it was freed.
    WrittenFreed,
    /// Something else of the allocator's own is damaged.
    Other,
}

/// The start of a text, the complaint, and what it means in more words.
type Meaning = (&'static str, Complaint, &'static str);

/// glibc: the calls of `malloc_printerr` in `malloc/malloc.c`. The first entry
/// that a text starts with counts.
const GLIBC: &[Meaning] = &[
    ("free(): double free", Complaint::DoubleFree, FREED_BEFORE),
    ("double free or corruption (out)", Complaint::Overflow, SIZE_LEADS_OUT),
    ("double free", Complaint::DoubleFree, FREED_BEFORE),
    ("free(): invalid pointer", Complaint::InvalidFree, NOT_A_BLOCK),
    ("munmap_chunk(): invalid pointer", Complaint::InvalidFree, NOT_A_BLOCK),
    ("mremap_chunk(): invalid pointer", Complaint::InvalidFree, NOT_A_BLOCK),
    ("realloc(): invalid pointer", Complaint::InvalidFree, NOT_A_BLOCK),
    ("free(): invalid size", Complaint::InvalidFree, NOT_A_BLOCK),
    ("free(): invalid next size", Complaint::Overflow, BEHIND),
    ("free(): corrupted unsorted chunks", Complaint::WrittenFreed, FREED_WRITTEN),
    ("free(): unaligned chunk", Complaint::WrittenFreed, FREED_WRITTEN),
    ("free(): too many chunks", Complaint::WrittenFreed, FREED_WRITTEN),
    ("realloc(): invalid next size", Complaint::Overflow, BEHIND),
    ("realloc(): invalid old size", Complaint::Overflow, "the block's header was overwritten"),
    ("corrupted size vs. prev_size", Complaint::Overflow, HEADER),
    ("corrupted double-linked list", Complaint::WrittenFreed, FREED_WRITTEN),
    (
        "malloc(): corrupted top size",
        Complaint::Overflow,
        "what lies behind the last block was overwritten",
    ),
    ("malloc(): invalid size (unsorted)", Complaint::Overflow, HEADER),
    ("malloc(): invalid next size (unsorted)", Complaint::Overflow, HEADER),
    ("malloc(): mismatching next->prev_size (unsorted)", Complaint::Overflow, HEADER),
    ("malloc(): invalid next->prev_inuse (unsorted)", Complaint::Overflow, HEADER),
    ("malloc(): unsorted double linked list corrupted", Complaint::WrittenFreed, FREED_WRITTEN),
    ("malloc(): smallbin double linked list corrupted", Complaint::WrittenFreed, FREED_WRITTEN),
    ("malloc(): largebin double linked list corrupted", Complaint::WrittenFreed, FREED_WRITTEN),
    ("malloc(): corrupted unsorted chunks", Complaint::WrittenFreed, FREED_WRITTEN),
    ("malloc(): unaligned", Complaint::WrittenFreed, FREED_WRITTEN),
    ("malloc(): memory corruption", Complaint::WrittenFreed, FREED_WRITTEN),
    ("malloc_consolidate(): unaligned", Complaint::WrittenFreed, FREED_WRITTEN),
    ("malloc_consolidate(): invalid chunk size", Complaint::Overflow, HEADER),
    ("invalid fastbin entry", Complaint::WrittenFreed, FREED_WRITTEN),
    ("free(): ", Complaint::Other, DAMAGED),
    ("malloc(): ", Complaint::Other, DAMAGED),
    ("realloc(): ", Complaint::Other, DAMAGED),
    ("corrupted ", Complaint::Other, DAMAGED),
    ("malloc_consolidate(): ", Complaint::Other, DAMAGED),
    ("break adjusted to free malloc space", Complaint::Other, DAMAGED),
];

const FREED_BEFORE: &str = "the pointer had been freed before";
const NOT_A_BLOCK: &str =
    "the pointer is none that malloc gave, or the header before it was overwritten";
const SIZE_LEADS_OUT: &str = "the size in the block's header leads out of the heap";
const BEHIND: &str = "what lies behind the block was overwritten";
const HEADER: &str = "the header of a block was overwritten";
const FREED_WRITTEN: &str = "a free block was written to";
const DAMAGED: &str = "the heap's own data is damaged";

/// Other allocators: a part of the text by which each is known, and its name.
const OTHERS: &[(&str, &str)] = &[
    ("<jemalloc>: ", "jemalloc"),
    ("] Attempt to free invalid pointer", "tcmalloc"),
    ("Scudo ERROR: ", "Scudo"),
    ("fatal allocator error: ", "hardened_malloc"),
    ("mimalloc: error: ", "mimalloc"),
];

/// What a text says, if an allocator said it, and what it means.
pub fn complaint(text: &str) -> Option<(Complaint, &'static str)> {
    let glibc = GLIBC.iter().find(|(start, ..)| text.starts_with(start));
    if let Some((_, complaint, meaning)) = glibc {
        return Some((*complaint, meaning));
    }
    allocator(text)?;
    let has = |word: &str| text.contains(word);
    Some(match () {
        () if has("double free") || has("double-free") => (Complaint::DoubleFree, FREED_BEFORE),
        () if has("invalid pointer") || has("invalid free") || has("Invalid deallocation") => {
            (Complaint::InvalidFree, NOT_A_BLOCK)
        }
        () if has("canary corrupted") || has("buffer overflow") => (Complaint::Overflow, BEHIND),
        () if has("after free") => (Complaint::WrittenFreed, FREED_WRITTEN),
        () => (Complaint::Other, DAMAGED),
    })
}

/// The allocator other than glibc's that a text comes from.
pub fn allocator(text: &str) -> Option<&'static str> {
    OTHERS.iter().find(|(part, _)| text.contains(part)).map(|(_, name)| *name)
}

/// Parts of texts by which allocators other than glibc's are known.
pub fn needles() -> impl Iterator<Item = &'static str> {
    OTHERS.iter().map(|(part, _)| *part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_allocators() {
        let cases = [
            ("free(): double free detected in tcache 2", Some(Complaint::DoubleFree)),
            ("double free or corruption (fasttop)", Some(Complaint::DoubleFree)),
            ("double free or corruption (out)", Some(Complaint::Overflow)),
            ("free(): something new", Some(Complaint::Other)),
            ("malloc(): unaligned tcache chunk detected", Some(Complaint::WrittenFreed)),
            ("prog: f.c:1: g: Assertion `free(): ' failed.", None),
            ("*** stack smashing detected ***: terminated", None),
            ("fatal allocator error: double free", Some(Complaint::DoubleFree)),
            (
                "src/tcmalloc.cc:332] Attempt to free invalid pointer 0x1",
                Some(Complaint::InvalidFree),
            ),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(complaint(text).map(|(complaint, _)| complaint), want, "{text}");
        }
    }
}
