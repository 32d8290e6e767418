// What c-elsewhere.c only declares.
struct peer {
    int port;
    const char *host;
};
struct conn {
    int fd;
    const char *name;
    struct peer peer;
    struct conn *next;
};
struct twice {
    int a, b;
};
union number {
    int whole;
    float part;
};

struct conn *conn_new(int fd)
{
    static struct conn first = {1, "first", {80, "one"}, 0};
    static struct conn second = {0, "second", {443, "two"}, &first};
    second.fd = fd;
    return &second;
}

struct peer *peer_of(struct conn *conn)
{
    return &conn->peer;
}

union number *number_new(void)
{
    static union number number = {7};
    return &number;
}

struct twice *twice_here(void)
{
    static struct twice twice = {1, 2};
    return &twice;
}
