// AddressSanitizer finds a write beyond the end of a block.
//
// compiler: gcc
// build: -fsanitize=address
// expect: signal SIGABRT
// expect: cause sanitizer-report
// expect: verdict contains "AddressSanitizer: heap-buffer-overflow"
// expect: verdict contains "WRITE of size 1"
// expect: frame * function=fill line=@crash
#include <stdio.h>
#include <stdlib.h>

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1:disable_coredump=0:detect_leaks=0";
}

static volatile int length = 20;

__attribute__((noinline)) static void fill(char *to)
{
    for (int at = 0; at < length; at++)
        to[at] = 'x'; /* @crash */
}

int main(void)
{
    char *block = malloc(16);
    fill(block);
    printf("%c\n", block[0]);
    free(block);
    return 0;
}
