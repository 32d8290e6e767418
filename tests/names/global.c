// A static pointer was never set.
//
// names: current
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct conf { int level; int depth; };
static struct conf *current;
NI int depth(int by) { return current->depth + by; }
int main(int argc, char **argv) { (void)argv; if (argc > 5) current = calloc(1, sizeof *current); printf("%d\n", depth(argc)); return 0; }
