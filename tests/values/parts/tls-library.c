// The library of tls-dlopen.c.
__thread int calls = 100;
static __thread long sum;

int plug_crash(int by)
{
    static __thread int crashes = 1;
    static __thread char text[8] = "thread";
    crashes += by;
    calls += by;
    text[0] = 'T';
    *(volatile int *)0 = by;
    return crashes + text[by];
}

int plug_wait(int by, void (*wait)(void))
{
    static __thread int waits = 3;
    static __thread long total;
    waits += by;
    total -= by;
    wait();
    return waits + total;
}

int plug_idle(int by, void (*wait)(void))
{
    static __thread int idles = 5;
    wait();
    idles += by;
    return idles;
}
