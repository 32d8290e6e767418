// What can be asked of a Rust program, with the answers.
//
// expect: signal SIGABRT
//
// ask F: self.id => 7
// ask F: self.names[1] => "two"
// ask F: id => 7
// ask F: point.x => 3
// ask F: pair.0 => 1
// ask F: pair.1.y => 4
// ask F: numbers[1] => 20
// ask F: numbers[1..3] => [20, 30]
// ask F: numbers[5] => fault 8..9 `numbers` has 3 elements
// ask F: slice[2] => 30
// ask F: held[1] => 20
// ask F: held[1..3] => [20, 30]
// ask F: held[3] => fault 5..6 `held` has 3 elements
// ask F: twice[2] => 30
// ask F: three[1] => 2
// ask F: /x three => [0x1, 0x2, 0x3]
// ask F: /x twice => [0xa, 0x14, 0x1e]
// ask F: /x number => 0x1f
// ask F: *number => 31
// ask F: title[0..2] => fault 0..5 `title` is text, which is shown as a whole
// ask F: array[1] => 2
// ask F: array[9] => fault 6..7 `[u8; 3]` has no element 9
// ask F: boxed.x => 5
// ask F: *boxed => {x: 5, y: 6}
// ask F: maybe => Some(9)
// ask F: maybe.0 => 9
// ask F: shape.r => 1.5
// ask F: -(array[0] as i32) + 1 => 0
// ask F: numbers[0] as i64 * 2 => 20
// ask F: &point as *const Point as usize == &point.x as usize => true
// ask F: TOTAL => 41
// ask F: 250u8 => 250
// ask F: (*&mut point).x => 3
// ask F: true => true
// ask F: Widget::crash as usize > 0 => true
// ask F: pointt => fault 0..6 there is no `pointt` here
use std::hint::black_box;

#[derive(Clone, Copy)]
struct Point {
    x: i32,
    y: i32,
}

enum Shape {
    Circle { r: f64 },
    Unit,
}

struct Widget {
    id: u32,
    names: Vec<String>,
}

static TOTAL: i32 = 41;

impl Widget {
    #[inline(never)]
    fn crash(&self, slice: &[i32], title: &String) {
        let point = Point { x: 3, y: 4 };
        let pair = (1_u8, point);
        let numbers = vec![10, 20, 30];
        let array = [1_u8, 2, 3];
        let boxed = Box::new(Point { x: 5, y: 6 });
        let maybe = Some(9);
        let shape = if self.id == 7 { Shape::Circle { r: 1.5 } } else { Shape::Unit };
        let (held, three, number) = (&numbers, &array, &31_i32);
        let twice = &held;
        black_box((held, three, number, twice, title));
        black_box((&point, &pair, &numbers, &array, &boxed, &maybe, &shape, &TOTAL));
        std::process::abort(); /* @crash */
    }
}

fn main() {
    let widget = Widget { id: 7, names: vec!["one".to_owned(), "two".to_owned()] };
    let slice = [10, 20, 30];
    black_box(&widget).crash(black_box(&slice), black_box(&widget.names[0]));
}
