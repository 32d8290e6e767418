// Arguments that a chain of jumps passed on: known where there is one way only.
// build: -w -fno-inline
// builds: every
//
// expect: signal SIGABRT
// expect: value last.n=7
// expect: value last.text="through"
// expect: value one_of_two.n=8|9
// expect: value either.which=1
// expect: value again.depth=1|2|3
// expect: [O2] value in_two_ranges.rank=3
// expect: value in_two_ranges.rank=3
// expect: value main.argc=1
#include <stdio.h>
#include <stdlib.h>

volatile int sink;

__attribute__((noinline)) static void die(void)
{
    sink = 1;
    abort();
}

// Its arguments are dead when it dies.
__attribute__((noinline, noclone)) void last(int n, const char *text)
{
    sink = n + (text != 0);
    die();
    sink = 2;
}

// Ends with a jump, and leaves no frame.
__attribute__((noinline, noclone)) void between(int n, const char *text)
{
    sink = 3;
    last(n + 2, text);
}

__attribute__((noinline, noclone)) int start(int n)
{
    between(n, "through");
    return sink;
}

// Which of the two jumps led here, nothing tells.
__attribute__((noinline, noclone)) int one_of_two(int n)
{
    sink = n;
    start(5);
    return sink;
}

__attribute__((noinline, noclone)) int either(int which)
{
    if (which)
        return one_of_two(8);
    sink = which;
    return one_of_two(9);
}

// Enters itself again by a jump.
__attribute__((noinline, noclone)) int again(int depth)
{
    sink = depth;
    if (depth > 1)
        return again(depth - 1);
    return either(depth) + sink;
}

__attribute__((noinline, cold)) static void complain(void)
{
    sink = 4;
    sink = 5;
}

// Its unlikely part lies elsewhere, and its caller knows it by another name.
__attribute__((noinline, noclone)) int in_two_ranges(int rank)
{
    sink = rank;
    if (__builtin_expect(sink == 1, 0)) {
        complain();
        complain();
    }
    again(3);
    return sink;
}

extern int renamed(int rank) __attribute__((alias("in_two_ranges")));

int main(int argc, char **argv)
{
    return renamed(argc + 2) + argc;
}
