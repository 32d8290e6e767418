// An assertion of GLib fails.
//
// packages: glib-2.0
// expect: signal SIGABRT
// expect: cause assertion-failed
// expect: verdict contains "left > 0"
// expect: frame * function=take line=@crash
#include <glib.h>

static volatile int count = -1;

__attribute__((noinline)) static int take(int left)
{
    g_assert(left > 0); /* @crash */
    return left - 1;
}

int main(void)
{
    return take(count);
}
