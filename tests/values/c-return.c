// Locals of a function that dies of its last instruction, when it has given its frame back.
// gdb: is wrong, since it takes the caller's frame pointer for that of the function
// build: -w -fno-stack-protector
// builds: every
//
// expect: signal SIGSEGV
// expect: frame 0 function=leave
// expect: [gcc] value leave.row={21, 22, 23, 24}
// expect: [clang] value leave.row=<unknown: its function was making its frame, or had given it back>
#include <stdlib.h>

#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noinline, noclone))
#endif

APART static void keep(volatile void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

APART int leave(int first)
{
    int row[4] = {first, first + 1, 23, 24};
    keep(row);
    // No address of AMD64: bits 47 to 63 differ.
    ((volatile unsigned long *)__builtin_dwarf_cfa())[-1] = 0x1234567812345678;
    keep(row);
    return row[1];
}

int main(void)
{
    int row[4] = {31, 32, 33, 34};
    keep(row);
    int result = leave(21);
    keep(row);
    return result + row[2];
}
