// A panic with a message that is made from values, in a thread.
//
// build: -Cpanic=abort
// expect: signal SIGABRT
// expect: cause rust-panic
// expect: verdict contains "queue 3 is full: 17 of 16"
use std::hint::black_box;
use std::thread;

#[inline(never)]
fn push(queue: usize, length: usize, limit: usize) -> usize {
    if length > limit {
        panic!("queue {queue} is full: {length} of {limit}");
    }
    length
}

fn main() {
    let worker = thread::spawn(|| push(black_box(3), black_box(17), black_box(16)));
    println!("{:?}", worker.join().is_ok());
}
