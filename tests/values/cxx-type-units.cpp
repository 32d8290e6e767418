// Types that live in units of their own.
// build: -w -fdebug-types-section
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value store::put.item contains "{id = 3, name = "box", size = {w = 4, h = 5}, kind = Wide}"
// expect: value store::put.where={w = 1, h = 2}
// expect: value store::put.kind=Wide
namespace store {
enum Kind { Narrow, Wide };
struct Size {
    int w, h;
};
struct Item {
    int id;
    const char *name;
    Size size;
    Kind kind;
};

__attribute__((noinline)) int put(Item *item, Size where, Kind kind)
{
    __asm__ volatile("" : : "r"(item), "r"(&where) : "memory");
    volatile int *nothing = nullptr;
    *nothing = where.w + kind;
    return item->id;
}
} // namespace store

int main()
{
    store::Item item{3, "box", {4, 5}, store::Wide};
    return store::put(&item, {1, 2}, store::Wide);
}
