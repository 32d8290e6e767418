// Strings and exceptions of a library whose code, and description, is elsewhere.
// build: -std=c++17 -w
// builds: dwarf4
//
// clang only declares `std::string` before C++20, since the library has an
// instance of it; both compilers only declare `std::runtime_error`.
//
// expect: signal SIGSEGV
// expect: value run.brief="short"
// expect: value run.longer="a considerably longer string than fits"
// expect: value run.wide=L"wide"
// expect: value run.names={"one", "two"}
// expect: value run.counts={"k": 1}
// expect: value run.has={a = 1, text = "inside"}
// expect: value run.passed="passed"
// expect: value run.mine={<std::runtime_error> = "mine", code = 3}
// expect: value run.maybe="perhaps"
// expect: value run.pointer contains ""short""
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

template <class... T> static void keep(const T &...at)
{
    (..., [](const void *at) { __asm__ volatile("" : : "r"(at) : "memory"); }(&at));
}

struct Has {
    int a = 1;
    std::string text = "inside";
};
struct Mine : std::runtime_error {
    int code = 3;
    Mine() : std::runtime_error("mine") {}
};

__attribute__((noinline)) void run(const std::string &passed)
{
    std::string brief = "short", longer = "a considerably longer string than fits";
    std::wstring wide = L"wide";
    std::vector<std::string> names{"one", "two"};
    std::map<std::string, int> counts{{"k", 1}};
    Has has;
    Mine mine;
    std::optional<std::string> maybe = "perhaps";
    std::string *pointer = &brief;
    keep(brief, longer, wide, names, counts, has, mine, maybe, pointer);
    volatile int *nothing = nullptr;
    *nothing = 1;
    keep(brief, longer, wide, names, counts, has, mine, maybe, pointer);
}

int main()
{
    run("passed");
}
