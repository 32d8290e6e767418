// Containers as older and unknown versions of the library laid them out. This
// crate has the library's name, so that the debug information does not tell its
// types from the library's.
//
// expect: signal SIGABRT
// expect: value crash.vector=[1, 2, 3]
// expect: value crash.ring=[3, 4, 1]
// expect: value crash.text="old"
// expect: value crash.foreign={first: 1, count: 2}
// expect: value crash.half={len: 3, buffer: 7}
#![crate_name = "alloc"]
#![allow(dead_code)]
use std::hint::black_box;

mod raw_vec {
    /// Before rustc 1.84, there was no structure within.
    pub struct RawVec<T> {
        pub ptr: *const T,
        pub cap: usize,
    }
}

mod vec {
    pub struct Vec<T> {
        pub buf: crate::raw_vec::RawVec<T>,
        pub len: usize,
    }
}

mod string {
    pub struct String {
        pub vec: crate::vec::Vec<u8>,
    }
}

mod collections {
    pub mod vec_deque {
        /// Before rustc 1.67, the head was where the next element would go.
        pub struct VecDeque<T> {
            pub tail: usize,
            pub head: usize,
            pub buf: crate::raw_vec::RawVec<T>,
        }
    }

    pub mod linked_list {
        /// As nobody has it.
        pub struct LinkedList {
            pub first: u32,
            pub count: usize,
        }
    }

    pub mod binary_heap {
        /// Half of what is known of it.
        pub struct BinaryHeap {
            pub len: usize,
            pub buffer: u8,
        }
    }
}

use collections::{binary_heap::BinaryHeap, linked_list::LinkedList, vec_deque::VecDeque};
use raw_vec::RawVec;

#[inline(never)]
fn crash(numbers: &[i32], bytes: &[u8]) {
    let buf = RawVec { ptr: numbers.as_ptr(), cap: 4 };
    let vector = vec::Vec { buf, len: 3 };
    let buf = RawVec { ptr: numbers.as_ptr(), cap: 4 };
    let ring = VecDeque { tail: 2, head: 1, buf };
    let buf = RawVec { ptr: bytes.as_ptr(), cap: 3 };
    let text = string::String { vec: vec::Vec { buf, len: 3 } };
    let foreign = LinkedList { first: 1, count: 2 };
    let half = BinaryHeap { len: 3, buffer: 7 };
    black_box((&vector, &ring, &text, &foreign, &half));
    std::process::abort();
}

fn main() {
    crash(black_box(&[1, 2, 3, 4]), black_box(b"old"));
}
