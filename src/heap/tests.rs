use super::*;
use crate::base::addr::RunRange;
use crate::base::memory::tests::Bytes;
use crate::dump::process::tests::process;
use crate::heap::chunks::{FLAGS, IN_USE};

const START: u64 = 0x10000;
const ARENA_HEAP: u64 = 64 << 20;

/// A heap of these sizes, flags included; a chunk whose follower says that it
/// is free has its size behind it.
fn heap(sizes: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let mut chunk = vec![0; (size & !FLAGS) as usize];
        if index > 0 && size & IN_USE == 0 {
            chunk[..8].copy_from_slice(&(sizes[index - 1] & !FLAGS).to_le_bytes());
        }
        chunk[8..16].copy_from_slice(&size.to_le_bytes());
        bytes.extend(chunk);
    }
    bytes
}

fn put(bytes: &mut [u8], at: u64, word: u64) {
    bytes[at as usize..at as usize + 8].copy_from_slice(&word.to_le_bytes());
}

/// What `ask` finds in a process whose only mapping has these bytes.
fn with<T>(start: u64, bytes: &[u8], len: u64, ask: impl Fn(&Heaps<'_>) -> T) -> T {
    let process = process(&[(start, start + len, "rw-")]);
    let memory = Bytes(start, bytes);
    ask(&Heaps::read(&process, &memory, MANY_CHUNKS))
}

fn block_in(bytes: &[u8], at: u64) -> Option<Block> {
    with(START, bytes, bytes.len() as u64, |heaps| heaps.block(RunAddr(at)))
}

#[test]
fn blocks_of_a_sound_heap() {
    let heap = heap(&[0x21, 0x41, 0x31, 0xf70]);
    // The third chunk is free: the fourth says that its previous one is.
    let cases = [
        ("in the first", START + 0x18, 0x18, 8, State::Allocated),
        ("at the start of the second", START + 0x30, 0x38, 0, State::Allocated),
        ("in its header", START + 0x28, 0x38, -8, State::Allocated),
        ("in the free one", START + 0x80, 0x28, 0x10, State::Free(List::Bin)),
        ("in what was never used", START + 0xf00, 0xf60, 0xe60, State::Top),
    ];
    for (name, at, size, offset, state) in cases {
        let found = block_in(&heap, at).unwrap();
        assert_eq!((found.size, found.offset, found.state), (size, offset, state), "{name}");
    }
    let behind = with(START, &heap, heap.len() as u64, |heaps| {
        let first = heaps.block(RunAddr(START + 0x18)).unwrap();
        heaps.next(&first).map(|next| next.start)
    });
    assert_eq!(behind, Some(RunAddr(START + 0x30)));
}

#[test]
fn a_damaged_heap_says_nothing() {
    let sound = heap(&[0x21, 0x41, 0x31, 0xf70]);
    for (name, at, value) in [
        ("a size of zero", 0x28, 0_u64),
        ("a size that leads out", 0x28, 0x9001),
        ("a size that leads into a chunk", 0x28, 0x51),
        ("a crooked size", 0x28, 0x49),
        ("another size behind a free chunk", 0x90, 0x50),
    ] {
        let mut damaged = sound.clone();
        put(&mut damaged, at, value);
        assert_eq!(block_in(&damaged, START + 0x18), None, "{name}");
    }
    assert_eq!(block_in(&[0; 0x1000], START + 0x18), None);
    assert_eq!(block_in(&[0xff; 0x1000], START + 0x18), None);
}

#[test]
fn a_block_with_a_mapping_of_its_own() {
    let found = block_in(&heap(&[0x2002]), START + 0x20).unwrap();
    assert_eq!((found.size, found.offset), (0x1ff0, 0x10));
    assert_eq!(found.state, State::Mapped);
}

/// A heap with a thread's cache of 2.36 at its start, two chunks of 32 bytes, one
/// of 64, and the rest. The cache keeps `cached`, addresses of user data of
/// 32-byte chunks, the last freed first.
fn cached_heap(cached: &[u64]) -> Vec<u8> {
    let mut bytes = heap(&[0x291, 0x21, 0x21, 0x41, 0x1000 - 0x290 - 0x80 + 1]);
    if let Some(first) = cached.first() {
        bytes[16] = cached.len() as u8;
        put(&mut bytes, 16 + 128, *first);
    }
    for (index, user) in cached.iter().enumerate() {
        let next = cached.get(index + 1).copied().unwrap_or(0);
        put(&mut bytes, user - START, next ^ (user >> 12));
    }
    bytes
}

const FIRST: u64 = START + 0x2a0;
const SECOND: u64 = START + 0x2c0;
const THIRD: u64 = START + 0x2e0;

#[test]
fn blocks_of_a_cache() {
    let bytes = cached_heap(&[SECOND, FIRST]);
    let state = |at| block_in(&bytes, at).unwrap().state;
    assert_eq!(state(FIRST), State::Free(List::Tcache));
    assert_eq!(state(SECOND + 4), State::Free(List::Tcache));
    assert_eq!(state(THIRD), State::Allocated);
    let links = with(START, &bytes, bytes.len() as u64, |heaps| {
        heaps.freed().iter().map(|freed| (freed.start.0, freed.link)).collect::<Vec<_>>()
    });
    assert_eq!(links, [(FIRST, START >> 12), (SECOND, FIRST ^ (START >> 12))]);
}

#[test]
fn damage_is_told_with_what_lies_before() {
    let damage = |bytes: &[u8]| {
        with(START, bytes, bytes.len() as u64, |heaps| heaps.damages().first().copied())
    };
    assert_eq!(damage(&cached_heap(&[SECOND, FIRST])), None);
    let mut overrun = cached_heap(&[]);
    let text = u64::from_le_bytes(*b"ABCDEFGH");
    put(&mut overrun, SECOND - 8 - START, text);
    let found = damage(&overrun).unwrap();
    assert_eq!((found.at.0, found.found, found.word), (SECOND - 8, text, Word::Size));
    assert_eq!(found.before, Some((RunAddr(FIRST), 24)));
    // The blocks before are known all the same, the ones behind are not.
    assert_eq!(block_in(&overrun, FIRST).unwrap().state, State::Allocated);
    assert_eq!(block_in(&overrun, THIRD), None);

    let mut written = cached_heap(&[SECOND, FIRST]);
    put(&mut written, SECOND - START, text);
    let found = damage(&written).unwrap();
    assert_eq!((found.at.0, found.found, found.word), (SECOND, text, Word::Link));
}

#[test]
fn lists_that_lead_in_circles_end() {
    let mut bytes = cached_heap(&[SECOND, FIRST]);
    put(&mut bytes, FIRST - START, SECOND ^ (FIRST >> 12));
    let freed = with(START, &bytes, bytes.len() as u64, |heaps| heaps.freed().len());
    assert_eq!(freed, 2);
}

/// The heap of an arena: `heap_info`, the arena with `top` at word 12, chunks.
fn arena_heap(top_in_arena: Option<u64>) -> (u64, Vec<u8>) {
    let start = 3 * ARENA_HEAP;
    let mut bytes = vec![0; 0x2000];
    put(&mut bytes, 0, start + 0x30);
    put(&mut bytes, 16, 0x2000);
    put(&mut bytes, 24, 0x21000);
    // 0x8d0: the first chunk, in use; then a freed one, and the last.
    put(&mut bytes, 0x8d8, 0x45);
    put(&mut bytes, 0x918, 0x35);
    put(&mut bytes, 0x940, 0x30);
    put(&mut bytes, 0x948, 0x2000 - 0x940);
    if let Some(top) = top_in_arena {
        put(&mut bytes, 0x30 + 96, start + top);
    }
    (start, bytes)
}

#[test]
fn blocks_of_other_arenas() {
    let block_at = |top, into: u64| {
        let (start, bytes) = arena_heap(top);
        with(start, &bytes, 0x21000, |heaps| heaps.block(RunAddr(start + into)))
            .map(|found| (found.start.0 - start, found.size, found.state))
    };
    let top = Some(0x940);
    assert_eq!(block_at(top, 0x8f0), Some((0x8e0, 0x38, State::Allocated)));
    assert_eq!(block_at(top, 0x920), Some((0x920, 0x28, State::Free(List::Bin))));
    assert_eq!(block_at(top, 0x1000).unwrap().2, State::Top);
    assert_eq!(block_at(top, 0x100), None, "in the arena itself");
    assert_eq!(block_at(None, 0x8f0), None, "the arena knows no such last chunk");
    assert_eq!(block_at(top, 0x2000), None, "behind what is in use");
}

#[test]
fn random_words_are_survived() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..200 {
        let mut bytes = cached_heap(&[SECOND, FIRST]);
        for _ in 0..=round % 16 {
            let at = next() % (bytes.len() as u64 - 8);
            put(&mut bytes, at, next());
        }
        let range = RunRange { start: RunAddr(START), end: RunAddr(START + 0x1000) };
        with(START, &bytes, 0x1000, |heaps| {
            for into in (0..0x1000).step_by(24) {
                if let Some(block) = heaps.block(RunAddr(START + into)) {
                    assert!(range.contains(block.start), "round {round}");
                }
            }
        });
    }
}

/// A mapping that damage made as large as the address space has no more heaps
/// than are looked for.
#[test]
fn a_mapping_may_span_everything() {
    let found = with(START, &[0; 64], u64::MAX - START, |heaps| heaps.is_empty());
    assert!(found);
}
