// `dyn Trait`: which type it is, and what it holds.
//
// expect: signal SIGABRT
// expect: value crash.boxed=rust_dyn::Circle {radius: 2}
// expect: value crash.reference=rust_dyn::Square {side: 3, name: "sq"}
// expect: value crash.argument=rust_dyn::Square {side: 3, name: "sq"}
// expect: value crash.counted=rust_dyn::Circle {radius: 4} (strong 2, weak 1)
// expect: value crash.single=rust_dyn::Square {side: 5, name: "rc"} (strong 1, weak 0)
// expect: value crash.aligned=rust_dyn::Aligned {tag: 7} (strong 1, weak 0)
// expect: value crash.list=[rust_dyn::Circle {radius: 1}, rust_dyn::Square {side: 2, name: "b"}]
// expect: value crash.maybe=Some(rust_dyn::Circle {radius: 6})
// expect: value crash.no=None
// expect: value crash.closure=rust_dyn::crash::{closure_env#0} {by: 5}
// expect: value crash.any=i32 5
// expect: value crash.unit=rust_dyn::Unit
// expect: value crash.choice=rust_dyn::Choice Second(8)
// expect: value crash.text=alloc::string::String "dyn text"
// expect: value crash.locked={radius: 9} (locked) (strong 1, weak 0)
// expect: value crash.generic=rust_dyn::Pair<u8, &str> {left: 1, right: "r"}
// expect: value crash.weak=rust_dyn::Circle {radius: 4} (strong 2, weak 1)
// expect: value crash.raw=rust_dyn::Circle {radius: 2}
// expect: value crash.broken contains "methods"
// expect: value crash.error contains ""boom""
// expect: value crash.tail contains "head: 1"
use std::any::Any;
use std::fmt::Display;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

trait Shape {
    fn area(&self) -> f64;
}

struct Circle {
    radius: f64,
}

struct Square {
    side: u32,
    name: String,
}

#[repr(align(64))]
struct Aligned {
    tag: u8,
}

struct Unit;

enum Choice {
    First,
    Second(u8),
}

struct Pair<A, B> {
    left: A,
    right: B,
}

struct Tail<T: ?Sized> {
    head: u8,
    rest: T,
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        self.radius * self.radius * 3.0
    }
}

impl Shape for Square {
    fn area(&self) -> f64 {
        f64::from(self.side) * self.name.len() as f64
    }
}

impl Shape for Aligned {
    fn area(&self) -> f64 {
        f64::from(self.tag)
    }
}

impl Shape for Unit {
    fn area(&self) -> f64 {
        0.0
    }
}

impl Shape for Choice {
    fn area(&self) -> f64 {
        match self {
            Self::First => 1.0,
            Self::Second(n) => f64::from(*n),
        }
    }
}

impl<A: Copy, B: AsRef<str>> Shape for Pair<A, B>
where
    f64: From<A>,
{
    fn area(&self) -> f64 {
        f64::from(self.left) * self.right.as_ref().len() as f64
    }
}

#[inline(never)]
fn crash(argument: &dyn Shape) {
    let boxed: Box<dyn Shape> = Box::new(Circle { radius: 2.0 });
    let reference = argument;
    let counted: Arc<dyn Shape> = Arc::new(Circle { radius: 4.0 });
    let second = Arc::clone(&counted);
    let single: Rc<dyn Shape> = Rc::new(Square { side: 5, name: "rc".to_owned() });
    let aligned: Arc<dyn Shape> = Arc::new(Aligned { tag: 7 });
    let square = Square { side: 2, name: "b".to_owned() };
    let list: Vec<Box<dyn Shape>> = vec![Box::new(Circle { radius: 1.0 }), Box::new(square)];
    let maybe: Option<Box<dyn Shape>> = Some(Box::new(Circle { radius: 6.0 }));
    let no: Option<Box<dyn Shape>> = None;
    let by = black_box(5);
    let closure: Box<dyn Fn(i32) -> i32> = Box::new(move |n| n + by);
    let any: Box<dyn Any> = Box::new(5);
    let unit: Box<dyn Shape> = Box::new(Unit);
    let choices = [Choice::First, Choice::Second(8)];
    let choice: &dyn Shape = &choices[1];
    let text: Box<dyn Display> = Box::new("dyn text".to_owned());
    let locked = Arc::new(Mutex::new(Circle { radius: 9.0 }));
    let held = locked.lock();
    let generic: Box<dyn Shape> = Box::new(Pair { left: 1u8, right: "r" });
    let weak = Arc::downgrade(&counted);
    let raw: *const dyn Shape = &*boxed;
    let words = [black_box(0x10_usize), 3, 5, 7];
    let parts = (&words[0], &words);
    // SAFETY: a pointer is only made, and never followed.
    let broken: *const dyn Shape = unsafe { std::mem::transmute(parts) };
    let error: Box<dyn std::error::Error> = "boom".into();
    let tail: &Tail<[u16]> = &Tail { head: 1, rest: [2, 3] };
    let areas = boxed.area() + reference.area() + counted.area() + single.area() + aligned.area();
    let more = list[0].area() + unit.area() + choice.area() + generic.area();
    black_box((areas, more, closure(1), any.is::<i32>(), text.to_string(), tail.rest.len()));
    black_box((&boxed, &reference, &counted, &second, &single, &aligned, &list, &maybe, &no));
    black_box((&closure, &any, &unit, &choice, &text, &locked, &generic, &weak, &raw, &broken));
    black_box((&tail, &held, tail.head, &error));
    std::process::abort();
}

fn main() {
    crash(&Square { side: 3, name: "sq".to_owned() });
}
