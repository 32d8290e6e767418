// A method is called on nothing.
//
// names: this
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct Counter { long first; long count; long __attribute__((noinline)) next() { return ++count; } };
static Counter *volatile none;
int main() { printf("%ld\n", none->next()); return 0; }
