// What is left of the variables of optimized C: constants, pieces, entry values.
// build: -w
// builds: every
//
// expect: signal SIGABRT
// expect: value die.code=42
// expect: [O2 gcc] value die.code=42
// expect: [O2 clang] value die.code=42
// expect: [O2 gcc] value die.why="too big"
// expect: [O2 gcc] value die.other=NULL
// expect: [O2 gcc] value die.x=2.5
// expect: value die.why="too big"
// expect: value die.other=NULL
// expect: value die.x=2.5
// expect: frame * function=sum inlined=true
// expect: value sum.scale=50
// expect: [O2] value sum.scale=50
// expect: [O2] value sum.constant=42
// expect: [O2 gcc] value sum.pair={a = 3, b = 9}
// expect: value sum.pair={a = 3, b = 9}|{a = <unknown: rax was not saved by the called function>, b = 9}
// expect: value sum.scaled={a = 150, b = 450}|{a = <unknown: optimized out>, b = 450}
// expect: value middle.x=2
// expect: [O2 gcc] value middle.x=2
// expect: value middle.y=7
// expect: [O2] value middle.y=7
// expect: value middle.text="literal"
// expect: [O2 gcc] value middle.text="literal"
// expect: value middle.big contains "{id = 2, pair = {a = 1, b = 2}, name = "big"}"
// expect: [O2] value middle.big contains "{id = 2, pair = {a = 1, b = 2}, name = "big"}"
// expect: value outer.n=2
// expect: value outer.big={id = 2, pair = {a = 1, b = 2}, name = "big"}
// expect: [O2] value outer.big={id = 2, pair = {a = 1, b = 2}, name = "big"}
#include <stdio.h>
#include <stdlib.h>

struct pair {
    long a, b;
};
struct big {
    int id;
    struct pair pair;
    const char *name;
};
volatile int sink;

__attribute__((noinline)) void die(int code, const char *why, struct big *other, double x)
{
    printf("%d %s\n", code, why);
    sink = 3;
    abort();
}

static inline __attribute__((always_inline)) long sum(struct pair pair, int scale)
{
    struct pair scaled = {pair.a * scale, pair.b * scale};
    int constant = 42;
    struct pair *first = &scaled;
    if (first->a > 100)
        die(constant, "too big", 0, 2.5);
    return scaled.a + scaled.b;
}

__attribute__((noinline)) int middle(int x, int y, const char *text, struct big *big)
{
    struct pair pair = {x + 1, y + 2};
    long result = sum(pair, 50);
    sink = result;
    printf("%s %d\n", text, big->id);
    return result;
}

__attribute__((noinline)) int outer(int n, char **argv)
{
    struct big big = {n, {1, 2}, "big"};
    int result = middle(n, 7, "literal", &big);
    sink += result;
    return result + big.id;
}

int main(int argc, char **argv)
{
    int result = outer(argc + 1, argv);
    sink += result;
    return sink;
}
