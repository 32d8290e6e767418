// Every kind of type of C, in one frame.
// build: -w
// builds: every
//
// expect: signal SIGSEGV
// expect: value crash.n=4
// expect: value crash.text="some text"
// expect: value crash.head contains "{id = 1, next = 0x"
// expect: value crash.head contains "name = "first", callback = NULL}"
// expect: value crash.nothing=NULL
// expect: value crash.anything contains "<counter>"
// expect: [O0] value crash.shadow@0=2
// expect: [O0] value crash.shadow@1=1
// expect: novalue crash.hidden
// expect: value crash.squares={0, 1, 4, 9}
// expect: value crash.grid={{1, 2, 3}, {4, 5, 6}}
// expect: value crash.row contains "{4, 5, 6}"
// expect: value crash.bits={a = -3, b = 1, wide = 78187493530, flag = true, color = BLUE}
// expect: value crash.anonymous={x = 1, i = 2, f = 3e-45, s1 = 3, s2 = 4}
// expect: value crash.unnamed={q = 9}
// expect: value crash.flags contains "(A "
// expect: value crash.flags contains " C)"
// expect: value crash.odd_flags contains " 0x10)"
// expect: value crash.color=7
// expect: value crash.negative=MINUS
// expect: value crash.big=1267650600228229401496703205381
// expect: value crash.most=340282366920938463463374607431768211455
// expect: value crash.z=1.5 + 2.5i
// expect: value crash.longest=3.14
// expect: value crash.f=0.1
// expect: value crash.d=-1e300
// expect: value crash.function contains "<handler>"
// expect: value crash.buffer="hello"
// expect: value crash.full="abcd"
// expect: value crash.rest="a"...
// expect: value crash.binary="\000bc"
// expect: value crash.raw={0x01, 0x02, 0xff, 0x00, 0x00, 0x09}
// expect: value crash.byte=200
// expect: value crash.letter=120 'x'
// expect: value crash.same={42 <repeats 100 times>}
// expect: value crash.wide=L"wide"
// expect: value crash.sixteen=u"sixteen"
// expect: value crash.euro contains "8364 U'"
// expect: value crash.still=77
// expect: value crash.own=78
// expect: value crash.points={{x = 1, y = 2}, {x = 3, y = 4}, {x = 5, y = 6}}
// expect: value crash.point contains "{x = 1, y = 2}"
// expect: value crash.whole contains "bytes = {0x04, 0x03, 0x02, 0x01}"
// expect: value crash.flexible contains "{n = 2, items = <unknown: its length is not known>}"
// expect: value crash.opaque=0x1234
// expect: value crash.bad=0xdead0000 <memory not in the dump>
// expect: value crash.bad_number=0xdead0000 <memory not in the dump>
// expect: value crash.yes=true
// expect: value crash.unsigned_long=18446744073709551615
// expect: value crash.escaped="tab\t\"q\" \033[31m"
// expect: value main.first contains "name = "first""
#include <complex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <uchar.h>
#include <wchar.h>

enum flags { A = 1, B = 2, C = 4, D = 8 };
enum color { RED, GREEN, BLUE };
enum negative { MINUS = -1, ZERO, PLUS };
struct bits {
    signed a : 3;
    unsigned b : 1;
    uint64_t wide : 40;
    bool flag : 1;
    enum color color : 4;
};
struct anonymous {
    int x;
    union {
        int i;
        float f;
    };
    struct {
        short s1, s2;
    };
};
typedef struct {
    int q;
} unnamed_t;
struct flexible {
    int n;
    int items[];
};
struct node {
    int id;
    struct node *next;
    const char *name;
    int (*callback)(int);
};
struct opaque;
struct point {
    int x, y;
};
union whole {
    int i;
    unsigned char bytes[4];
};

static int counter = 7;

__attribute__((noinline)) static int handler(int x)
{
    return x + counter;
}

__attribute__((noinline)) static void keep(const void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

__attribute__((noinline)) static int crash(int n, const char *text, struct node *head,
                                           struct node *nothing, void *anything)
{
    int squares[n];
    for (int i = 0; i < n; i++)
        squares[i] = i * i;
    int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
    int(*row)[3] = &grid[1];
    struct bits bits = {-3, 1, 0x123456789aULL, true, BLUE};
    struct anonymous anonymous = {1, {2}, {3, 4}};
    unnamed_t unnamed = {9};
    enum flags flags = A | C, odd_flags = A | 16;
    enum color color = 7;
    enum negative negative = MINUS;
    __int128 big = ((__int128)1 << 100) + 5;
    unsigned __int128 most = -1;
    double _Complex z = 1.5 + 2.5 * I;
    long double longest = 3.14L;
    float f = 0.1f;
    double d = -1e300;
    int (*function)(int) = handler;
    char buffer[16] = "hello", full[4] = "abcd", rest[8] = "a\0bc", binary[6] = "\0bc";
    unsigned char raw[6] = {1, 2, 0xff, 0, 0, 9};
    uint8_t byte = 200;
    char letter = 'x';
    int same[100];
    for (int i = 0; i < 100; i++)
        same[i] = 42;
    const wchar_t *wide = L"wide";
    char16_t sixteen[8] = u"sixteen";
    char32_t euro = U'€';
    static int still = 77;
    static _Thread_local int own = 70;
    own += 8;
    struct point points[3] = {{1, 2}, {3, 4}, {5, 6}}, *point = points;
    union whole whole = {0x01020304};
    struct flexible *flexible = malloc(sizeof *flexible + 8);
    flexible->n = 2;
    struct opaque *opaque = (struct opaque *)0x1234;
    const char *bad = (const char *)0xdead0000;
    int *bad_number = (int *)0xdead0000;
    bool yes = true;
    unsigned long unsigned_long = -1;
    const char *escaped = "tab\t\"q\" \x1b[31m";
    keep(squares), keep(grid), keep(&bits), keep(&anonymous), keep(&unnamed), keep(&flags);
    keep(buffer), keep(full), keep(rest), keep(binary), keep(raw), keep(same), keep(sixteen), keep(points);
    keep(&whole), keep(&big), keep(&z), keep(&longest), keep(&still), keep(&own);
    int shadow = 1;
    {
        int hidden = 9;
        keep(&hidden);
    }
    {
        int shadow = 2;
        keep(&shadow);
        *(volatile int *)nothing = shadow + n;
    }
    return shadow + function(letter) + (int)*escaped + *text + head->id + (anything != 0) + most +
           d + f + euro + yes + unsigned_long + byte + color + negative + odd_flags + *wide +
           (bad == (const char *)bad_number) + (opaque != 0) + (*row)[0] + point->x;
}

int main(void)
{
    struct node second = {2, 0, "second", handler}, first = {1, &second, "first", 0};
    keep(&second), keep(&first);
    return crash(4, "some text", &first, 0, &counter);
}
