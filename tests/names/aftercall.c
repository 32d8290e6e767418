// A link is null, behind a call.
//
// names: conn->peer
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct peer { int port; char name[12]; };
struct conn { int fd; struct peer *peer; };
NI int log_it(int fd) { return printf("%d\n", fd); }
NI int port(struct conn *conn) { int n = log_it(conn->fd); return conn->peer->port + n; }
int main(int argc, char **argv) { (void)argv; struct conn c = {argc, NULL}; return port(&c); }
