// There is no place for the result.
//
// names: out
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

NI int parse(const char *text, int *out) { if (!*text) return -1; *out = (int)strlen(text); return 0; }
int main(int argc, char **argv) { printf("%d\n", parse(argv[0], argc > 5 ? &argc : NULL)); return 0; }
