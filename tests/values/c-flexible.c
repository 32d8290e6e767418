// Arrays at the end of structures, whose length nothing states.
// build: -w
// builds: every
//
// expect: signal SIGSEGV
// expect: value crash.message contains "text = "hello, end" <up to a NUL; its length is not known>"
// expect: value crash.empty contains "text = "" <up to a NUL; its length is not known>"
// expect: value crash.bytes contains "bytes = <unknown: its length is not known>"
// expect: value crash.readable contains "bytes = "readable" <up to a NUL; its length is not known>"
// expect: value crash.wide contains "text = L"wide" <up to a NUL; its length is not known>"
// expect: value crash.numbers contains "items = <unknown: its length is not known>"
// expect: value crash.own contains "text = <unknown: its length is not known>"
// expect: value crash.given contains "text = "given" <up to a NUL; its length is not known>"
// expect: value crash.none contains "text = <unknown: its length is not known>"
// expect: value crash.bad contains "0xdead0000 <memory not in the dump>"
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct message {
    int id;
    char text[];
};
struct bytes {
    int id;
    unsigned char bytes[];
};
struct wide {
    int id;
    wchar_t text[];
};
struct numbers {
    int id;
    int items[];
};

__attribute__((noinline)) static void keep(volatile void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

__attribute__((noinline)) int crash(int *nothing)
{
    struct message *message = malloc(sizeof *message + 32), *empty = malloc(sizeof *empty + 32);
    struct bytes *bytes = malloc(sizeof *bytes + 32), *readable = malloc(sizeof *readable + 32);
    struct wide *wide = malloc(sizeof *wide + 32);
    struct numbers *numbers = malloc(sizeof *numbers + 32);
    struct message *bad = (struct message *)0xdead0000;
    // A variable ends where its flexible array would begin.
    struct {
        struct message own;
        char after[8];
    } both = {{7}, "after"};
    struct message own = {8};
    static struct message given = {9, "given"};
    static struct message none = {10};
    message->id = 1, strcpy(message->text, "hello, end");
    empty->id = 2, empty->text[0] = 0;
    bytes->id = 3, memcpy(bytes->bytes, "\xff\x01\x02", 4);
    readable->id = 4, strcpy((char *)readable->bytes, "readable");
    wide->id = 5, wcscpy(wide->text, L"wide");
    numbers->id = 6, numbers->items[0] = 1;
    keep(message), keep(empty), keep(bytes), keep(readable), keep(wide), keep(numbers);
    keep(&both), keep(&own), keep(&given), keep(&none), keep(&message), keep(&empty);
    keep(&bytes), keep(&readable), keep(&wide), keep(&numbers), keep(&bad);
    *(volatile int *)nothing = message->id;
    return message->id;
}

int main(void)
{
    return crash(NULL);
}
