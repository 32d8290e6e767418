// Variables that each thread has for itself, in a program without libraries.
// build: -w -static -pthread
// gdb: it calls functions by their other names
//
// expect: signal SIGSEGV
// expect: value worker.own=22
// expect: value worker.zero=5
// expect: value main.own=14
// expect: value main.zero=NULL
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static volatile int waiting;

static void *worker(void *unused)
{
    static __thread long long own __attribute__((aligned(64))) = 2;
    static __thread int zero;
    own += 20;
    zero = 5;
    waiting = 1;
    while (waiting)
        __asm__ volatile("pause");
    return (void *)(long)(own + zero);
}

int main(void)
{
    static __thread short own = 4;
    static __thread char *zero;
    own += 10;
    __asm__ volatile("" : : "r"(&zero) : "memory");
    pthread_t thread;
    pthread_create(&thread, 0, worker, 0);
    while (!waiting)
        usleep(100);
    *(volatile int *)0 = own;
    return zero != 0;
}
