// UndefinedBehaviorSanitizer finds a sum that does not fit.
//
// compiler: gcc
// build: -fsanitize=undefined -fno-sanitize-recover=all
// expect: signal SIGABRT
// expect: cause sanitizer-report
// expect: verdict contains "signed integer overflow"
// expect: frame * function=sum line=@crash
#include <limits.h>
#include <stdio.h>

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1";
}

static volatile int most = INT_MAX;

__attribute__((noinline)) static int sum(int one, int other)
{
    return one + other; /* @crash */
}

int main(void)
{
    printf("%d\n", sum(most, 3));
    return 0;
}
