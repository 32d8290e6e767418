// A coroutine that waits, and one that has ended.
// compiler: g++
// build: -std=c++20 -w -fcoroutines
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value run.waiting contains "counter"
// expect: value run.ended contains "at its end"
// expect: value run.none=nullptr
#include <coroutine>

static void keep(const void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

struct Task {
    struct promise_type {
        Task get_return_object()
        {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
    };
    std::coroutine_handle<promise_type> handle;
};

Task counter(int times)
{
    for (int i = 0; i < times; i++)
        co_await std::suspend_always{};
}

__attribute__((noinline)) void run()
{
    std::coroutine_handle<Task::promise_type> waiting = counter(3).handle;
    std::coroutine_handle<> ended = counter(0).handle, none;
    keep(&waiting), keep(&ended), keep(&none);
    volatile int *nothing = nullptr;
    *nothing = 1;
    keep(&waiting), keep(&ended), keep(&none);
}

int main()
{
    run();
}
