// Which pointer is followed depends on a branch.
//
// names: req->user|who
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct user { int id; int flags; };
struct req { int kind; struct user *user; struct user *admin; };
NI int flags(struct req *req) { struct user *who = req->kind ? req->user : req->admin; if (req->kind > 3) puts("x"); return who->flags; }
int main(int argc, char **argv) { (void)argv; struct req r = {argc, NULL, NULL}; printf("%d\n", flags(&r)); return 0; }
