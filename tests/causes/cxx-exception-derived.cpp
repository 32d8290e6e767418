// An exception of the program's own class, with two bases.
//
// expect: signal SIGABRT
// expect: cause cxx-exception
// expect: verdict contains "net::Timeout"
// expect: verdict contains "10.0.0.1 does not answer"
// expect: frame * function=ask line=@crash
#include <cstdio>
#include <stdexcept>
#include <string>

namespace net {
struct Coded {
    int code = 110;
    virtual ~Coded() {}
};

struct Timeout : Coded, std::runtime_error {
    explicit Timeout(const std::string &peer) : std::runtime_error(peer + " does not answer") {}
};
}

static volatile int tries = 3;

__attribute__((noinline)) static int ask(int limit)
{
    if (tries > limit)
        throw net::Timeout("10.0.0.1"); /* @crash */
    return limit;
}

int main()
{
    std::printf("%d\n", ask(2));
    return 0;
}
