// A list leads through a freed block.
//
// names: node->next
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct node { struct node *next; long value; char pad[40]; };
static struct node *volatile list;
NI long second(struct node *node) { return node->next->value; }
int main(void) { struct node *a = malloc(sizeof *a), *b = malloc(sizeof *b); a->next = b; b->next = a; list = b; free(a); free(b); printf("%ld\n", second(list)); return 0; }
