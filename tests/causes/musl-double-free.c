// A block is freed twice, and musl's allocator notices. Its code has neither
// unwind tables nor frame pointers, so that `drop` is passed over.
//
// compiler: musl-gcc
// build: -static
// expect: signal SIGSEGV
// expect: cause heap-corruption
// expect: [stripped] cause privileged-instruction
// expect: verdict contains "musl"
// expect: frame * function=main
#include <stdio.h>
#include <stdlib.h>

static void *volatile block, *volatile other;

__attribute__((noinline)) static int drop(void)
{
    free(block);
    free(block);
    return 1;
}

int main(void)
{
    block = malloc(40);
    other = malloc(40);
    printf("%d\n", drop());
    return 0;
}
