// A number is thrown, and nobody catches it.
//
// expect: signal SIGABRT
// expect: cause cxx-exception
// expect: verdict contains "int"
// expect: verdict contains "-42"
// expect: frame * function=check line=@crash
#include <cstdio>

static volatile int state = 3;

__attribute__((noinline)) static int check(int at)
{
    if (at > 2)
        throw -42; /* @crash */
    return at;
}

int main()
{
    std::printf("%d\n", check(state));
    return 0;
}
