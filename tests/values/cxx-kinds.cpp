// What C++ adds to the types of C: members by pointer, lambdas, packs, texts.
// build: -std=c++20 -w
// builds: every
//
// expect: signal SIGSEGV
// expect: [O0 gcc] value pack.<unnamed>@0=1
// expect: [O0 gcc] value pack.<unnamed>@1=2.5
// expect: [O0 gcc] value pack.<unnamed>@2="three"
// expect: [clang] value pack.args@0=1
// expect: [clang] value pack.args@1=2.5
// expect: [clang] value pack.args@2="three"
// expect: [O0 gcc] value crash::{lambda}::operator.copy=42
// expect: [O0 gcc] value crash::{lambda}::operator.local=7
// expect: value crash.null=nullptr
// expect: value crash.eight=u8"éa"
// expect: value crash.sixteen=u"sixteen é"
// expect: value crash.thirty=U"thirty"
// expect: value crash.c8=97 u8'a'
// expect: value crash.c16=233 u'é'
// expect: value crash.c32=128512 U'😀'
// expect: value crash.wc=119 L'w'
// expect: value crash.data=&Plain::x
// expect: value crash.inherited=&Both::o
// expect: value crash.no_data=nullptr
// expect: value crash.plain contains "<Plain::plain"
// expect: value crash.first=&Base::first (virtual)
// expect: value crash.second=&Both::second (virtual)
// expect: value crash.third=&Other::third (virtual)
// expect: value crash.no_function=nullptr
// expect: value crash.small=Small::Two
// expect: value crash.odd=9
// expect: value crash.flags contains "(Flags::A "
// expect: value crash.inner={i = 4}
// expect: value crash.hidden=HIDDEN
// expect: value crash.bits={a = 5, s = Small::Two, f = true}
// expect: value crash.local=7
// expect: value crash.lambda contains "{local = 7, copy = 42, text = "cap"}"
// expect: value crash.one=1
// expect: value crash.two=2.5
// expect: [gcc] value crash.e0=8
// expect: [gcc] value crash.e1=9
// expect: value crash.alias=7
// expect: value crash.rows={8, 9}
// expect: value crash.byte=254 '\376'
// expect: value crash.values={n = 3}
// expect: value crash.calls=4
#include <cstddef>
#include <cstdint>
#include <utility>

__attribute__((noinline)) static void keep(const volatile void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

struct Base {
    int b = 1;
    virtual int first() { return 1; }
    virtual int second(int) { return 2; }
};
struct Other {
    int o = 2;
    virtual void third() {}
};
struct Both : Base, Other {
    int d = 3;
    int second(int) override { return 4; }
};
struct Plain {
    int x = 1;
    const char *text = "plain";
    int plain(int) { return x; }
};
enum class Small : uint8_t { One = 1, Two };
enum class Flags : unsigned { None = 0, A = 1, B = 2, C = 4 };
namespace outer {
inline namespace v1 {
struct Inner {
    int i = 4;
};
} // namespace v1
namespace {
enum Hidden { HIDDEN = 3 };
}
} // namespace outer
struct Bits {
    unsigned a : 3;
    Small s : 4;
    bool f : 1;
};
template <int N, bool B, char C> struct Values {
    int n = N;
};

template <class... A> __attribute__((noinline)) int pack(A... args)
{
    volatile int *nothing = nullptr;
    keep(&nothing);
    return *nothing + sizeof...(args);
}

__attribute__((noinline)) int crash(const char *name)
{
    static int calls = 3;
    calls++;
    std::nullptr_t null = nullptr;
    char8_t eight[] = u8"\u00e9a", c8 = u8'a';
    const char16_t *sixteen = u"sixteen \u00e9", c16 = u'\u00e9';
    const char32_t *thirty = U"thirty", c32 = U'\U0001F600';
    wchar_t wc = L'w';
    int Plain::*data = &Plain::x, Plain::*no_data = nullptr;
    int Both::*inherited = static_cast<int Both::*>(&Other::o);
    int (Plain::*plain)(int) = &Plain::plain;
    int (Base::*first)() = &Base::first, (Base::*no_function)() = nullptr;
    int (Both::*second)(int) = &Both::second;
    void (Both::*third)() = &Both::third;
    Small small = Small::Two, odd = Small(9);
    Flags flags = Flags(5);
    outer::Inner inner;
    outer::Hidden hidden = outer::HIDDEN;
    Bits bits{5, Small::Two, true};
    Values<3, true, 'c'> values;
    int local = 7, rows[2] = {8, 9};
    auto [one, two] = std::pair<int, double>{1, 2.5};
    auto &[e0, e1] = rows;
    const int &alias = local;
    unsigned char byte = 0xfe;
    auto lambda = [&local, copy = 42, text = "cap"](int q) {
        return pack(1, 2.5, "three") + local + copy + q + text[0];
    };
    keep(&null), keep(eight), keep(&sixteen), keep(&thirty), keep(&c8), keep(&c16), keep(&c32);
    keep(&wc), keep(&data), keep(&no_data), keep(&inherited), keep(&plain), keep(&first);
    keep(&no_function), keep(&second), keep(&third), keep(&small), keep(&odd), keep(&flags);
    keep(&inner), keep(&hidden), keep(&bits), keep(&values), keep(&local), keep(rows), keep(&one);
    keep(&two), keep(&alias), keep(&byte), keep(&lambda), keep(&calls);
    int result = lambda(6);
    keep(&lambda), keep(&local), keep(&one), keep(&two);
    return result;
}

int main()
{
    Both both;
    keep(&both);
    return crash("name");
}
