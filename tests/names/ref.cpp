// A reference was made of a null pointer.
//
// names: item|none
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct Item { int a; long weight; };
NI long weigh(const Item &item) { return item.weight + 1; }
static Item *volatile none;
int main() { printf("%ld\n", weigh(*none)); return 0; }
