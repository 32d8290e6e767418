// Strings and lists as GNU's C++ library had them before gcc 5.
// build: -std=c++17 -w -D_GLIBCXX_USE_CXX11_ABI=0
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value run.brief="short"
// expect: value run.empty=""
// expect: value run.wide=L"wide"
// expect: value run.names={"one", "two"}
// expect: value run.counts={"k": 1}
// expect: value run.list={1, 2, 3}
// expect: value run.no_list={}
// expect: value run.passed="passed"
#include <list>
#include <map>
#include <string>
#include <vector>

template <class... T> static void keep(const T &...at)
{
    (..., [](const void *at) { __asm__ volatile("" : : "r"(at) : "memory"); }(&at));
}

__attribute__((noinline)) void run(const std::string &passed)
{
    std::string brief = "short", empty;
    std::wstring wide = L"wide";
    std::vector<std::string> names{"one", "two"};
    std::map<std::string, int> counts{{"k", 1}};
    std::list<int> list{1, 2, 3}, no_list;
    keep(brief, empty, wide, names, counts, list, no_list);
    volatile int *nothing = nullptr;
    *nothing = 1;
    keep(brief, empty, wide, names, counts, list, no_list);
}

int main()
{
    run("passed");
}
