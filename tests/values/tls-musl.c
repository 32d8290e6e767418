// Variables that each thread has for itself, under musl: it gives each thread
// the blocks of a library as soon as that is there.
// compiler: musl-gcc
// build: -w
// library: parts/tls-library.c
// gdb: it knows no thread-local variables of musl
//
// expect: signal SIGSEGV
// expect: value plug_crash.crashes=3
// expect: value plug_crash.text="Thread"
// expect: value plug_wait.waits=10
// expect: value plug_wait.total=-7
// expect: value plug_idle.idles=5
// expect: value main.own=14
// expect: value worker.own=22
// expect: value sleeper.own=33
#include "tls-dlopen.c"
