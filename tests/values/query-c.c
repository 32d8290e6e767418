// What can be asked of a C program, with the answers.
// builds: dwarf4
//
// Each `ask` is an expression and its value in the innermost frame; `ask N` asks
// in frame N. Optimized builds may not know, but must not say anything else.
//
// expect: signal SIGSEGV
//
// ask: n => 77
// ask: n + 1 => 78
// ask: conn->fd => 3
// ask: (*conn).fd => 3
// ask: conn.fd => 3
// ask: conn->name => "upstream"
// ask: conn->state => OPEN
// ask: conn->state == OPEN => 1
// ask: conn->next->state == HALF && conn->fd < 4 => 1
// ask: conn->peer->name => "alpha"
// ask: conn->peer->port => 443
// ask: conn->peer->up => 1
// ask: conn->peer->level => -2
// ask: conn->peer->level * 3 => -6
// ask: *conn->peer => {name = "alpha", port = 443, up = 1, level = -2}
// ask: /x *conn->peer => {name = {0x61, 0x6c, 0x70, 0x68, 0x61, 0x0 <repeats 11 times>}, port = 0x1bb, up = 0x1, level = 0x1e}
// ask: /d conn->peer->level => -2
// ask: /d conn->peer->up => 1
// ask: /t conn->peer->port => 0b110111011
// ask: /o conn->peer->port => 0673
// ask: /c conn->raw[3] => -1 '\377'
// ask: /d conn->raw[3] => -1
// ask: /u conn->raw[3] => 255
// ask: /b conn->raw => 01 02 03 ff
// ask: /s conn->peer => "alpha"
// ask: (char *)conn->peer => "alpha"
// ask: /4x fib => {0x1, 0x1, 0x2, 0x3}
// ask: /2d &fib[3] => {3, 5}
// ask: /3x n => fault 4..5 `n` is no array, but of type `int`
// ask: /s pair => {"hello", "second"}
// ask: /f conn->load => 0.25
// ask: /x OPEN => 0x1
// ask: /f 0x3f800000 => 1
// ask: OPEN => OPEN (1)
// ask: conn->b => 5
// ask: conn->grid => {{1, 2, 3}, {4, 5, 6}}
// ask: conn->grid[1] => {4, 5, 6}
// ask: conn->grid[1][2] => 6
// ask: *(conn->grid[1] + 1) => 5
// ask: sizeof conn->grid[0] => 12
// ask: conn->load / 2 => 0.125
// ask: conn[1].name => "second"
// ask: (conn + 1)->fd => 4
// ask: conn->next - conn => 1
// ask: (char *)conn->next - (char *)conn == sizeof(struct conn) => 1
// ask: conn->next->next->fd => 5
// ask: conn->next == &table[1] => 1
// ask: table[2].fd => 5
// ask: table[0..2][1].fd => 4
// ask: fib[2..5] => {2, 3, 5}
// ask: fib[7..] => {21, 34, 55}
// ask: fib[2]@3 => {2, 3, 5}
// ask: *fib@2 => {1, 1}
// ask: sizeof fib / sizeof fib[0] => 10
// ask: counter => 43
// ask: 'query-c.c'::counter => 43
// ask: banner => "hello"
// ask: banner[1] => 101 'e'
// ask: banner[0..5] => "hello"
// ask: calls => 10
// ask: squares[2] => 4
// ask: big => 18364758544493064720
// ask: /x big => 0xfedcba9876543210
// ask: (unsigned char)big => 16 '\020'
// ask: (int)big == 0x76543210 => 1
// ask: big >> 60 => 15
// ask: (uint16_t)-1 => 65535
// ask: (long)-1 => -1
// ask: -1 < 1u => 0
// ask: 2147483647 + 1 => 2147483648
// ask: 0xffffffffffffffff + 1 => 0
// ask: ~0 => -1
// ask: !conn => 0
// ask: 7 % 4 << 2 | 1 => 13
// ask: 'A' + 1 => 66
// ask: 1.5 * 2 => 3
// ask: 1 << 32 => 4294967296
// ask: -1 >> 40 => -1
// ask: 1u << 32 => fault 0..8 a number of 32 bits cannot be shifted that far
// ask: n * 1000000000 => 77000000000
// ask: 4294967295u + 1u => 0
// ask: (float)1 / 3 => 0.33333334
// ask: (float)1 / 3 == 1.0 / 3 => 0
// ask: sizeof((float)1 / 3) => 4
// ask: sizeof((float)1 / 3.0) => 8
// ask: conn->next->next->fd - 1 - 1 - 1 => 2
// ask: conn[0x7fffffffffffffff].fd => fault 0..4 element 9223372036854775807 of `conn` is outside of all memory
// ask: conn + 0x7fffffffffffffff => fault 0..25 9223372036854775807 of its elements away there is no memory
// ask: (enum state)7 => HALF
// ask: sizeof(struct peer) => 20
// ask: sizeof(long [4]) => 32
// ask: &((struct conn *)0)->peer => 0x18 <memory not in the dump>
// ask: nothing => NULL
// ask: nothing->fd => <unknown: memory at 0x0 is not in the dump>
// ask: local.port => 80
// ask: &local.port == (char *)&local + 16 => 1
// ask: ((struct peer *)&local)->level => -3
// ask: vla => {0, 10, 20, 30}
// ask: vla[3] => 30
// ask: sizeof vla => 16
// ask: $pc == $rip => 1
// ask: $sp <= $cfa => 1
// ask: (int)$eax == (int)$rax => 1
// ask: main::argc => 1
// ask: work::n => 77
// ask: choose(1) => fault 6..7 functions cannot be called: the process is dead
// ask: ::counter => 43
// ask: ::n => fault 0..3 there is no `::n` here
// ask: table->fd => 3
// ask: 'query-c.c'::HALF => HALF (7)
// ask: 'query-c.c'::work == work => 1
// ask: sizeof('query-c.c'::peer) => 20
// ask: 'query-c.c'::work::calls => 10
// ask: *main == main => 1
// ask: true => 1
// ask: NULL == nothing => 1
// ask 1: argc => 1
// ask 1: *argv == argv[0] => 1
// ask 1: $rax => <unknown: rax was not saved by the called function>
// ask 1: $eflags => <unknown: eflags was not saved by the called function>
// ask 1: n => fault 0..1 there is no `n` here
//
// ask: conn->fdd => fault 6..9 `struct conn` has no member `fdd`
// ask: squares + => fault 9..9 a value is missing
// ask: conm => fault 0..4 there is no `conm` here
// ask: n->fd => fault 3..5 a value of type `int` has no members
// ask: *n => fault 1..2 `n` is no pointer, but of type `int`
// ask: conn->fd = 4 => fault 9..10 `=` would change the process, which is dead
// ask: (struct con *)n => fault 1..13 there is no type `struct con` here
// ask: &local.level => fault 1..12 `local.level` has no address: it is a bit-field
// ask: n / (n - 77) => fault 0..12 the divisor is zero
// ask: conn + conn => fault 0..11 two pointers cannot be added
// ask: $rxx => fault 0..4 there is no register `$rxx`
// ask: 1 << 99999999999999999999999999 => fault 0..31 a number of 32 bits cannot be shifted that far
// ask: fib[0..9999999999] => fault 4..17 from 0 to 9999999999 no elements can be shown
// ask: 'other.c'::counter => fault 0..18 there is no `counter` in `other.c`
#include <stdint.h>
#include <stdlib.h>

enum state { CLOSED, OPEN, HALF = 7 };

struct peer {
    char name[16];
    uint16_t port;
    unsigned up : 1;
    signed level : 5;
};

struct conn {
    int fd;
    const char *name;
    enum state state;
    struct peer *peer;
    struct conn *next;
    double load;
    uint8_t raw[4];
    struct {
        int a;
        union {
            int b;
            float f;
        };
    };
    int grid[2][3];
};

static struct conn table[3];
static int counter = 42;
const char *banner = "hello";
const char *pair[2] = {"hello", "second"};
long fib[10] = {1, 1, 2, 3, 5, 8, 13, 21, 34, 55};

/* Makes the compiler keep something in memory. */
#define KEEP(place) __asm__ volatile("" : : "r"(place) : "memory")

__attribute__((noinline)) int work(struct conn *conn, int count)
{
    int squares[5];
    uint64_t big = 0xfedcba9876543210u;
    static int calls = 9;
    int vla[count];
    struct peer local = {"local", 80, 1, -3};
    for (int i = 0; i < 5; i++)
        squares[i] = i * i;
    for (int i = 0; i < count; i++)
        vla[i] = i * 10;
    int n = 5;
    {
        int n = 77;
        struct conn *volatile nothing = NULL;
        calls++;
        counter++;
        KEEP(&n);
        KEEP(squares);
        KEEP(vla);
        KEEP(&local);
        KEEP(&big);
        return nothing->fd + n + conn->fd + squares[n % 5] + vla[0]; /* @crash */
    }
    return n;
}

int main(int argc, char **argv)
{
    static struct peer peer = {"alpha", 443, 1, -2};
    table[0].fd = 3;
    table[0].name = "upstream";
    table[0].state = OPEN;
    table[0].peer = &peer;
    table[0].next = &table[1];
    table[0].load = 0.25;
    for (int i = 0; i < 4; i++)
        table[0].raw[i] = i < 3 ? i + 1 : 255;
    table[0].b = 5;
    for (int i = 0; i < 6; i++)
        table[0].grid[i / 3][i % 3] = i + 1;
    table[1].name = "second";
    table[1].fd = 4;
    table[1].next = &table[2];
    table[1].state = HALF;
    table[2].fd = 5;
    KEEP(argv);
    return work(&table[0], 4) + counter + (int)fib[2] + banner[0] + argc;
}
