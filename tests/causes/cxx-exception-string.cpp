// A std::string is thrown, and nobody catches it.
//
// expect: signal SIGABRT
// expect: cause cxx-exception
// expect: verdict contains "std::"
// expect: verdict contains "line 7 makes no sense"
// expect: frame * function=parse line=@crash
#include <cstdio>
#include <string>

static volatile int line = 7;

__attribute__((noinline)) static int parse(int at)
{
    if (at > 2)
        throw "line " + std::to_string(at) + " makes no sense"; /* @crash */
    return at;
}

int main()
{
    std::printf("%d\n", parse(line));
    return 0;
}
