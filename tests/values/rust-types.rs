// Rust's enums, wide pointers, and what its standard library keeps.
//
// expect: signal SIGABRT
// expect: value crash.text="h\u{e9}llo\u{1}"|"héllo\u{1}"
// expect: value crash.numbers=[1, 2]
// expect: value crash.owned="owned"
// expect: value crash.point={x: 1, y: -2}
// expect: value crash.maybe=Some(9)
// expect: value crash.function contains "double>"
// expect: value crash.vector=[1, 2, 3]
// expect: value crash.empty=[]
// expect: value crash.nothing=None
// expect: value crash.boxed=Some(5)
// expect: value crash.shapes=[Circle {r: 1.5}, Rect(2, 3), Unit, Named("n")]
// expect: value crash.color=Green
// expect: value crash.tuple=(1, 'é', true, 2.5)
// expect: value crash.unit=()
// expect: value crash.nested contains "Inner(None), Flag(true), Nothing]"
// expect: value crash.niche=Some(None)
// expect: value crash.letter=Some('x')
// expect: value crash.wrong=Err("bad")
// expect: value crash.fine=Ok("fine")
// expect: value crash.rows=[[1, 1, 1], [1, 1, 1]]
// expect: value crash.least=-170141183460469231731687303715884105728
// expect: value crash.text_box="boxed"
// expect: value crash.byte_box=[1, 2]
// expect: value crash.generic={inner: {x: 5, y: 6}, n: 2}
// expect: value crash.null=null
// expect: value crash.words=["a", "b"]
// expect: value crash.borrowed=Some({x: 1, y: -2})
// expect: value crash.not_borrowed=None
// expect: value crash.less=Less
// expect: value crash.shadowed@0=1.5
// expect: value crash.shadowed@1=1
// expect: value main.numbers=[1, 2, 3]
// expect: value main.point={x: 1, y: -2}
use std::hint::black_box;

#[derive(Debug)]
enum Shape {
    Circle { r: f64 },
    Rect(i32, i32),
    Unit,
    Named(String),
}

#[derive(Debug)]
enum Color {
    Red,
    Green = 7,
}

#[derive(Debug)]
enum Nested {
    Inner(Option<Box<i32>>),
    Flag(bool),
    Nothing,
}

#[derive(Debug)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug)]
struct Generic<T> {
    inner: T,
    n: usize,
}

#[inline(never)]
fn double(x: i32) -> i32 {
    x * black_box(2)
}

#[inline(never)]
fn crash(
    text: &str,
    numbers: &[i32],
    owned: String,
    point: &Point,
    maybe: Option<i32>,
    function: fn(i32) -> i32,
) {
    let vector = vec![1u64, 2, 3];
    let empty: Vec<i32> = Vec::new();
    let nothing: Option<Box<i32>> = None;
    let boxed = Some(Box::new(5i32));
    let shapes =
        [Shape::Circle { r: 1.5 }, Shape::Rect(2, 3), Shape::Unit, Shape::Named("n".to_owned())];
    let color = if numbers.is_empty() { Color::Red } else { Color::Green };
    let tuple = (1, 'é', true, 2.5f32);
    let unit = ();
    let nested = [
        Nested::Inner(Some(Box::new(3))),
        Nested::Inner(None),
        Nested::Flag(true),
        Nested::Nothing,
    ];
    let niche: Option<Option<bool>> = Some(None);
    let letter = Some('x');
    let wrong: Result<u8, String> = Err("bad".to_owned());
    let fine: Result<&str, ()> = Ok("fine");
    let rows = [[1u8; 3]; 2];
    let least = i128::MIN;
    let text_box: Box<str> = "boxed".into();
    let byte_box: Box<[u8]> = vec![1, 2].into();
    let generic = Generic { inner: Point { x: 5, y: 6 }, n: 2 };
    let null: *const u8 = std::ptr::null();
    let words = vec!["a", "b"];
    let borrowed: Option<&Point> = Some(point);
    let not_borrowed: Option<&Point> = None;
    let less = std::cmp::Ordering::Less;
    let shadowed = 1;
    black_box(&shadowed);
    let shadowed = f64::from(shadowed) + 0.5;
    black_box((&vector, &empty, &nothing, &boxed, &shapes, &color, &tuple, &nested));
    black_box((&niche, &letter, &wrong, &fine, &rows, &least, &text_box, &byte_box));
    black_box((&generic, &null, &words, &borrowed, &not_borrowed, &less, &shadowed, &unit));
    if function(maybe.unwrap_or(0)) == 18 {
        std::process::abort();
    }
    black_box((text, owned, vector, shapes, nested, words));
}

fn main() {
    let point = Point { x: 1, y: -2 };
    let numbers = [1, 2, 3];
    crash("héllo\u{1}", &numbers[..2], "owned".to_owned(), &point, Some(9), double);
    black_box((point, numbers));
}
