"""Seeded bugs in C++: name, and the code of the functions to blame.

`IN` is a number that the compiler cannot know; it is always 1 at run time. A
second element is what a version after a refactoring has in its place: other
local names and another order of lines, but the same bug in the same function.
"""

BUGS = [
    ("apply_config", """
int apply_config(long in) {
    Config *config = find_config(in);
    return config->size + 1;
}"""),
    ("open_session", """
int open_session(long in) {
    Session *session = find_session(in);
    session_set(session, 7);
    return 1;
}"""),
    ("resume_session", """
int resume_session(long in) {
    Session *resumed = find_session(in);
    log_line("resuming", in);
    session_set(resumed, 9);
    return 2;
}"""),
    ("decode_packet", """
int decode_packet(long in) {
    const char *text = (const char *)(0x4141414141414141UL * (unsigned long)in);
    return text[3];
}"""),
    ("probe_cache", """
int probe_cache(long in) {
    int *slot = (int *)(0x1234567000UL * (unsigned long)in);
    *slot = 5;
    return *slot;
}"""),
    ("walk_tree", """
int walk_tree(long in) {
    volatile char pad[256];
    pad[0] = (char)in;
    return walk_tree(in + pad[0] * 0) + pad[0];
}"""),
    ("eval_expr", """
int eval_term(long in);
int eval_expr(long in) {
    volatile char pad[200];
    pad[0] = (char)in;
    return eval_term(in) + pad[0];
}
int eval_term(long in) {
    volatile char pad[300];
    pad[0] = (char)in;
    return eval_expr(in) + pad[0];
}"""),
    ("check_header", """
int check_header(long in) {
    assert(in > 40);
    return 1;
}"""),
    ("check_footer", """
int check_footer(long in) {
    long seen = in * 3;
    assert(seen == 4 && "footer");
    return 1;
}"""),
    ("pick_item", """
int pick_item(long in) {
    std::vector<int> items(3, 1);
    return items.at((unsigned long)in + 7);
}"""),
    ("load_settings", """
int load_settings(long in) {
    std::string key = "missing key " + std::to_string(in + getpid());
    throw std::runtime_error(key);
}"""),
    ("average_of", """
int average_of(long in) {
    long sum = 100 * in;
    long count = in - 1;
    return (int)(sum / count);
}"""),
    ("release_twice", """
int release_twice(long in) {
    char *block = (char *)malloc(2000 * in);
    sink(block);
    free(block);
    sink(block);
    free(block);
    return 1;
}"""),
    ("free_middle", """
int free_middle(long in) {
    char *block = (char *)malloc(200 * in);
    sink(block);
    free(block + 8 * in);
    return 1;
}"""),
    ("dispatch_event", """
int dispatch_event(long in) {
    Handler handler = handler_of(in);
    return handler(in) + 1;
}"""),
    ("run_hook", """
int run_hook(long in) {
    Handler hook = (Handler)(0x7700000000UL * (unsigned long)in);
    return hook(in) + 1;
}"""),
    ("patch_name", """
int patch_name(long in) {
    char *name = (char *)(in > 0 ? "constant" : "other");
    name[in] = 'x';
    sink(name);
    return name[0];
}"""),
    ("name_length", """
int name_length(long in) {
    const char *name = find_name(in);
    return (int)strlen(name) + 1;
}"""),
    ("copy_block", """
int copy_block(long in) {
    char *to = (char *)find_name(in);
    memcpy(to, zeros, 64 * in);
    sink(to);
    return 1;
}"""),
    ("fatal_config", """
int fatal_config(long in) {
    if (in > 0) {
        abort();
    }
    return 1;
}"""),
    ("unreachable_state", """
int unreachable_state(long in) {
    if (in == 1) {
        __builtin_trap();
    }
    return 1;
}"""),
    ("next_node", """
int next_node(long in) {
    Node *node = make_list(in);
    int sum = 0;
    for (int left = 5; left > 0; left--) {
        sum += node->value;
        node = node->next;
    }
    return sum;
}"""),
]

HEAD = """
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

struct Config { int pad[4]; int size; };
struct Session { long id; int state; };
struct Node { int value; Node *next; };
typedef int (*Handler)(long);
static char zeros[4096];
static volatile long hidden = 1;

__attribute__((noinline)) static Config *find_config(long in) { return hidden == in ? nullptr : (Config *)zeros; }
__attribute__((noinline)) static Session *find_session(long in) { return hidden == in ? nullptr : (Session *)zeros; }
__attribute__((noinline)) static const char *find_name(long in) { return hidden == in ? nullptr : zeros; }
__attribute__((noinline)) static Handler handler_of(long in) { return hidden == in ? nullptr : (Handler)abort; }
__attribute__((noinline)) static void sink(const void *p) { asm volatile("" : : "r"(p) : "memory"); }
__attribute__((noinline)) static void log_line(const char *text, long in) { if (in > 5) puts(text); }
__attribute__((noinline)) static Node *make_list(long in) {
    Node *last = hidden == in ? new Node{3, nullptr} : nullptr;
    return new Node{1, new Node{2, last}};
}
void session_set(Session *session, int state) {
    session->state = state;
}
"""

ROUTES = """
int direct_{name}(long in) {{ return {name}(in) + 1; }}
int threaded_{name}(long in) {{
    int result = 0;
    std::thread worker([&] {{ result = {name}(in) + 2; }});
    worker.join();
    return result;
}}
struct Job_{name} : Job {{
    int run(long in) override {{ return {name}(in) + 3; }}
}};
int batch_{name}(long in, int depth) {{
    if (depth > 0) return batch_{name}(in, depth - 1) + 1;
    std::function<int(long)> call = {name};
    return call(in) + 4;
}}
"""

JOB = """
struct Job { virtual int run(long in) = 0; virtual ~Job() {} };
int schedule(Job *job, long in) { return job->run(in) + 1; }
"""

CASE = """
    if (!strcmp(bug, "{name}")) {{
        if (route == 0) return direct_{name}(in);
        if (route == 1) return threaded_{name}(in);
        if (route == 2) {{ std::unique_ptr<Job> job(new Job_{name}); return schedule(job.get(), in); }}
        return batch_{name}(in, 2);
    }}
"""

MAIN = """
int main(int argc, char **argv) {{
    const char *bug = argc > 1 ? argv[1] : "";
    int route = argc > 2 ? atoi(argv[2]) : 0;
    long in = hidden;
{cases}
    return 3;
}}
"""
