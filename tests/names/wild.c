// A pointer was never one.
//
// names: item|shelf
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct item { const char *name; long grams; };
static struct item *volatile shelf = (struct item *)0x2000cafe0000;
NI long weight(struct item *item) { return item->grams * 2; }
int main(void) { printf("%ld\n", weight(shelf)); return 0; }
