// Dies with collections of ten million elements at hand.
use std::collections::{BTreeMap, HashMap, VecDeque};

#[inline(never)]
fn crash(
    vector: &Vec<u32>,
    hashed: &HashMap<u32, u32>,
    map: &BTreeMap<u32, u32>,
    deque: &VecDeque<u32>,
) -> usize {
    unsafe { *(std::hint::black_box(8) as *mut u32) = 1 };
    vector.len() + hashed.len() + map.len() + deque.len()
}

fn main() {
    let count = 10_000_000;
    let vector: Vec<u32> = (0..count).collect();
    let hashed: HashMap<u32, u32> = (0..count).map(|i| (i, i)).collect();
    let map: BTreeMap<u32, u32> = (0..count).map(|i| (i, i)).collect();
    let deque: VecDeque<u32> = (0..count).collect();
    println!("{}", crash(&vector, &hashed, &map, &deque));
}
