// Containers that were overwritten: what is wrong is said, and what is sound is
// shown. Structures are overwritten by the order of their words that rustc 1.95
// chose; where it chose another one, the value is a different damage.
//
// expect: signal SIGABRT
// expect: [O0] value crash.length contains "damaged: 1000000 elements, with room for "
// expect: [O0] value crash.capacity contains "are in no mapped memory"
// expect: [O0] value crash.text contains "are in no mapped memory"
// expect: [O0] value crash.ring contains "damaged: 3 elements from 77 on, with room for 4"
// expect: [O0] value crash.circle contains "[1, 2, 3, <damaged: its node at "
// expect: [O0] value crash.short contains "[1, 2, <damaged: its length is 3>]"
// expect: [O0] value crash.items contains "full slots, for 3 elements>"
// expect: [O0] value crash.mask contains "damaged: its mask is 0x4"
// expect: [O0] value crash.controls contains "are in no mapped memory"
// expect: [O0] value crash.height contains "damaged: it is 99 nodes high"
// expect: [O0] value crash.keys contains "<damaged: its length is 9>]"
// expect: [O0] value crash.child contains "does not know its parent at "
// expect: [O0] value crash.counts contains "damaged: strong count of 0x"
// expect: [O0] value crash.letter=<unknown: 0xffffff is no character>
// expect: [O0] value crash.flag=<unknown: 7 is no bool>
// expect: [O0] value crash.color=<unknown: its discriminant is 9, which no variant has>
// expect: [O0] value crash.shape contains "<unknown: its discriminant is 0x9, which no variant has>"
// expect: [O0] value crash.time contains "damaged: 4294967295 nanoseconds are more than a second"
// expect: [O0] value crash.bytes=<unknown: damaged: 2 elements, with room for 0; or it was moved, or is not set yet>
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::black_box;
use std::mem::size_of;
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone, Copy)]
enum Color {
    Red,
    Green,
}

enum Shape {
    Circle(u32),
    Square(u32),
    Nothing,
}

/// Sets a word of a value.
fn poke<T>(of: &mut T, word: usize, to: usize) {
    assert!((word + 1) * 8 <= size_of::<T>());
    let words: *mut usize = std::ptr::from_mut(of).cast();
    // SAFETY: it lies within the value. What becomes of the value is the point.
    unsafe { words.add(word).write_volatile(to) };
}

/// The word of a value that is such, counted from its start.
fn find<T>(of: &T, wanted: impl Fn(usize) -> bool) -> usize {
    let words: *const usize = std::ptr::from_ref(of).cast();
    // SAFETY: within the value, and all of its words are initialized here.
    let all = (0..size_of::<T>() / 8).map(|word| unsafe { words.add(word).read_volatile() });
    all.enumerate().find(|(_, value)| wanted(*value)).expect("a word like that").0
}

/// A pointer to a value, as one to words.
fn words_of<T>(of: &T, word: usize) -> *mut usize {
    let words: *const *mut usize = std::ptr::from_ref(of).cast();
    // SAFETY: the value is larger than that, and has a pointer there.
    unsafe { words.add(word).read_volatile() }
}

fn is_heap(word: usize) -> bool {
    word > 0x10_0000
}

#[inline(never)]
fn crash() {
    let mut length = Vec::with_capacity(5);
    length.extend([1, 2, 3]);
    let word = find(&length, |word| word == 3);
    poke(&mut length, word, 1_000_000);

    let mut capacity = Vec::with_capacity(5);
    capacity.extend([1, 2, 3]);
    let (len, cap) = (find(&capacity, |word| word == 3), find(&capacity, |word| word == 5));
    poke(&mut capacity, len, 1 << 60);
    poke(&mut capacity, cap, 1 << 60);

    let mut text = "text".to_owned();
    let word = find(&text, is_heap);
    poke(&mut text, word, 0x10);

    let mut ring = VecDeque::with_capacity(4);
    ring.extend([1, 2, 3]);
    let word = find(&ring, |word| word == 0);
    poke(&mut ring, word, 77);

    let mut circle = LinkedList::from([1u64, 2, 3]);
    let mut short = LinkedList::from([1u64, 2, 3]);
    for (list, is_cut) in [(&mut circle, false), (&mut short, true)] {
        // From the first node to the second, and to the third.
        let first = words_of(list, find(list, is_heap));
        // SAFETY: nodes have three words; of the first one, the only pointer
        // is that to the next.
        unsafe {
            let next = (0..3).find(|at| is_heap(first.add(*at).read())).expect("a pointer");
            let second = first.add(next).read() as *mut usize;
            let third = second.add(next).read() as *mut usize;
            match is_cut {
                false => third.add(next).write_volatile(first as usize),
                true => second.add(next).write_volatile(0),
            }
        }
    }
    // The length is right or wrong, but the circle must not be walked for ever.
    let word = find(&circle, |word| word == 3);
    poke(&mut circle, word, 1_000_000);

    let mut items = HashSet::from([1, 2]);
    let word = find(&items, |word| word == 2);
    poke(&mut items, word, 3);
    let mut mask = HashSet::from([1, 2]);
    let word = find(&mask, |word| word == 3);
    poke(&mut mask, word, 4);
    let mut controls = HashMap::from([(1, 2)]);
    let word = find(&controls, |word| word == 3);
    poke(&mut controls, word, (1 << 40) - 1);

    let mut height: BTreeMap<u64, u64> = (0..30).map(|n| (n, n)).collect();
    let word = find(&height, |word| word == 1);
    poke(&mut height, word, 99);
    let mut keys = BTreeSet::from([1, 2]);
    let word = find(&keys, |word| word == 2);
    poke(&mut keys, word, 9);
    let child: BTreeMap<u64, u64> = (0..30).map(|n| (n, n)).collect();
    let root = words_of(&child, find(&child, is_heap));
    // SAFETY: behind its keys and values, the root has its edges; the second
    // of them is replaced by the first.
    unsafe {
        let edges = size_of::<[u64; 22]>() / 8 + 2;
        let first = root.add(edges).read();
        root.add(edges + 1).write_volatile(first);
    }

    let counts = Rc::new(5);
    // SAFETY: the counts are in front of the value.
    unsafe { Rc::as_ptr(&counts).cast_mut().cast::<usize>().sub(2).write_volatile(usize::MAX / 2 + 9) };

    let mut letter = 'x';
    let mut flag = true;
    let mut color = [Color::Red, Color::Green][0];
    let mut shape = [Shape::Circle(1), Shape::Square(2), Shape::Nothing];
    let mut time = Duration::from_secs(1);
    // SAFETY: overwrites the values, of which nobody reads anything later.
    unsafe {
        (&raw mut letter).cast::<u32>().write_volatile(0xff_ffff);
        (&raw mut flag).cast::<u8>().write_volatile(7);
        (&raw mut color).cast::<u8>().write_volatile(9);
        (&raw mut shape).cast::<u32>().write_volatile(9);
        (&raw mut time).cast::<u32>().add(2).write_volatile(u32::MAX);
    }
    let [shape, ..] = &shape;

    let mut bytes: Vec<u8> = Vec::new();
    // The capacity is the first of the two words that are zero.
    let capacity_at = find(&bytes, |word| word == 0);
    poke(&mut bytes, capacity_at, 2);
    let len_at = find(&bytes, |word| word == 0);
    poke(&mut bytes, len_at, 2);
    poke(&mut bytes, capacity_at, 0);

    black_box((&length, &capacity, &text, &ring, &circle, &short, &items, &mask, &controls));
    black_box((&height, &keys, &child, &counts, &letter, &flag, &color, &shape, &time, &bytes));
    std::process::abort();
}

fn main() {
    crash();
}
