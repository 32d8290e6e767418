// One program of two units, for tests that pack its debug information in every
// form. It dies in a call that is inlined twice.
#include "forms.h"

namespace shop {

enum Color { RED, GREEN = 5 };

template <typename T> struct Pair {
    T first;
    T second;
};

static int visits = 3;

struct Item {
    const char *label;
    Color color;
    Pair<int> size;
    Item *next;
    Sealed *sealed;
};

static inline __attribute__((always_inline)) int poke(volatile int *target) {
    int before = visits;
    *target = before;
    return before;
}

static inline __attribute__((always_inline)) int visit(Item *item, int depth) {
    visits += depth;
    return poke(reinterpret_cast<volatile int *>(item->next)) + depth;
}

__attribute__((noinline)) int walk(Item *item, int depth) {
    int sum = item->size.first + item->size.second;
    keep(&sum);
    return sum + visit(item, depth);
}

} // namespace shop

int serve(int count) {
    shop::Item item = {"lamp", shop::GREEN, {count + 10, count + 20}, 0, sealed()};
    keep(&item);
    return shop::walk(&item, count) + 1;
}
