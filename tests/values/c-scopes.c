// Which variables a place has: blocks, statics, inlined calls, nested functions.
// build: -w
// builds: every
//
// expect: signal SIGSEGV
// expect: value crash.level@0=3
// expect: [O0] value crash.level@1=2
// expect: [O0] value crash.level@2=1
// expect: novalue crash.before
// expect: novalue crash.after
// expect: novalue crash.elsewhere
// expect: value crash.calls=5
// expect: value crash.i=2
// expect: value inner.own=8
// expect: [gcc] value inner.shared=6
// expect: [O2] value inner.own=8
// expect: [gcc] value nested.q=9
// expect: [gcc] value outer.held=11
// expect: value main.result=0
// expect: value main.row={1, 2, 3}
#include <stdlib.h>

volatile int sink;
int elsewhere = 4;

__attribute__((noinline)) static void keep(const volatile void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

__attribute__((noinline, noclone)) static int crash(int *nothing)
{
    static int calls = 4;
    int level = 1;
    calls++;
    {
        int before = 9;
        keep(&before);
    }
    for (int i = 0; i < 5; i++) {
        int level = 2;
        extern int elsewhere;
        keep(&level);
        if (i == 2) {
            int level = 3;
            keep(&level);
            *(volatile int *)nothing = elsewhere;
            sink = level;
        }
    }
    {
        int after = 9;
        keep(&after);
    }
    return level + calls;
}

static inline __attribute__((always_inline)) int inner(int *nothing, int own)
{
    static int shared = 6;
    keep(&shared);
    return crash(nothing) + own + shared;
}

__attribute__((noinline, noclone)) static int outer(int *nothing)
{
    int held = 11;
    keep(&held);
#ifndef __clang__
    __attribute__((noinline)) int nested(int q)
    {
        return inner(nothing, 8) + held + q;
    }
    return nested(9) + sink;
#else
    return inner(nothing, 8) + sink;
#endif
}

int main(void)
{
    int result = 0, row[3] = {1, 2, 3};
    keep(&result), keep(row);
    result = outer(NULL);
    return result + row[1];
}
