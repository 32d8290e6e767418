// g_error() ends the program.
//
// packages: glib-2.0
// expect: signal SIGTRAP
// expect: cause glib-fatal
// expect: verdict contains "cannot open notes.txt"
// expect: frame * function=load line=@crash
#include <glib.h>

static const char *volatile file = "notes.txt";

__attribute__((noinline)) static int load(const char *name)
{
    if (name[0] == 'n')
        g_error("cannot open %s", name); /* @crash */
    return 1;
}

int main(void)
{
    return load(file);
}
