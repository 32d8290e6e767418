// Containers of GNU's C++ library that check their use.
// build: -std=c++20 -w -D_GLIBCXX_DEBUG
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value run.numbers={1, 2, 3}
// expect: value run.list={1, 2, 3}
// expect: value run.names={1: "one", 2: "two"}
// expect: value run.squares={7: 49}
// expect: value run.deque={1, 2, 3}
// expect: value run.bits={true, false}
#include <deque>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

template <class... T> static void keep(const T &...at)
{
    (..., [](const void *at) { __asm__ volatile("" : : "r"(at) : "memory"); }(&at));
}

__attribute__((noinline)) void run()
{
    std::vector<int> numbers{1, 2, 3};
    std::vector<bool> bits{true, false};
    std::list<int> list{1, 2, 3};
    std::map<int, std::string> names{{1, "one"}, {2, "two"}};
    std::unordered_map<int, int> squares{{7, 49}};
    std::deque<int> deque{1, 2, 3};
    keep(numbers, bits, list, names, squares, deque);
    volatile int *nothing = nullptr;
    *nothing = 1;
    keep(numbers, bits, list, names, squares, deque);
}

int main()
{
    run();
}
