// A pointer in a static structure was never set.
//
// names: server.queue
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct queue { int head; int tail; };
static struct { int port; struct queue *queue; } server = {80, NULL};
NI int waiting(int by) { return server.queue->tail - server.queue->head + by; }
int main(int argc, char **argv) { (void)argv; if (argc > 5) server.queue = calloc(1, sizeof *server.queue); printf("%d\n", waiting(argc)); return 0; }
