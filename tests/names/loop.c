// A list ends before its count does.
//
// names: item->next|c.next
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct item { struct item *next; long value; };
NI long sum(struct item *item, int count) { long all = 0; for (int at = 0; at < count; at++) { all += item->next->value; item = item->next; } return all; }
int main(int argc, char **argv) { (void)argv; struct item c = {NULL, 3}, b = {&c, 2}, a = {&b, argc}; printf("%ld\n", sum(&a, 5)); return 0; }
