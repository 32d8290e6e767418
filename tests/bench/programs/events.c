/* What a tracer is told of, over and over: events NAME COUNT. Prints the
   nanoseconds that one took. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static sigjmp_buf back;
static volatile sig_atomic_t seen;
static volatile long sum;

static void count(int number)
{
    (void)number;
    seen++;
}

static void leave(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static void *nothing(void *unused)
{
    return unused;
}

static void compute(void)
{
    for (int at = 0; at < 1000; at++)
        sum += at;
}

static void ask(void)
{
    sum += syscall(SYS_getppid);
}

static void start_and_join(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0)
        exit(1);
    pthread_join(thread, NULL);
}

static void fork_and_wait(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

static void spawn(void)
{
    char *arguments[] = {"true", NULL};
    pid_t child;
    if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) != 0)
        exit(1);
    waitpid(child, NULL, 0);
}

static void raise_one(void)
{
    raise(SIGUSR1);
}

static void fault(void)
{
    if (sigsetjmp(back, 1) == 0)
        *(volatile int *)NULL = 1;
}

static const struct {
    const char *name;
    void (*one)(void);
} kinds[] = {
    {"loop", compute},       {"getppid", ask},  {"thread", start_and_join}, {"fork", fork_and_wait},
    {"spawn", spawn},        {"raise", raise_one}, {"fault", fault},
};

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    signal(SIGUSR1, count);
    signal(SIGSEGV, leave);
    long times = atol(argv[2]);
    for (size_t at = 0; at < sizeof kinds / sizeof *kinds; at++) {
        if (strcmp(kinds[at].name, argv[1]) != 0)
            continue;
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (long time = 0; time < times; time++)
            kinds[at].one();
        clock_gettime(CLOCK_MONOTONIC, &end);
        double taken = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
        printf("%.1f\n", taken / times);
        return 0;
    }
    return 2;
}
