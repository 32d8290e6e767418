/* small.c with 4 GiB of memory, of which one page in 64 MiB was written. */
#include <sys/mman.h>

#define main small_main
#include "small.c"
#undef main

int main(void)
{
    const unsigned long size = 4ul << 30;
    char *heap = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (heap == MAP_FAILED)
        return 1;
    for (unsigned long at = 0; at < size; at += 64ul << 20)
        heap[at] = 1;
    return small_main();
}
