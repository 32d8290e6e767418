// A link in the middle of a chain is null.
//
// names: order->customer->address|c.address
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct address { char street[24]; int zip; };
struct customer { int id; struct address *address; };
struct order { long number; struct customer *customer; };
static struct customer *volatile who;
NI int zip(struct order *order) { return order->customer->address->zip; }
int main(void) { struct customer c = {1, NULL}; who = &c; struct order o = {7, who}; volatile long n = 3; o.number = n; printf("%d\n", zip(&o)); return 0; }
