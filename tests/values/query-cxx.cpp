// What can be asked of a C++ program, with the answers.
// build: -std=c++20 -w
// builds: dwarf4
//
// expect: signal SIGSEGV
//
// ask: id => 10
// ask: this->id => 10
// ask: names[1] => "two"
// ask: names[0..2] => {"one", "two"}
// ask: (&names[0])[1] => "two"
// ask: numbers[2] => 3
// ask: numbers[1..3] => {2, 3}
// ask: numbers[0] + numbers[2] => 4
// ask: *numbers.begin => fault 9..14 `std::vector<int>` has no member `begin`
// ask: numbers[9] => fault 8..9 `numbers` has 3 elements
// ask: names[1][0..2] => fault 0..8 `names[1]` is text, which is shown as a whole
// ask: shared[0..1] => fault 0..6 `shared` has no elements: its type is `std::shared_ptr<app::Point>`
// ask: points[1].x => 3
// ask: /x maybe => 0x8
// ask: /x either => (std::string) "text"
// ask: /x table => {0xc: "twelve"}
// ask: Color::Green => Color::Green (3)
// ask: points[1] => {x = 3, y = 4}
// ask: &points[1] - &points[0] => 1
// ask: flags[1] => false
// ask: color => Color::Green
// ask: color == Color::Green => true
// ask: color == ns::Color::Red => false
// ask: ns::total => 7
// ask: total => 7
// ask: app::ns::total => 7
// ask: ns::Box<int>::shared => 9
// ask: reference => 5
// ask: reference + 1 => 6
// ask: /x reference => 0x5
// ask: /t reference => 0b101
// ask: /b reference => 05 00 00 00
// ask: /d base => {b = 1}
// ask: /x held => {0x1, 0x2, 0x3}
// ask: null[0x7fffffffffffffff] => fault 0..4 element 9223372036854775807 of `null` is outside of all memory
// ask: base.b => 1
// ask: base.d => 2
// ask: (&base)->d => 2
// ask: base.e => fault 5..6 `app::Base` has no member `e`
// ask: derived.b => 1
// ask: derived.d => 2
// ask: ((Derived *)&base)->d => 2
// ask: sizeof(ns::Box<int>) => 8
// ask: sizeof(Derived) == sizeof derived => true
// ask: box.item => 4
// ask: ((ns::Box<int> *)&box)->item => 4
// ask: *unique => 5
// ask: shared->x => 1
// ask: (*shared).y => 2
// ask: unset == 0 => true
// ask: outer.inner.deep => 6
// ask: null => nullptr
// ask: !null => true
// ask: ((Both *)right)->own => 3
// ask: ((Both *)right)->l => 1
// ask: *(Right *)&both => {r = 2, same = 12}
// ask: (Right *)&both == right => true
// ask: right == &both => true
// ask: (void *)right == (void *)&both => false
// ask: static_cast<Both *>(right)->own => 3
// ask: *reinterpret_cast<long *>(right) == *(long *)right => true
// ask: ((Virtual *)far)->v => 5
// ask: (Shared *)&real == far => true
// ask: both.same => fault 5..9 `same` is ambiguous: app::Left and app::Right have one
// ask: both.Right::same => 12
// ask: both.app::Left::same => 11
// ask: both.made => 21
// ask: pair->x => 5
// ask: *maybe => 8
// ask: ::id => 70
// ask: ::total => fault 0..7 there is no `::total` here
// ask: hidden::deep => 6
// ask: scale::uses => 31
// ask: app::scale::uses => 31
// ask: run == scale => true
// ask: *run == &app::scale => true
// ask: pick => fault 0..4 there are 2 functions named `pick`
// ask: picked == _ZN3app4pickEi => true
// ask: *(std::vector<int> *)&numbers => {1, 2, 3}
// ask: sizeof(std::vector<int>[2]) => 48
// ask: true => true
// ask: null == nullptr => true
// ask: .5 + 1 => 1.5
// ask: 1.5f => 1.5
// ask: 5. / 2 => 2.5
// ask 1: widget.id => 10
// ask: idd => fault 0..3 there is no `idd` here
// ask: ns::totl => fault 0..8 there is no `ns::totl` here
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

int id = 70;
namespace {
namespace hidden {
int deep = 6;
}
} // namespace

namespace app {
namespace ns {
int total = 7;
enum class Color { Red, Green = 3 };
template <class T> struct Box {
    T item;
    int n;
    static T shared;
};
template <class T> T Box<T>::shared = 9;
} // namespace ns
using ns::Color;

struct Base {
    virtual ~Base() {}
    int b = 1;
};
struct Derived : Base {
    int d = 2;
};
struct Point {
    int x, y;
};
struct Left {
    virtual ~Left() {}
    int l = 1;
    int same = 11;
};
struct Right {
    virtual ~Right() {}
    int r = 2;
    int same = 12;
};
struct Both : Left, Right {
    int own = 3;
    static int made;
};
int Both::made = 21;
struct Shared {
    virtual ~Shared() {}
    int s = 4;
};
struct Virtual : virtual Shared {
    int v = 5;
};
int scale(int n)
{
    static int uses = 30;
    uses++;
    return n * 2 + uses;
}
int pick(int n)
{
    return n + 1;
}
int pick(long n)
{
    return n + 2;
}
struct Outer {
    struct Inner {
        int deep = 6;
    } inner;
};

template <class T> __attribute__((noinline)) void keep(T *value)
{
    asm volatile("" : : "r"(value) : "memory");
}

struct Widget {
    int id = 10;
    std::vector<int> numbers{1, 2, 3};
    std::vector<std::string> names{"one", "two"};
    void explode(Base &base, int &reference, const std::vector<int> &held);
};

__attribute__((noinline)) void Widget::explode(Base &base, int &reference,
                                                const std::vector<int> &held)
{
    std::vector<Point> points{{1, 2}, {3, 4}};
    std::vector<bool> flags{true, false, true};
    Color color = Color::Green;
    Derived derived;
    ns::Box<int> box{4, ns::Box<int>::shared};
    std::unique_ptr<int> unique(new int(5)), unset;
    std::shared_ptr<Point> shared = std::make_shared<Point>(Point{1, 2});
    Outer outer;
    int *null = nullptr;
    Both both;
    Right *right = &both;
    Virtual real;
    Shared *far = &real;
    Point pair[2] = {{5, 6}, {7, 8}};
    std::optional<int> maybe(8);
    int (*run)(int) = scale;
    int (*picked)(int) = pick;
    int scaled = scale(hidden::deep);
    keep(&both), keep(&right), keep(&real), keep(&far), keep(&pair), keep(&maybe), keep(&run);
    keep(&picked), keep(&scaled), keep(&both.made), keep(&::id), keep(&hidden::deep);
    std::variant<int, std::string> either = "text";
    std::map<int, std::string> table{{12, "twelve"}};
    keep(&either), keep(&table);
    keep(&points), keep(&flags), keep(&color), keep(&derived), keep(&box), keep(&unique);
    keep(&unset), keep(&shared), keep(&outer), keep(&null), keep(&ns::total);
    keep(this), keep(&base), keep(&reference), keep(&held);
    volatile int *nothing = nullptr;
    *nothing = id + reference; /* @crash */
}
} // namespace app

int main()
{
    app::Widget widget;
    app::Derived derived;
    int five = 5;
    app::keep(&five);
    widget.explode(derived, five, widget.numbers);
    app::keep(&widget);
}
