// What objects really are, behind pointers and references to base classes.
// build: -std=c++20 -w
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value app::stop.reference=(app::Derived) {<app::Base> = {b = 1}, d = 2}
// expect: value app::stop.pointer contains "(app::Derived) {<app::Base> = {b = 1}, d = 2}"
// expect: value app::start.hidden_class contains "(app::(anonymous namespace)::Hidden) {<app::Base> = {b = 1}, h = 6}"
// expect: value app::start.second contains "(app::Both at 0x"
// expect: value app::start.second contains ") {<app::Base> = {b = 1}, <app::Other> = {o = 3}, x = 4}"
// expect: value app::start.untouched contains " {b = 1}"
// expect: value app::start.pattern contains "(app::Holder<"
// expect: value app::start.pattern contains "{<app::Base> = {b = 1}, held = 7}"
// expect: value app::start.shared contains "(app::Bottom at 0x"
// expect: value app::start.shared contains "m = 5}, l = 8}"
// expect: value app::start.inner contains "::Local) {<app::Base> = {b = 1}, n = 9}"
// expect: value app::start.owner contains " (app::Derived) {<app::Base> = {b = 1}, d = 2}"
// expect: value app::start.spoilt contains "{<vtable> = <0x4141414141414141 is no vtable>, b = 1}"
// expect: value app::start.zeroed contains "{<vtable> = <0x0 is no vtable>, b = 1}"
// expect: value app::start.moved contains "is no vtable>, b = 1}"
// expect: value app::start.destroyed contains "(app::Base, under construction or destroyed) {"
// expect: value app::start.mistaken contains "(app::Other, which is no app::Base) {o = 3}"
#include <cstring>
#include <memory>
#include <new>

static void keep(const void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

namespace app {
struct Base {
    int b = 1;
    virtual ~Base() { keep(this); }
    virtual int kind() { return 0; }
};
struct Derived : Base {
    int d = 2;
    ~Derived() override { keep(this); }
    int kind() override { return 1; }
};
struct Other {
    int o = 3;
    virtual ~Other() { keep(this); }
};
struct Both : Base, Other {
    int x = 4;
    int kind() override { return 2; }
};
template <typename T, unsigned long N> struct Holder : Base {
    T held = 7;
    int kind() override { return N; }
};
struct VirtualBase {
    int v = 4;
    virtual int kind() { return 3; }
};
struct Middle : virtual VirtualBase {
    int m = 5;
};
struct Bottom : Middle {
    int l = 8;
    int kind() override { return 4; }
};
namespace {
struct Hidden : Base {
    int h = 6;
    int kind() override { return 5; }
};
} // namespace

__attribute__((noinline)) int stop(Base &reference, Base *pointer)
{
    keep(&reference), keep(pointer);
    *(volatile int *)nullptr = 1;
    return reference.kind() + pointer->kind();
}

void spoil(void *object, unsigned long word)
{
    memcpy(object, &word, sizeof word);
    keep(object);
}

__attribute__((noinline)) int start()
{
    struct Local : Base {
        int n = 9;
        int kind() override { return 6; }
    };
    Derived derived;
    Hidden hidden;
    Both both;
    Base plain, damaged, cleared, shifted;
    Holder<unsigned long, 3> holder;
    Bottom bottom;
    Local local;
    std::unique_ptr<Base> owner(new Derived);
    Other other;
    spoil(&damaged, 0x4141414141414141);
    spoil(&cleared, 0);
    unsigned long word;
    memcpy(&word, &plain, sizeof word);
    spoil(&shifted, word + 8);
    alignas(Derived) static char room[sizeof(Derived)];
    Derived *destroyed = new (room) Derived;
    keep(destroyed);
    destroyed->~Derived();
    keep(destroyed);
    Base *hidden_class = &hidden, *untouched = &plain, *pattern = &holder, *inner = &local;
    Other *second = &both;
    VirtualBase *shared = &bottom;
    Base *spoilt = &damaged, *zeroed = &cleared, *moved = &shifted;
    Base *mistaken = reinterpret_cast<Base *>(&other);
    keep(&hidden_class), keep(&untouched), keep(&pattern), keep(&inner), keep(&second);
    keep(&shared), keep(&spoilt), keep(&zeroed), keep(&moved), keep(&mistaken), keep(&owner);
    keep(&destroyed);
    int sum = stop(derived, &derived);
    return sum + hidden_class->kind() + untouched->kind() + pattern->kind() + inner->kind()
        + shared->kind() + spoilt->kind() + zeroed->kind() + moved->kind() + mistaken->kind()
        + owner->kind() + destroyed->kind() + (second != nullptr);
}
} // namespace app

int main()
{
    return app::start();
}
