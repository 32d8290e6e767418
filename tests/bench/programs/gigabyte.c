/* A GiB of memory and twenty threads that wait. One more thread reads the clock
   as fast as it can, and notes the longest time between two readings: for so
   long the process stood still. Prints `ready`; for each line on standard input
   it prints that time, in nanoseconds, and begins anew. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static atomic_long longest;

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000l + time.tv_nsec;
}

static void *watch(void *unused)
{
    long last = now();
    for (;;) {
        long at = now();
        if (at - last > atomic_load(&longest))
            atomic_store(&longest, at - last);
        last = at;
    }
    return unused;
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

int main(void)
{
    const unsigned long size = 1ul << 30;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    /* Small pages, all of them written, no two alike. */
    madvise(memory, size, MADV_NOHUGEPAGE);
    for (unsigned long at = 0; at < size; at += sizeof at)
        memcpy(memory + at, &at, sizeof at);
    pthread_t thread;
    for (int count = 0; count < 20; count++)
        pthread_create(&thread, NULL, wait_for_ever, NULL);
    pthread_create(&thread, NULL, watch, NULL);
    puts("ready");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        printf("%ld\n", atomic_exchange(&longest, 0));
        fflush(stdout);
    }
    return 0;
}
