// ThreadSanitizer finds a counter that two threads change without a lock.
//
// compiler: gcc
// build: -fsanitize=thread -pthread
// expect: signal SIGABRT
// expect: cause sanitizer-report
// expect: [symbols] verdict contains "ThreadSanitizer: data race"
// expect: [symbols] verdict contains "of 4 bytes"
// expect: frame * function=count line=@crash
#include <pthread.h>
#include <stdio.h>

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "halt_on_error=1:abort_on_error=1";
}

static int counter;

__attribute__((noinline)) static void *count(void *unused)
{
    counter++; /* @crash */
    return unused;
}

int main(void)
{
    pthread_t first, second;
    pthread_create(&first, NULL, count, NULL);
    pthread_create(&second, NULL, count, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("%d\n", counter);
    return 0;
}
