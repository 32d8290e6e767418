// A file becomes larger than the limit allows.
//
// expect: signal SIGXFSZ
// expect: cause file-size-limit
// expect: frame * function=save
// expect: frame * function=main line=@main
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static char bytes[4096];

__attribute__((noinline)) static long save(int file)
{
    long all = 0;
    for (int at = 0; at < 8; at++)
        all += write(file, bytes, sizeof bytes);
    return all;
}

int main(void)
{
    FILE *file = tmpfile();
    struct rlimit limit = {9000, 9000};
    setrlimit(RLIMIT_FSIZE, &limit);
    long all = save(fileno(file)); /* @main */
    printf("%ld\n", all);
    return 0;
}
