// Enums of every layout that the compiler makes, and unions.
//
// expect: signal SIGABRT
// expect: value crash.nested=[Deep(Some(Some(5))), Deep(Some(None)), Deep(None), Flag(true), Flag(false), Idle, Busy]
// expect: value crash.boxes=[Some(Some(1)), Some(None), None]
// expect: value crash.three=[Some(Some(Some(true))), Some(Some(Some(false))), Some(Some(None)), Some(None), None]
// expect: value crash.letter=Some('x')
// expect: value crash.no_letter=None
// expect: value crash.fine=Ok(5)
// expect: value crash.wrong=Err("bad")
// expect: value crash.mixed=[Ok("s"), Err(Low), Err(High(7))]
// expect: value crash.plain=[Red, Green, Blue]
// expect: value crash.negative=Below
// expect: value crash.wide=Large
// expect: value crash.huge=Most
// expect: value crash.holes=[A, B, C]
// expect: value crash.only=One(5)
// expect: value crash.only_unit=Alone
// expect: value crash.only_named=Point {x: 1, y: 2}
// expect: value crash.never=Ok(3)
// expect: value crash.data=[Unit, Tuple(1, 'c'), Struct {text: "t", list: [1]}, Boxed(Unit)]
// expect: value crash.generic=Both(1, "two")
// expect: value crash.non_zero=Some(7)
// expect: value crash.zero=None
// expect: value crash.function contains "Some(0x"
// expect: value crash.no_function=None
// expect: value crash.shared=Some(4 (strong 1, weak 0))
// expect: value crash.not_shared=None
// expect: value crash.vector=Some([1])
// expect: value crash.no_vector=None
// expect: value crash.text=Some("t")
// expect: value crash.no_text=None
// expect: value crash.order=[Some(Less), Some(Equal), Some(Greater), None]
// expect: value crash.tags=[Int(1), Text("two"), List([Int(3), Null]), Null]
// expect: value crash.union={whole: 1065353216, part: 1}
// expect: value crash.big=Second(340282366920938463463374607431768211455)
// expect: value crash.nothing=None
// expect: value crash.unit=Some(())
// expect: value crash.pair=(Some(1), None)
// expect: value crash.repr_c=B(2)
// expect: value crash.aligned=Some({n: 1})
use std::cmp::Ordering;
use std::convert::Infallible;
use std::hint::black_box;
use std::num::NonZero;
use std::rc::Rc;

enum Nested {
    Deep(Option<Option<Box<i32>>>),
    Flag(bool),
    Idle,
    Busy,
}

enum Failure {
    Low,
    High(u8),
}

enum Color {
    Red,
    Green = 7,
    Blue,
}

#[repr(i8)]
enum Signed {
    Below = -3,
    Above = 3,
}

#[repr(u64)]
enum Wide {
    Small = 1,
    Large = u64::MAX,
}

#[repr(u16)]
enum Huge {
    Least,
    Most = 0xffff,
}

#[repr(u32)]
enum Holes {
    A = 5,
    B = 500,
    C = 0x8000_0000,
}

enum Only {
    One(u32),
}

enum OnlyUnit {
    Alone,
}

enum OnlyNamed {
    Point { x: i32, y: i32 },
}

enum Data {
    Unit,
    Tuple(u8, char),
    Struct { text: String, list: Vec<u8> },
    Boxed(Box<Data>),
}

enum Generic<A, B> {
    Left(A),
    Both(A, B),
}

enum Json {
    Null,
    Int(i64),
    Text(String),
    List(Vec<Json>),
}

enum Big {
    First(u8),
    Second(u128),
}

#[repr(C)]
enum ReprC {
    A(u8),
    B(u64),
}

#[repr(align(32))]
struct Aligned {
    n: u8,
}

union Number {
    whole: u32,
    part: f32,
}

#[inline(never)]
fn crash(five: i32) {
    use Nested::{Busy, Deep, Flag, Idle};
    let deep = Deep(Some(Some(Box::new(five))));
    let nested = [deep, Deep(Some(None)), Deep(None), Flag(true), Flag(false), Idle, Busy];
    let boxes = [Some(Some(Box::new(1))), Some(None), None];
    let three = [Some(Some(Some(true))), Some(Some(Some(false))), Some(Some(None)), Some(None), None];
    let letter = Some('x');
    let no_letter: Option<char> = None;
    let fine: Result<i32, String> = Ok(five);
    let wrong: Result<i32, String> = Err("bad".to_owned());
    let mixed: [Result<&str, Failure>; 3] = [Ok("s"), Err(Failure::Low), Err(Failure::High(7))];
    let plain = [Color::Red, Color::Green, Color::Blue];
    let negative = if five == 5 { Signed::Below } else { Signed::Above };
    let wide = if five == 5 { Wide::Large } else { Wide::Small };
    let huge = if five == 5 { Huge::Most } else { Huge::Least };
    let holes = [Holes::A, Holes::B, Holes::C];
    let only = Only::One(5);
    let only_unit = OnlyUnit::Alone;
    let only_named = OnlyNamed::Point { x: 1, y: 2 };
    let never: Result<i32, Infallible> = Ok(3);
    let fields = Data::Struct { text: "t".to_owned(), list: vec![1] };
    let data = [Data::Unit, Data::Tuple(1, 'c'), fields, Data::Boxed(Box::new(Data::Unit))];
    let generic = if five == 5 { Generic::Both(1u8, "two") } else { Generic::Left(1) };
    let non_zero = NonZero::new(black_box(7u8));
    let zero = NonZero::new(black_box(0u8));
    let function: Option<fn(i32)> = Some(crash);
    let no_function: Option<fn(i32)> = None;
    let shared = Some(Rc::new(4));
    let not_shared: Option<Rc<i32>> = None;
    let vector = Some(vec![1]);
    let no_vector: Option<Vec<i32>> = None;
    let text = Some("t");
    let no_text: Option<&str> = None;
    let order = [Some(Ordering::Less), Some(Ordering::Equal), Some(Ordering::Greater), None];
    let list = Json::List(vec![Json::Int(3), Json::Null]);
    let tags = [Json::Int(1), Json::Text("two".to_owned()), list, Json::Null];
    let union = Number { part: 1.0 };
    let big = if five == 5 { Big::Second(u128::MAX) } else { Big::First(1) };
    let nothing: Option<()> = None;
    let unit = Some(());
    let pair = (Some(1), None::<u8>);
    let repr_c = if five == 5 { ReprC::B(2) } else { ReprC::A(1) };
    let aligned = Some(Aligned { n: 1 });
    black_box((&nested, &boxes, &three, &letter, &no_letter, &fine, &wrong, &mixed, &plain));
    black_box((&negative, &wide, &huge, &holes, &only, &only_unit, &only_named, &never, &data));
    black_box((&generic, &non_zero, &zero, &function, &no_function, &shared, &not_shared));
    black_box((&vector, &no_vector, &text, &no_text, &order, &tags, &union, &big, &nothing));
    black_box((&unit, &pair, &repr_c, &aligned));
    black_box(parts(&mixed, &only, &only_named, &data, &big, &repr_c, &aligned, &union));
    std::process::abort();
}

/// Reads what nobody else does.
fn parts(
    mixed: &[Result<&str, Failure>],
    only: &Only,
    named: &OnlyNamed,
    data: &[Data],
    big: &Big,
    repr_c: &ReprC,
    aligned: &Option<Aligned>,
    union: &Number,
) -> u64 {
    let Only::One(first) = only;
    let OnlyNamed::Point { x, y } = named;
    let data = data.iter().map(|data| match data {
        Data::Unit => 0,
        Data::Tuple(n, letter) => u64::from(*n) + u64::from(*letter),
        Data::Struct { text, list } => (text.len() + list.len()) as u64,
        Data::Boxed(inner) => u64::from(matches!(**inner, Data::Unit)),
    });
    let big = match big {
        Big::First(n) => u64::from(*n),
        Big::Second(n) => *n as u64 >> 1,
    };
    let c = match repr_c {
        ReprC::A(n) => u64::from(*n),
        ReprC::B(n) => *n,
    };
    // SAFETY: all bits are a number.
    let whole = unsafe { union.whole };
    let high = mixed.iter().map(|it| if let Err(Failure::High(n)) = it { u64::from(*n) } else { 0 });
    let aligned = aligned.as_ref().map_or(0, |it| u64::from(it.n));
    u64::from(*first) + u64::from(whole) + high.sum::<u64>() + data.sum::<u64>() + big / 2
        + c + aligned + x.unsigned_abs() as u64 + y.unsigned_abs() as u64
}

fn main() {
    crash(black_box(5));
}
