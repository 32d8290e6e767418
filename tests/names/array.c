// An element of a table of pointers is null.
//
// names: slots[2]|slot|slots
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct slot { int used; int size; };
NI int size(struct slot **slots, int at) { struct slot *slot = slots[at]; return slot->size; }
int main(int argc, char **argv) { (void)argv; struct slot a = {1, 2}; struct slot *slots[4] = {&a, &a, NULL, &a}; printf("%d\n", size(slots, argc + 1)); return 0; }
