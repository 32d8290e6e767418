// Types that are only declared here, and defined in other units.
// parts: parts/c-elsewhere-types.c parts/c-elsewhere-twice.c
// build: -w
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value stop.conn contains "{fd = 5, name = "second", peer = {port = 443, host = "two"}, next = 0x"
// expect: value stop.peer contains "{port = 443, host = "two"}"
// expect: value stop.number contains "{whole = 7, part = "
// expect: value stop.here contains "several types that differ have this name"
// expect: value stop.there contains "several types that differ have this name"
// expect: value stop.nowhere=0x10
struct conn;
struct peer;
struct twice;
struct nowhere;
union number;

struct conn *conn_new(int fd);
struct peer *peer_of(struct conn *conn);
union number *number_new(void);
struct twice *twice_here(void);
struct twice *twice_there(void);

__attribute__((noinline)) int stop(struct conn *conn, struct peer *peer, union number *number,
                                   struct twice *here, struct twice *there, struct nowhere *nowhere)
{
    __asm__ volatile("" : : "r"(conn), "r"(peer), "r"(number), "r"(here), "r"(there) : "memory");
    __asm__ volatile("" : : "r"(nowhere) : "memory");
    *(volatile int *)0 = 1;
    return conn != 0 && peer != 0 && number != 0 && here != 0 && there != 0 && nowhere != 0;
}

int main(void)
{
    struct conn *conn = conn_new(5);
    return stop(conn, peer_of(conn), number_new(), twice_here(), twice_there(),
                (struct nowhere *)0x10);
}
