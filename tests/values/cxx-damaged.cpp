// Containers of GNU's C++ library that something wrote over.
// build: -std=c++20 -w -fno-strict-aliasing
// gdb: it shows members as they are, and what containers hold only with scripts
//
// Every one of them is known as far as it is sound. In optimized builds the
// compiler may have moved what is damaged.
//
// expect: signal SIGSEGV
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>
#include <cstdlib>
#include <cstring>

template <class... T> static void keep(const T &...at)
{
    (..., [](const void *at) { __asm__ volatile("" : : "r"(at) : "memory"); }(&at));
}

// A word of an object, by its number.
template <class T> static unsigned long &word(T &object, int number)
{
    return reinterpret_cast<unsigned long *>(&object)[number];
}

// An object in place of which there is something else, as before its constructor.
template <class T> union Raw {
    char bytes[sizeof(T)];
    T object;
    Raw(int byte) { memset(bytes, byte, sizeof bytes); }
    ~Raw() {}
};

// The size of a vector is that of its pointers: 2^61 bytes are nowhere.
// expect: value run.huge contains "damaged"
// expect: value run.reversed contains "damaged: its pointers do not fit together"
// The length of a string is more than its capacity, or than the 15 of a short one.
// expect: value run.long_text contains "damaged"
// expect: value run.short_text contains "damaged: 16 characters, with room for 15"
// The last node leads to the first instead of back to the list.
// expect: value run.ring contains "{1, 2, 3, <damaged: "
// The list says 5, and has 3 nodes; the other says 2, and has 3.
// expect: value run.short_list contains "{1, 2, 3, <damaged: it ends after 3 of 5 elements>}"
// expect: value run.long_list contains "{1, 2, <damaged: more nodes than its 2 elements>}"
// The second node leads back to the first.
// expect: value run.circle contains "{1, 2, <damaged: its nodes go in a circle"
// The root's right child has another parent than the root: 2, which comes first
// below that child, is not shown.
// expect: value run.tree contains "{1: 10, 2: 20, <damaged: the node at "
// expect: value run.tree contains "does not know its parent"
// The size is 2^61, the nodes are three.
// expect: value run.huge_tree contains "{1: 10, 2: 20, 3: 30, <damaged: it ends after 3 of 2305843009213693952 elements>}"
// The node leads to an address without memory.
// expect: value run.hash contains "{7: 49, <damaged: it leads to 0x10, which is in no mapped memory>}"
// expect: value run.no_index contains "damaged: it has no alternative 77"
// expect: value run.half contains "damaged: a truth value of it is 7"
// expect: value run.queue contains "damaged"
// expect: value run.counted contains "damaged"
// What was never constructed.
// expect: value run.raw_vector contains "damaged"
// expect: value run.raw_list contains "damaged"
// expect: value run.raw_map contains "damaged"
// expect: value run.raw_hash contains "damaged"
// expect: value run.raw_deque contains "damaged"
// expect: value run.raw_text contains "damaged"
// expect: value run.zero_vector contains "object = {}"
// expect: value run.zero_list contains "damaged"
__attribute__((noinline)) void run()
{
    std::vector<int> huge{1, 2, 3}, reversed{1, 2, 3};
    word(huge, 1) += 1UL << 61;
    word(huge, 2) += 1UL << 61;
    std::swap(word(reversed, 0), word(reversed, 1));
    std::string long_text(100, 'x'), short_text("short");
    word(long_text, 1) = 1UL << 40;
    word(short_text, 1) = 16;
    std::list<int> ring{1, 2, 3}, short_list{1, 2, 3}, long_list{1, 2, 3};
    // A list is {next, previous, size}, and a node {next, previous, value}.
    *(unsigned long *)word(ring, 1) = word(ring, 0);
    word(short_list, 2) = 5;
    word(long_list, 2) = 2;
    std::forward_list<int> circle{1, 2, 3};
    unsigned long *first = (unsigned long *)word(circle, 0), *second = (unsigned long *)*first;
    *second = (unsigned long)first;
    std::map<int, int> tree{{2, 20}, {1, 10}, {3, 30}}, huge_tree{{2, 20}, {1, 10}, {3, 30}};
    // A node is {color, parent, left, right}; the header lies at 8, the root in it.
    unsigned long *root = (unsigned long *)word(tree, 2);
    ((unsigned long *)root[3])[1] = 0x1234;
    word(huge_tree, 5) = 1UL << 61;
    std::unordered_map<int, int> hash{{7, 49}};
    word(hash, 3) = 2;
    *(unsigned long *)word(hash, 2) = 0x10;
    std::variant<int, std::string> no_index = 5;
    ((char *)&no_index)[sizeof(std::string)] = 77;
    std::optional<int> half = 5;
    ((char *)&half)[4] = 7;
    std::deque<int> queue{1, 2, 3};
    word(queue, 2) += 1 << 20;
    std::shared_ptr<int> counted = std::make_shared<int>(5);
    ((int *)word(counted, 1))[2] = -3;
    Raw<std::vector<int>> raw_vector(0xa5), zero_vector(0);
    Raw<std::list<int>> raw_list(0xa5), zero_list(0);
    Raw<std::map<int, int>> raw_map(0xa5);
    Raw<std::unordered_map<int, int>> raw_hash(0xa5);
    Raw<std::deque<int>> raw_deque(0xa5);
    Raw<std::string> raw_text(0xa5);
    keep(huge, reversed, long_text, short_text, ring, short_list, long_list, circle, tree);
    keep(huge_tree, hash, no_index, half, queue, counted, raw_vector, raw_list, raw_map);
    keep(raw_hash, raw_deque, raw_text, zero_vector, zero_list);
    volatile int *nothing = nullptr;
    *nothing = 1;
    // None of these is destroyed.
    _Exit(1);
}

int main()
{
    run();
}
