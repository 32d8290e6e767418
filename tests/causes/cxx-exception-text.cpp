// Texts are thrown in the place of exceptions, and nobody catches them.
//
// expect: signal SIGABRT
// expect: cause cxx-exception
// expect: verdict contains "char const*"
// expect: verdict contains "the disk is full"
// expect: frame * function=save line=@crash
#include <cstdio>

static volatile int left = 0;

__attribute__((noinline)) static int save(int bytes)
{
    if (bytes > left)
        throw "the disk is full"; /* @crash */
    return bytes;
}

int main()
{
    std::printf("%d\n", save(100));
    return 0;
}
