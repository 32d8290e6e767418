// A check of a logging library fails. The library is a small one of our own, whose
// class is called as glog's is.
//
// expect: signal SIGABRT
// expect: cause check-failed
// expect: verdict contains "Check failed: size > 0"
// expect: frame * function=reserve line=@crash
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace google {
class LogMessageFatal {
public:
    LogMessageFatal(const char *file, int line, const char *what)
    {
        std::snprintf(text, sizeof text, "F1201 12:00:00.000000 17 %s:%d] Check failed: %s ", file, line, what);
    }
    __attribute__((noinline)) ~LogMessageFatal()
    {
        std::fputs(text, stderr);
        std::abort();
    }

private:
    char text[200];
};
}

static volatile int wanted = -1;

__attribute__((noinline)) static int reserve(int size)
{
    if (!(size > 0))
        google::LogMessageFatal("pool.cc", 12, "size > 0"); /* @crash */
    return size;
}

int main()
{
    std::printf("%d\n", reserve(wanted));
    return 0;
}
