// An assertion of Qt fails. The function is a small one of our own, which is called and
// aborts as Qt's.
//
// expect: signal SIGABRT
// expect: cause qt-fatal
// expect: [stripped] cause abort
// expect: verdict contains "index < size"
// expect: frame * function=at line=@crash
#include <cstdio>
#include <cstdlib>

__attribute__((noinline)) void qt_assert(const char *assertion, const char *file, int line)
{
    std::fprintf(stderr, "ASSERT: \"%s\" in file %s, line %d\n", assertion, file, line);
    std::abort();
}

static volatile int size = 3;

__attribute__((noinline)) static int at(int index)
{
    if (!(index < size))
        qt_assert("index < size", "list.cpp", 12); /* @crash */
    return index;
}

int main()
{
    std::printf("%d\n", at(7));
    return 0;
}
