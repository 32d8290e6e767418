// Variables of scopes that have ended, whose places on the stack others use now.
// build: -w
// builds: every
//
// expect: signal SIGSEGV
// expect: novalue crash.first
// expect: novalue crash.second
// expect: value crash.third={31, 32, 33, 34, 35, 36, 37, 38}
// expect: value crash.n=3
// expect: value crash.pass=2
// expect: value crash.same@0=93
// expect: [O0] value crash.same@1=90
// expect: novalue crash.later
// expect: novalue crash.within
// expect: value main.result=0
#include <stdlib.h>

volatile int sink;

__attribute__((noinline)) static void keep(const volatile void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

// It lives in a slot of its caller, once it was inlined.
static inline __attribute__((always_inline)) int used(int n)
{
    int within[8] = {n, n, n, n, n, n, n, n};
    keep(within);
    return within[3];
}

__attribute__((noinline)) int crash(int n, int *nothing)
{
    int same = 90;
    keep(&same);
    {
        int first[8] = {11, 12, 13, 14, 15, 16, 17, 18};
        int same = 91;
        keep(first), keep(&same);
    }
    sink = used(n);
    {
        int second[8] = {21, 22, 23, 24, 25, 26, 27, 28};
        int same = 92;
        keep(second), keep(&same);
    }
    for (int pass = 0; pass < 4; pass++) {
        int third[8] = {31, 32, 33, 34, 35, 36, 37, 38};
        int same = 93;
        keep(third), keep(&same), keep(&pass);
        if (pass == n - 1)
            *(volatile int *)nothing = 1;
        keep(third), keep(&same);
    }
    {
        int later[8] = {41, 42, 43, 44, 45, 46, 47, 48};
        keep(later);
    }
    keep(&same);
    return same;
}

int main(void)
{
    int result = 0;
    keep(&result);
    result = crash(3, NULL);
    return result;
}
