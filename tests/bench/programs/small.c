/* Three threads: one crashes, the others wait. */
#include <pthread.h>
#include <stdio.h>

struct job {
    long id;
    const char *name;
    long done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int waiting;
static struct job *volatile next_job;

static void *wait_for_job(void *number)
{
    int round = *(int *)number;
    pthread_mutex_lock(&lock);
    waiting += 1;
    pthread_cond_broadcast(&changed);
    while (round >= 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static long job_run(struct job *job, int times)
{
    long before = job->done;
    job->done += times;
    return before;
}

int main(void)
{
    pthread_t threads[2];
    int numbers[2] = {1, 2};
    for (int at = 0; at < 2; at++)
        pthread_create(&threads[at], NULL, wait_for_job, &numbers[at]);
    pthread_mutex_lock(&lock);
    while (waiting < 2)
        pthread_cond_wait(&changed, &lock);
    printf("%ld\n", job_run(next_job, 3));
    return 0;
}
