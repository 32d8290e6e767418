#!/bin/sh
# Generates and builds a program with several hundred MB of debug information:
#   large.sh DIRECTORY [UNITS]
# Units describe 10,000 types each; every fifteenth has code on the crash stack. Half
# of them come from clang, which writes no .debug_aranges, if it is installed.
set -eu
out=$1
units=${2:-300}
mkdir -p "$out"
cd "$out"
awk 'BEGIN {
    for (i = 0; i < 10000; i++)
        printf "struct record_%d { int id; long key_%d; char name[%d]; double weight; " \
            "struct record_%d *next; unsigned flags : 5; const char *label_%d; short state; };\n", \
            i, i, 8 + i % 64, (i * 7) % 10000, i % 100
}' > types.h
for unit in $(seq 0 $((units - 1))); do
    next=$(((unit + 15) % units))
    cat > "unit_$unit.c" <<UNIT
#include "types.h"
int step_$next(struct record_5 *at, int depth);
static inline int weigh_$unit(struct record_5 *at, int depth)
{
    int sum = at->id + depth;
    if (depth == 0)
        sum += *(volatile int *)at->next;
    return sum + step_$next(at, depth - 1);
}
int step_$unit(struct record_5 *at, int depth)
{
    long scale = at->key_5;
    int sum = weigh_$unit(at, depth) + (int)scale;
    return sum;
}
UNIT
done
cat > main.c <<MAIN
#include "types.h"
int step_0(struct record_5 *at, int depth);
int main(void)
{
    struct record_5 first = {.id = 5, .key_5 = 2};
    return step_0(&first, 60);
}
MAIN
other=$(command -v clang || echo gcc)
compile() {
    seq "$1" 2 $((units - 1)) | xargs -P "$(nproc)" -I{} \
        "$2" -g -O1 -fno-optimize-sibling-calls -fno-eliminate-unused-debug-types -c unit_{}.c -o unit_{}.o
}
compile 0 gcc
compile 1 "$other"
gcc -g -O1 -o large main.c unit_*.o
rm -f unit_*.o unit_*.c
