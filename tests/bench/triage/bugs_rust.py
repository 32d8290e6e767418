"""Seeded bugs in Rust; see bugs_cxx.py."""

BUGS = [
    ("pick", """
pub fn pick(input: usize) -> i64 {
    let items = vec![1i64, 2, 3];
    items[input + 6]
}"""),
    ("find_user", """
pub fn find_user(input: usize) -> i64 {
    let found: Option<i64> = lookup(input);
    found.unwrap() + 1
}"""),
    ("open_store", """
pub fn open_store(input: usize) -> i64 {
    let opened: Result<i64, String> = open(input);
    opened.expect("the store opens") + 2
}"""),
    ("peek", """
pub fn peek(input: usize) -> i64 {
    let at = address(input) as *const i64;
    unsafe { std::ptr::read_volatile(at) }
}"""),
    ("validate", """
pub fn validate(input: usize) -> i64 {
    if input == 1 {
        panic!("invalid input {}", std::process::id());
    }
    4
}"""),
    ("rebalance", """
pub fn rebalance(input: usize) -> i64 {
    let cell = std::cell::RefCell::new(input as i64);
    let first = cell.borrow_mut();
    let second = cell.borrow_mut();
    *first + *second
}"""),
    ("descend", """
pub fn descend(input: usize) -> i64 {
    let pad = std::hint::black_box([input as u8; 300]);
    let below = descend(input + pad[0] as usize * 0);
    below + std::hint::black_box(pad)[1] as i64
}"""),
    ("window", """
pub fn window(input: usize) -> i64 {
    let text = vec![0u8; 4];
    let part = &text[input..input + 9];
    part.len() as i64
}"""),
]

HEAD = """
#![allow(unconditional_recursion, dead_code)]
use std::hint::black_box;

#[inline(never)]
fn lookup(input: usize) -> Option<i64> { if black_box(input) == 1 { None } else { Some(1) } }
#[inline(never)]
fn open(input: usize) -> Result<i64, String> {
    if black_box(input) == 1 { Err(format!("no {}", std::process::id())) } else { Ok(1) }
}
#[inline(never)]
fn address(input: usize) -> usize { black_box(input) * 8 }
"""

ROUTES = """
fn direct_{name}(input: usize) -> i64 {{ {name}(input) + 1 }}
fn threaded_{name}(input: usize) -> i64 {{
    std::thread::spawn(move || {name}(input) + 2).join().unwrap()
}}
struct Job{name};
impl Job for Job{name} {{ fn run(&self, input: usize) -> i64 {{ {name}(input) + 3 }} }}
fn batch_{name}(input: usize, depth: u32) -> i64 {{
    if depth > 0 {{ return batch_{name}(input, depth - 1) + 1; }}
    let call: Box<dyn Fn(usize) -> i64> = Box::new({name});
    call(input) + 4
}}
"""

JOB = """
trait Job { fn run(&self, input: usize) -> i64; }
fn schedule(job: &dyn Job, input: usize) -> i64 { job.run(input) + 1 }
"""

CASE = """
        ("{name}", 0) => direct_{name}(input),
        ("{name}", 1) => threaded_{name}(input),
        ("{name}", 2) => schedule(&Job{name}, input),
        ("{name}", _) => batch_{name}(input, 2),
"""

MAIN = """
fn main() {{
    let words: Vec<String> = std::env::args().collect();
    let route: i32 = words[2].parse().unwrap();
    let input = black_box(1usize);
    let result = match (words[1].as_str(), route) {{
{cases}
        _ => 0,
    }};
    println!("{{result}}");
}}
"""
