// An assertion of a program with musl fails.
//
// compiler: musl-gcc
// build: -static
// expect: signal SIGABRT
// expect: cause assertion-failed
// expect: [stripped] cause abort
// expect: verdict contains "left > 0"
// expect: frame * function=take line=@crash
#include <assert.h>

static volatile int count = -1;

__attribute__((noinline)) static int take(int left)
{
    assert(left > 0); /* @crash */
    return left - 1;
}

int main(void)
{
    return take(count);
}
