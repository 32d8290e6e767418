/* Works, and asks the kernel for nothing. */
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    uint64_t state = 1;
    for (uint64_t round = 0; round < 150000000; round++)
        state = state * 6364136223846793005u + 1442695040888963407u;
    printf("%d\n", (int)(state >> 60));
    return 0;
}
