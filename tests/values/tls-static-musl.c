// The same as tls-static.c, under musl.
// compiler: musl-gcc
// build: -w -static
// gdb: it knows no thread-local variables of musl
//
// expect: signal SIGSEGV
// expect: value worker.own=22
// expect: value worker.zero=5
// expect: value main.own=14
// expect: value main.zero=NULL
#include "tls-static.c"
