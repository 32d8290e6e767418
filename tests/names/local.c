// A lookup finds nothing.
//
// names: found
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct entry { const char *key; int value; };
static struct entry table[3] = {{"a", 1}, {"b", 2}, {"c", 3}};
NI struct entry *find(const char *key) { for (int at = 0; at < 3; at++) if (!strcmp(table[at].key, key)) return &table[at]; return NULL; }
NI int value(const char *key) { struct entry *found = find(key); return found->value; }
int main(int argc, char **argv) { (void)argc; printf("%d\n", value(argv[0])); return 0; }
