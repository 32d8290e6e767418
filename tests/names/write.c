// A list has no last item, and it is written to.
//
// names: list->last
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct item { struct item *next; int value; };
struct list { struct item *first; struct item *last; };
NI void append(struct list *list, int value) { list->last->value = value; }
int main(int argc, char **argv) { (void)argv; struct list l = {NULL, NULL}; append(&l, argc); printf("%d\n", l.first != NULL); return 0; }
