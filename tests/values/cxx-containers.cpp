// What GNU's C++ library keeps: containers, sums, pointers, locks, times.
// build: -std=c++20 -w -pthread
// builds: dwarf4
//
// expect: signal SIGSEGV
#include <any>
#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <complex>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <set>
#include <shared_mutex>
#include <source_location>
#include <span>
#include <stack>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

template <class... T> static void keep(const T &...at)
{
    (..., [](const void *at) { __asm__ volatile("" : : "r"(at) : "memory"); }(&at));
}

struct Point {
    int x, y;
};
struct Animal {
    int legs = 4;
    virtual ~Animal() {}
};
struct Bird : Animal {
    int wings = 2;
};
static int doubled(int n) { return 2 * n; }
struct Closer {
    int handle;
    void operator()(int *at) const { delete at; }
};

// expect: value iterators.second contains "-> 2"
// expect: value iterators.node contains ""two""
// expect: value iterators.node_end contains "end"
// expect: value iterators.entry contains "{first = 2, second = "two"}"
// expect: value iterators.entry_end contains "end"
// expect: value iterators.hashed contains "{first = 7, second = 49}"
// expect: value iterators.hashed_end contains "end"
// expect: value iterators.in_deque contains "-> 300"
__attribute__((noinline)) void iterators()
{
    std::vector<int> numbers{1, 2, 3};
    auto second = numbers.begin() + 1;
    std::list<std::string> words{"one", "two"};
    auto node = std::next(words.begin());
    auto node_end = words.end();
    std::map<int, std::string> names{{1, "one"}, {2, "two"}};
    auto entry = names.find(2);
    auto entry_end = names.end();
    std::unordered_map<int, int> squares{{7, 49}};
    auto hashed = squares.begin();
    auto hashed_end = squares.end();
    std::deque<int> queue(400);
    queue[300] = 300;
    auto in_deque = queue.begin() + 300;
    keep(second, node, node_end, entry, entry_end, hashed, hashed_end, in_deque);
    volatile int *nothing = nullptr;
    *nothing = 1;
}

// expect: value odds.flags=0b00010110
// expect: value odds.wide contains "{3, 99} of 128 bits"
// expect: value odds.z=1.5 - 2i
// expect: value odds.items={4, 5, 6}
// expect: value odds.thrown contains "out of luck"
// expect: value odds.plain contains "(int) 42"
// expect: value odds.none_thrown=nullptr
// expect: value odds.failure=generic:2
// expect: value odds.reference contains "{x = 1, y = 2}"
// expect: value odds.byte=0x7f
// expect: [gcc] value odds.place contains "odds"
// expect: value odds.file="/etc/passwd"
__attribute__((noinline)) void odds()
{
    std::bitset<8> flags(0x16);
    std::bitset<128> wide;
    wide[3] = wide[99] = true;
    std::complex<double> z(1.5, -2);
    std::initializer_list<int> items = {4, 5, 6};
    std::exception_ptr thrown = std::make_exception_ptr(std::runtime_error("out of luck"));
    std::exception_ptr plain = std::make_exception_ptr(42), none_thrown;
    std::error_code failure = std::make_error_code(std::errc::no_such_file_or_directory);
    Point point{1, 2};
    std::reference_wrapper<Point> reference = point;
    std::byte byte{0x7f};
#ifdef __cpp_lib_source_location
    std::source_location place = std::source_location::current();
#else
    int place = 0;
#endif
    std::filesystem::path file = "/etc/passwd";
    keep(flags, wide, z, items, thrown, plain, none_thrown, failure, reference, byte, place, file);
    iterators();
    keep(flags, wide, z, items, thrown, plain, none_thrown, failure, reference, byte, place, file);
}

// expect: value times.seconds=5 s
// expect: value times.millis=1500 ms
// expect: value times.nanos=-7 ns
// expect: value times.hours=2 h
// expect: value times.days=3 d
// expect: value times.thirds=4 [1/3]s
// expect: value times.real=2.5 s
// expect: value times.leap=2024-02-29 12:34:56.789000000 UTC
// expect: value times.before=1969-12-31 23:59:59 UTC
// expect: value times.steady contains "1234 ns"
__attribute__((noinline)) void times()
{
    using namespace std::chrono;
    auto seconds = 5s;
    auto millis = 1500ms;
    auto nanos = nanoseconds(-7);
    auto hours = 2h;
    auto days = std::chrono::days(3);
    auto thirds = duration<long, std::ratio<1, 3>>(4);
    auto real = duration<double>(2.5);
    // 2024-02-29 is day 19,782 after 1970-01-01: 54 years of 365 days, 13 leap
    // days before 2024, 31 days of January, and 28 of February.
    system_clock::time_point leap =
        system_clock::time_point(hours * 0 + 24h * 19782 + 12h + 34min + 56s + 789ms);
    time_point<system_clock, std::chrono::seconds> before{-1s};
    steady_clock::time_point steady{nanoseconds(1234)};
    keep(seconds, millis, nanos, hours, days, thirds, real, leap, before, steady);
    odds();
    keep(seconds, millis, nanos, hours, days, thirds, real, leap, before, steady);
}

// expect: value locks.atomic=17
// expect: value locks.flag=true
// expect: value locks.pointer contains "{x = 8, y = 9}"
// expect: value locks.is_free=unlocked
// expect: value locks.held contains "locked by thread "
// expect: value locks.recursive contains "locked by thread "
// expect: value locks.recursive contains "2 times"
// expect: value locks.readers contains "2 readers"
// expect: value locks.writer contains "locked by thread "
// expect: value locks.guard contains "locked by thread "
// expect: value locks.owns contains "locked by thread "
// expect: value locks.none=no mutex
// expect: value locks.wake=nobody waits
// expect: value locks.both contains "locked by thread "
// expect: value locks.worker contains "thread "
// expect: value locks.unstarted=no thread
// expect: value locks.joining contains "thread "
// expect: value locks.stamp=true
__attribute__((noinline)) void locks()
{
    std::atomic<int> atomic{17};
    std::atomic<bool> flag{true};
    Point point{8, 9};
    std::atomic<Point *> pointer{&point};
    std::mutex is_free, held;
    std::recursive_mutex recursive;
    recursive.lock();
    recursive.lock();
    std::shared_mutex readers, writer;
    readers.lock_shared();
    readers.lock_shared();
    writer.lock();
    std::lock_guard guard(held);
    std::mutex other;
    std::unique_lock owns(other);
    std::unique_lock<std::mutex> none;
    std::condition_variable wake;
    std::mutex one, two;
    std::scoped_lock both(one, two);
    std::atomic_flag stamp;
    stamp.test_and_set();
    std::thread worker([] {
        for (;;)
            std::this_thread::sleep_for(std::chrono::hours(1));
    });
    std::jthread joining([] {
        for (;;)
            std::this_thread::sleep_for(std::chrono::hours(1));
    });
    std::thread unstarted;
    keep(atomic, flag, pointer, is_free, held, recursive, readers, writer, guard, owns, none, wake);
    keep(worker, unstarted, joining, stamp, both);
    times();
    keep(atomic, flag, pointer, is_free, held, recursive, readers, writer, guard, owns, none, wake);
    keep(worker, unstarted, joining, stamp, both);
}

// expect: value pointers.unique contains "{x = 1, y = 2}"
// expect: value pointers.empty=nullptr
// expect: value pointers.array contains "-> 3"
// expect: value pointers.closing contains "-> 4"
// expect: value pointers.closing contains "deleter = {handle = 77}"
// expect: value pointers.shared contains "{x = 5, y = 6}"
// expect: value pointers.shared contains "(use 2, weak 1)"
// expect: value pointers.alias contains "-> 6"
// expect: value pointers.weak contains "(use 2, weak 1)"
// expect: value pointers.expired contains "<expired>"
// expect: value pointers.expired contains "weak 1"
// expect: value pointers.unset=nullptr
// expect: value pointers.unset_weak=nullptr
__attribute__((noinline)) void pointers()
{
    std::unique_ptr<Point> unique(new Point{1, 2}), empty;
    std::unique_ptr<int[]> array(new int[2]{3, 33});
    std::unique_ptr<int, Closer> closing(new int(4), Closer{77});
    auto shared = std::make_shared<Point>(Point{5, 6});
    std::shared_ptr<int> alias(shared, &shared->y);
    std::weak_ptr<Point> weak = shared, unset_weak;
    std::weak_ptr<int> expired = std::make_shared<int>(9);
    std::shared_ptr<int> unset;
    std::unique_ptr<Animal> animal = std::make_unique<Bird>();
    keep(unique, empty, array, closing, shared, alias, weak, expired, unset, unset_weak, animal);
    locks();
    keep(unique, empty, array, closing, shared, alias, weak, expired, unset, unset_weak, animal);
}

// expect: value sums.some=5
// expect: value sums.none=nullopt
// expect: value sums.text="some text"
// expect: value sums.nested={nullopt}
// expect: value sums.number=(int) 7
// expect: value sums.string=(std::string) "seven"
// expect: value sums.valueless=<valueless by exception>
// expect: value sums.small=(int) 6
// expect: value sums.large=(std::string) "a string is kept apart"
// expect: value sums.nothing=<empty>
// expect: value sums.plain contains "doubled"
// expect: value sums.closure contains "by = 3"
// expect: value sums.big_closure contains "fourth = 44"
// expect: value sums.unset=<empty>
// expect: value sums.pair={first = 1, second = "one"}
// expect: value sums.tuple={1, 2.5, "three"}
// expect: value sums.blank={}
struct Throws {
    Throws() {}
    Throws(const Throws &) { throw 1; }
};
__attribute__((noinline)) void sums()
{
    std::optional<int> some = 5, none;
    std::optional<std::string> text = "some text";
    std::optional<std::optional<int>> nested = std::optional<int>();
    std::variant<int, std::string, Throws> number = 7, string = "seven", valueless;
    try {
        Throws throws;
        valueless.emplace<Throws>(throws);
    } catch (int) {
    }
    std::any small = 6, large = std::string("a string is kept apart"), nothing;
    int by = 3;
    long fourth = 44, fifth = 55, sixth = 66;
    std::function<int(int)> plain = doubled, unset;
    std::function<int(int)> closure = [by](int n) { return n * by; };
    std::function<long()> big_closure = [=] { return fourth + fifth + sixth; };
    std::pair<int, std::string> pair(1, "one");
    std::tuple<int, double, std::string> tuple(1, 2.5, "three");
    std::tuple<> blank;
    keep(some, none, text, nested, number, string, valueless, small, large, nothing);
    keep(plain, closure, big_closure, unset, pair, tuple, blank);
    pointers();
    keep(some, none, text, nested, number, string, valueless, small, large, nothing);
    keep(plain, closure, big_closure, unset, pair, tuple, blank);
}

// expect: value nodes.list={"one", "two", "three"}
// expect: value nodes.forward={1, 2, 3}
// expect: value nodes.no_list={}
// expect: value nodes.names={1: "one", 2: "two", 3: "three"}
// expect: value nodes.counts={"a": 1, "b": 2}
// expect: value nodes.primes={2, 3, 5, 7}
// expect: value nodes.many={1: 10, 1: 11, 2: 20}
// expect: value nodes.bag={'a', 'a', 'b'}|{97 'a', 97 'a', 98 'b'}
// expect: value nodes.no_map={}
// expect: value nodes.long_double={1.5: 2.5}
// expect: value nodes.hundred contains "{0: 0, 1: 1, "
// expect: value nodes.hundred contains " more}"
// expect: value nodes.squares={7: 49}
// expect: value nodes.by_name={"seven": 7}
// expect: value nodes.hash_set={42}
// expect: value nodes.strings={"only"}
// expect: value nodes.twice={5: 1, 5: 1}
// expect: value nodes.pair_set={3, 3}
// expect: value nodes.no_hash={}
__attribute__((noinline)) void nodes()
{
    std::list<std::string> list{"one", "two", "three"};
    std::forward_list<int> forward{1, 2, 3};
    std::list<int> no_list;
    std::map<int, std::string> names{{3, "three"}, {1, "one"}, {2, "two"}}, no_map;
    std::map<std::string, int> counts{{"b", 2}, {"a", 1}};
    std::set<long> primes{7, 5, 3, 2};
    std::multimap<int, int> many{{1, 10}, {2, 20}, {1, 11}};
    std::multiset<char> bag{'b', 'a', 'a'};
    std::map<long double, double> long_double{{1.5L, 2.5}};
    std::map<int, int> hundred;
    for (int i = 0; i < 100; i++)
        hundred[i] = i;
    std::unordered_map<int, int> squares{{7, 49}}, no_hash;
    std::unordered_map<std::string, int> by_name{{"seven", 7}};
    std::unordered_set<long> hash_set{42};
    std::unordered_set<std::string> strings{"only"};
    std::unordered_multimap<int, int> twice{{5, 1}, {5, 1}};
    std::unordered_multiset<int> pair_set{3, 3};
    keep(list, forward, no_list, names, counts, primes, many, bag, no_map, long_double, hundred);
    keep(squares, by_name, hash_set, strings, twice, pair_set, no_hash);
    sums();
    keep(list, forward, no_list, names, counts, primes, many, bag, no_map, long_double, hundred);
    keep(squares, by_name, hash_set, strings, twice, pair_set, no_hash);
}

// expect: value sequences.numbers={1, 2, 3}
// expect: value sequences.bits={true, false, true}
// expect: value sequences.words={"one", "two"}
// expect: value sequences.deque={1, 2, 3}
// expect: value sequences.no_deque={}
// expect: value sequences.long_deque contains "{100, 101, 102, "
// expect: value sequences.large_deque contains "{name = "large", "
// expect: value sequences.array={1, 2, 3}
// expect: value sequences.points={{x = 1, y = 2}, {x = 3, y = 4}}
// expect: value sequences.no_array={}
// expect: value sequences.span={2, 3}
// expect: value sequences.fixed_span={1, 2, 3}
// expect: value sequences.stack={1, 2}
// expect: value sequences.queue={1, 2}
// expect: value sequences.heap={3, 1, 2}
// expect: value sequences.shared_words={"one", "two"}
struct Large {
    std::string name = "large";
    char room[600] = {};
};
__attribute__((noinline)) void sequences()
{
    std::vector<int> numbers{1, 2, 3};
    std::vector<bool> bits{true, false, true};
    std::vector<std::string> words{"one", "two"};
    std::deque<int> deque{2, 3}, no_deque, long_deque;
    deque.push_front(1);
    for (int i = 0; i < 1000; i++)
        long_deque.push_back(i);
    for (int i = 0; i < 100; i++)
        long_deque.pop_front();
    std::deque<Large> large_deque(2);
    std::array<int, 3> array{1, 2, 3};
    std::array<Point, 2> points{Point{1, 2}, Point{3, 4}};
    std::array<int, 0> no_array;
    std::span<int> span(numbers.data() + 1, 2);
    std::span<int, 3> fixed_span(array);
    std::stack<int> stack;
    stack.push(1), stack.push(2);
    std::queue<int, std::list<int>> queue;
    queue.push(1), queue.push(2);
    std::priority_queue<int> heap;
    heap.push(1), heap.push(2), heap.push(3);
    const std::vector<std::string> &shared_words = words;
    keep(numbers, bits, words, deque, no_deque, long_deque, large_deque, array, points, no_array);
    keep(span, fixed_span, stack, queue, heap, shared_words);
    nodes();
    keep(numbers, bits, words, deque, no_deque, long_deque, large_deque, array, points, no_array);
    keep(span, fixed_span, stack, queue, heap, shared_words);
}

// expect: value texts.brief="short"
// expect: value texts.longer="a considerably longer string than fits"
// expect: value texts.empty=""
// expect: value texts.view="view of text"
// expect: value texts.wide=L"wide"
// expect: value texts.sixteen=u"sixteen"
// expect: value texts.thirty_two=U"a longer one of thirty-two bits"
// expect: value texts.eight=u8"eight"
// expect: value texts.wide_view=L"vie"
// expect: value texts.with_nul="a\000b"
__attribute__((noinline)) void texts()
{
    std::string brief = "short", longer = "a considerably longer string than fits", empty;
    std::string_view view = "view of text";
    std::wstring wide = L"wide";
    std::u16string sixteen = u"sixteen";
    std::u32string thirty_two = U"a longer one of thirty-two bits";
    std::u8string eight = u8"eight";
    std::wstring_view wide_view(L"view", 3);
    std::string with_nul("a\0b", 3);
    keep(brief, longer, empty, view, wide, sixteen, thirty_two, eight, wide_view, with_nul);
    sequences();
    keep(brief, longer, empty, view, wide, sixteen, thirty_two, eight, wide_view, with_nul);
}

int main()
{
    texts();
}
