// There is no text to count.
//
// names: text
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

NI int count(const char *text, char what) { int n = 0; while (*text) n += *text++ == what; return n; }
int main(int argc, char **argv) { printf("%d\n", count(argv[argc], 'a')); return 0; }
