// Variables that each thread has for itself, in a library that came late.
// build: -w -pthread
// library: parts/tls-library.c
// gdb: it looks for the library in its own directory
//
// expect: signal SIGSEGV
// expect: value plug_crash.crashes=3
// expect: value plug_crash.text="Thread"
// expect: value plug_wait.waits=10
// expect: value plug_wait.total=-7
// expect: value plug_idle.idles contains "<unknown: it is not allocated in this thread"
// expect: value main.own=14
// expect: value worker.own=22
// expect: value sleeper.own=33
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int (*crash)(int);
static int (*wait_there)(int, void (*)(void));
static int (*idle)(int, void (*)(void));
static volatile int waiting;
static volatile int loaded;

static void for_ever(void)
{
    __sync_fetch_and_add(&waiting, 1);
    for (;;)
        pause();
}

static void *worker(void *unused)
{
    static __thread int own = 2;
    own += 20;
    wait_there(7, for_ever);
    return (void *)(long)own;
}

/* It was there before the library, whose variables it never touches. */
static void *sleeper(void *unused)
{
    static __thread int own = 3;
    own += 30;
    while (!loaded)
        usleep(100);
    idle(1, for_ever);
    return (void *)(long)own;
}

int main(void)
{
    static __thread int own = 4;
    own += 10;
    pthread_t threads[2];
    pthread_create(&threads[0], 0, sleeper, 0);
    /* By a relative path, from a directory that is left again. */
    char directory[] = LIBRARY;
    char name[256] = "./";
    char *slash = strrchr(directory, '/');
    strncat(name, slash + 1, sizeof name - 3);
    *slash = '\0';
    if (chdir(directory))
        return 1;
    void *library = dlopen(name, RTLD_NOW);
    if (!library || chdir("/"))
        return 2;
    crash = (int (*)(int))dlsym(library, "plug_crash");
    wait_there = (int (*)(int, void (*)(void)))dlsym(library, "plug_wait");
    idle = (int (*)(int, void (*)(void)))dlsym(library, "plug_idle");
    loaded = 1;
    pthread_create(&threads[1], 0, worker, 0);
    while (waiting < 2)
        usleep(100);
    return crash(2) + own;
}
