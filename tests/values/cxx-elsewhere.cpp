// Classes that are only declared here, and defined in another unit.
// parts: parts/cxx-elsewhere-types.cpp
// build: -w
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value stop.shelf contains "{row = 3, label = {text = "top"}}"
// expect: value stop.box contains "{held = 42}"
// expect: value stop.item contains "{id = 9, name = "thing"}"
// expect: value stop.secret=0x10
#include "parts/cxx-elsewhere.h"
struct Secret;

__attribute__((noinline)) int stop(store::Shelf *shelf, store::Box<long> *box, store::Item *item,
                                   Secret *secret)
{
    __asm__ volatile("" : : "r"(shelf), "r"(box), "r"(item), "r"(secret) : "memory");
    *(volatile int *)nullptr = 1;
    return shelf && box && item && secret;
}

int main()
{
    return stop(store::shelf(), store::box(), store::item(), reinterpret_cast<Secret *>(0x10))
        + (secret() != nullptr);
}
