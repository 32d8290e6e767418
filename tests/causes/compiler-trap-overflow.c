// A check of the compiler, in trap mode, finds a sum that does not fit.
//
// compiler: clang
// build: -fsanitize=signed-integer-overflow -fsanitize-trap=all
// expect: signal SIGILL
// expect: cause compiler-trap
// expect: verdict contains "an addition overflowed"
// expect: frame 0 function=sum
#include <limits.h>
#include <stdio.h>

static volatile int most = INT_MAX;

__attribute__((noinline)) static int sum(int one, int other)
{
    return one + other;
}

int main(void)
{
    printf("%d\n", sum(most, 3));
    return 0;
}
