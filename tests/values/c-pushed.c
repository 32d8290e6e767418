// Places counted from the stack pointer, while arguments of a call lie pushed below them.
// gdb: is wrong, since it takes the stack pointer at the call for that of the function's body
// build: -w
// builds: every
//
// expect: signal SIGSEGV
// expect: value die.b=2
// expect: value die.eighth=8
// expect: value die.ninth=9
// expect: value die.nothing=NULL
// expect: value aligned.row={21, 22, 23, 24}
// expect: [O2] value aligned.row={21, 22, 23, 24}
// expect: value aligned.last=29
// expect: value aligned.first=11
// expect: value caller.row={31, 32, 33, 34}
// expect: [O2] value caller.row={31, 32, 33, 34}
// expect: value caller.n=8
// expect: value caller.far=51
// expect: value few.row={41, 42, 43, 44}
// expect: [O2] value few.row={41, 42, 43, 44}
// expect: value few.other={61, 62, 63, 64}
// expect: [O2] value few.other={61, 62, 63, 64}
// expect: value lost.row contains "-> 71"
// expect: value lost.b=2
// expect: value once.row={71, 72}
#include <stdlib.h>

#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noinline, noclone))
#endif

volatile int sink;

APART static void keep(volatile void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

// Three arguments and more are passed on the stack.
APART int die(int *row, int b, int c, int d, int e, int f, int seventh, int eighth, int ninth, int *nothing)
{
    keep(row);
    *(volatile int *)nothing = b + c + d + e + f + seventh + eighth + ninth;
    return sink;
}

// Its stack pointer is aligned, so that no table says where its places are.
APART int aligned(int n, int b, int c, int d, int e, int f, int *nothing, int last)
{
    _Alignas(64) int row[4] = {21, 22, 23, 24};
    int first = 11;
    keep(row), keep(&first), keep(&last);
    int result = die(row, 2, 3, 4, 5, 6, 7, n, 9, nothing);
    keep(row), keep(&first), keep(&last);
    return result + row[2] + last;
}

// It has no frame pointer.
APART int caller(int n, int *nothing)
{
    int row[4] = {31, 32, 33, 34};
    long far = 51;
    keep(row), keep(&far);
    int result = aligned(n, 12, 13, 14, 15, 16, nothing, 29);
    keep(row), keep(&far);
    return result + row[2] + n;
}

// It passes nothing on the stack.
APART int few(int *nothing)
{
    int row[4] = {41, 42, 43, 44};
    _Alignas(32) int other[4] = {61, 62, 63, 64};
    keep(row), keep(other);
    int result = caller(8, nothing);
    keep(row), keep(other);
    return result + row[1];
}

// What it was passed first is gone when it calls.
APART int lost(int *row, int b, int c, int d, int e, int f, int seventh, int *nothing, int *same)
{
    keep(row);
    int result = few(nothing);
    keep(same);
    return result + c + d + e + f + seventh;
}

// The address of the array is computed before arguments are pushed.
APART int once(int *nothing)
{
    int row[2] = {71, 72};
    return lost(row, 2, 3, 4, 5, 6, 7, nothing, row) + row[1];
}

int main(void)
{
    return once(NULL);
}
