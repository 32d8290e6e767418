/* A thousand threads wait at the ends of three different paths; main crashes. */
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int waiting;
static int *volatile nowhere;

static void wait_here(int depth)
{
    if (depth > 0) {
        wait_here(depth - 1);
        return;
    }
    pthread_mutex_lock(&lock);
    waiting++;
    pthread_cond_broadcast(&changed);
    for (;;)
        pthread_cond_wait(&changed, &lock);
}

static void *worker(void *number)
{
    wait_here(*(int *)number % 3 * 4);
    return NULL;
}

int main(void)
{
    static int numbers[THREADS];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    for (int at = 0; at < THREADS; at++) {
        pthread_t thread;
        numbers[at] = at;
        if (pthread_create(&thread, &small, worker, &numbers[at]) != 0)
            return 1;
    }
    pthread_mutex_lock(&lock);
    while (waiting < THREADS)
        pthread_cond_wait(&changed, &lock);
    printf("%d\n", *nowhere);
    return 0;
}
