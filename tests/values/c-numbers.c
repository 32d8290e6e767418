// Numbers, bit-fields, vectors and arrays of every size and order of bytes.
// build: -w
// builds: every
//
// expect: signal SIGSEGV
// expect: value crash.four={1, -2, 3, 4}
// expect: value crash.floats={1.5, 2, 3, 4}
// expect: value crash.octets={0x01, 0x02, 0x03, 0x00 <repeats 13 times>}
// expect: value crash.quad=1.25
// expect: [gcc] value crash.half=1.5
// expect: [gcc] value crash.small_decimal=1.25
// expect: [gcc] value crash.decimal=-1.5
// expect: [gcc] value crash.large_decimal=12345.678
// expect: [gcc] value crash.wire={port = 4660, host = 16909060, n = -2, hi = 5, lo = 291, f = 1.5, d = -2.5, list = {1, 2, 3}}
// expect: [gcc] value crash.whole_complex=3 - 4i
// expect: value crash.single_complex=1 + 2i
// expect: value crash.long_complex=1 - 2i
// expect: value crash.flags contains " 0x40)"
// expect: value crash.all=ALL
// expect: value crash.none=0
// expect: value crash.same=FIRST
// expect: value crash.second=SECOND
// expect: value crash.huge=HUGE_ONE
// A field of a packed structure that reaches beyond its storage unit.
// expect: value crash.bits={tag = 7 '\007', across = 8589934590, negative = -5, one = 1, yes = true, same = SECOND, small = -2 '\376'}
// expect: value crash.packet={kind = 1, s = {a = 2, b = 3}, text = "\002"..., raw = {0x02, 0x00, 0x03, 0x00}, i = 196610, deep = 4}
// expect: value crash.no_items={n = 5, items = {}}
// expect: value crash.cube={{{0, 0}, {0, 1}, {0, 2}}, {{1, 0}, {1, 1}, {1, 2}}}
// expect: value crash.nodes={{next = NULL, v = 0}, {next = NULL, v = 1}}
// expect: value crash.table contains "<add>"
// expect: value crash.words={"one", "two", NULL}
// expect: value crash.two={"hello", "world"}
// expect: value crash.wide=L"wide"
// expect: value crash.long_doubles={1.5, -2}
// expect: value crash.switches={true, false}
// expect: value crash.zeros={0 <repeats 1000 times>}
// expect: value crash.infinite=inf
// expect: value crash.minus_zero=-0
// expect: value crash.tiny=5e-324
// expect: value crash.most=170141183460469231731687303715884105727
// expect: value crash.least=-170141183460469231731687303715884105728
// expect: value crash.last=-1 '\377'
// expect: value crash.newline=10 '\n'
// expect: value crash.atom=5
// expect: value crash.fixed=6
// expect: value crash.restricted contains "-> 12"
// expect: value crash.signed_byte=-5
#include <complex.h>
#include <stdbool.h>
#include <stdint.h>
#include <xmmintrin.h>
#include <wchar.h>

typedef int four_ints __attribute__((vector_size(16)));
typedef unsigned char octets __attribute__((vector_size(16)));
enum flags { A = 1, B = 2, C = 4, D = 8, ALL = 15 };
enum same { FIRST = 1, ALSO = 1, SECOND };
enum huge { HUGE_ONE = 0xfedcba9876543210 };
struct __attribute__((packed)) bits {
    unsigned char tag;
    uint64_t across : 33;
    int64_t negative : 31;
    unsigned one : 1;
    bool yes : 1;
    enum same same : 2;
    signed char small : 3;
};
struct packet {
    int kind;
    union {
        struct {
            short a, b;
        } s;
        char text[8];
        unsigned char raw[4];
        int i;
    };
    struct {
        struct {
            int deep;
        };
    };
};
struct no_items {
    int n;
    int items[0];
};
struct node {
    struct node *next;
    int v;
};
#ifndef __clang__
struct __attribute__((scalar_storage_order("big-endian"))) wire {
    uint16_t port;
    uint32_t host;
    int64_t n;
    unsigned hi : 4, lo : 12;
    float f;
    double d;
    uint16_t list[3];
};
#endif
int twelve = 12, shared = 13;

static int add(int a, char *b)
{
    return a + (b != 0);
}

__attribute__((noinline)) static void keep(const volatile void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

__attribute__((noinline)) static int crash(int n, int m)
{
    extern int shared;
    four_ints four = {1, -2, 3, 4};
    __m128 floats = {1.5, 2, 3, 4};
    octets octets = {1, 2, 3};
    __float128 quad = 1.25;
#ifndef __clang__
    _Float16 half = 1.5;
    _Decimal32 small_decimal = 1.25DF;
    _Decimal64 decimal = -1.5DD;
    _Decimal128 large_decimal = 12345.678DL;
    struct wire wire = {0x1234, 0x01020304, -2, 5, 0x123, 1.5, -2.5, {1, 2, 3}};
    _Complex int whole_complex = 3 - 4i;
    keep(&wire), keep(&decimal), keep(&half), keep(&whole_complex), keep(&small_decimal);
    keep(&large_decimal);
#endif
    float _Complex single_complex = 1 + 2 * I;
    long double _Complex long_complex = 1 - 2 * I;
    enum flags flags = A | C | 0x40, all = ALL, none = 0;
    enum same same = FIRST, second = SECOND;
    enum huge huge = HUGE_ONE;
    struct bits bits = {7, 0x1fffffffeULL, -5, 1, true, SECOND, -2};
    struct packet packet = {1, {.s = {2, 3}}, {{4}}};
    struct no_items no_items = {5};
    int cube[n][m][2];
    struct node nodes[n];
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m; j++)
            cube[i][j][0] = i, cube[i][j][1] = j;
        nodes[i] = (struct node){0, i};
    }
    int (*table[2])(int, char *) = {add, 0};
    char *words[3] = {"one", "two", 0}, two[2][6] = {"hello", "world"};
    wchar_t wide[6] = L"wide";
    long double long_doubles[2] = {1.5L, -2};
    bool switches[2] = {true, false};
    int zeros[1000] = {0}, *restrict restricted = &twelve;
    float infinite = 1 / 0.0f;
    double minus_zero = -0.0, tiny = 5e-324;
    __int128 most = ~(unsigned __int128)0 >> 1, least = -most - 1;
    char last = -1, newline = '\n';
    _Atomic int atom = 5;
    volatile const int fixed = 6;
    int8_t signed_byte = -5;
    keep(&four), keep(&floats), keep(&octets), keep(&quad), keep(&single_complex);
    keep(&long_complex), keep(&flags), keep(&all), keep(&none), keep(&same), keep(&second);
    keep(&huge), keep(&bits), keep(&packet), keep(&no_items), keep(cube), keep(nodes), keep(table);
    keep(words), keep(two), keep(wide), keep(long_doubles), keep(switches), keep(zeros);
    keep(&restricted), keep(&infinite), keep(&minus_zero), keep(&tiny), keep(&most), keep(&least);
    keep(&last), keep(&newline), keep(&atom), keep(&fixed), keep(&shared), keep(&signed_byte);
    *(volatile int *)0 = n;
    return shared + twelve;
}

int main(void)
{
    return crash(2, 3);
}
