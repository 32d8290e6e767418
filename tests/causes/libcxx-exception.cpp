// An exception of libc++ that nobody catches.
//
// compiler: clang++
// build: -stdlib=libc++
// expect: signal SIGABRT
// expect: cause cxx-exception
// expect: verdict contains "std::out_of_range"
// expect: verdict contains "no page 17"
// expect: frame * function=page line=@crash
#include <cstdio>
#include <stdexcept>

static volatile int wanted = 17;

__attribute__((noinline)) static int page(int number)
{
    if (number > 9)
        throw std::out_of_range("no page 17"); /* @crash */
    return number;
}

int main()
{
    std::printf("%d\n", page(wanted));
    return 0;
}
