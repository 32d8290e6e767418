// Classes, references, and what the standard library keeps.
// build: -std=c++20 -w
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value app::Widget::explode.this contains "{id = 10, numbers = {1, 2, 3}}"
// expect: value app::Widget::explode.by=3
// expect: value app::Widget::explode.why="because"
// expect: value app::Widget::explode.base contains "{b = 1}"
// expect: value app::Widget::explode.brief="short"
// expect: value app::Widget::explode.longer="a considerably longer string than fits"
// expect: value app::Widget::explode.empty=""
// expect: value app::Widget::explode.view="view of text"
// expect: value app::Widget::explode.names={"one", "two"}
// expect: value app::Widget::explode.switches={true, false, true}
// expect: value app::Widget::explode.none={}
// expect: value app::Widget::explode.color=Color::Green
// expect: value app::Widget::explode.permission contains "(Read "
// expect: value app::Widget::explode.array={items = {7, 8, 9}}
// expect: value app::Widget::explode.hidden={h = 6}
// expect: value app::Widget::explode.middle={<app::VirtualBase> = {v = 4}, m = 5}
// expect: value app::Widget::explode.method contains "explode"
// expect: value app::Widget::explode.member contains "numbers"
// expect: value app::Widget::explode.null=nullptr
// expect: value app::Widget::explode.eight=u8"utf8"
// expect: value app::Widget::explode.temporary=5
// expect: value app::Widget::explode.alias=3
// expect: value app::Widget::explode.wide=L"wide"
// expect: value app::Widget::explode.pair={first = 1, second = 2.5}
// expect: value app::Widget::explode.derived={<app::Base> = {b = 1}, d = 2, name = "derived"}
// expect: value app::Widget::explode.unique contains "-> 5"
// expect: value app::Widget::explode.shared contains "{<app::Base> = {b = 1}, d = 2, name = "derived"}"
// expect: value app::Widget::explode.unset=nullptr
// expect: value app::Widget::explode.damaged contains "damaged"
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

static void keep(const void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

namespace app {
enum class Color { Red, Green = 5 };
enum Permission { Read = 1, Write = 2, Execute = 4 };
struct Base {
    int b = 1;
    virtual ~Base() {}
};
struct VirtualBase {
    int v = 4;
    virtual void f() {}
};
struct Middle : virtual VirtualBase {
    int m = 5;
};
struct Derived : Base {
    int d = 2;
    static int count;
    std::string name = "derived";
};
int Derived::count = 3;
template <class T, int N> struct Array {
    T items[N];
};
namespace {
struct Hidden {
    int h = 6;
};
} // namespace
class Widget {
  public:
    int id = 10;
    std::vector<int> numbers{1, 2, 3};
    void explode(int by, const std::string &why, Base &base);
};

__attribute__((noinline)) void Widget::explode(int by, const std::string &why, Base &base)
{
    std::string brief = "short", longer = "a considerably longer string than fits", empty;
    std::string_view view = "view of text";
    std::vector<std::string> names{"one", "two"};
    std::vector<bool> switches{true, false, true};
    std::vector<int> none;
    alignas(std::vector<int>) char room[sizeof none];
    for (int i = 0; i < (int)sizeof room; i++)
        room[i] = i;
    std::vector<int> &damaged = reinterpret_cast<std::vector<int> &>(room);
    Color color = Color::Green;
    Permission permission = Permission(Read | Execute);
    Array<int, 3> array{{7, 8, 9}};
    Hidden hidden;
    Middle middle;
    std::vector<int> Widget::*member = &Widget::numbers;
    void (Widget::*method)(int, const std::string &, Base &) = &Widget::explode;
    std::nullptr_t null = nullptr;
    char8_t eight[] = u8"utf8";
    int &&temporary = 5;
    const int &alias = by;
    std::wstring wide = L"wide";
    std::pair<int, double> pair{1, 2.5};
    Derived derived;
    std::unique_ptr<int> unique(new int(5)), unset;
    std::shared_ptr<Derived> shared = std::make_shared<Derived>();
    keep(&unique), keep(&unset), keep(&shared);
    keep(&brief), keep(&view), keep(&names), keep(&switches), keep(&none), keep(&color);
    keep(&permission), keep(&array), keep(&hidden), keep(&middle), keep(&member), keep(&method);
    keep(&null), keep(&eight), keep(&temporary), keep(&alias), keep(&wide), keep(&pair);
    keep(&derived), keep(&damaged);
    volatile int *nothing = nullptr;
    *nothing = by;
    keep(&why), keep(&base);
}
} // namespace app

int main()
{
    app::Widget widget;
    app::Derived derived;
    widget.explode(3, "because", derived);
}
