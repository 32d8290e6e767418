// The only link of a chain is null.
//
// names: order->customer|who
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct customer { int id; long debt; };
struct order { long number; struct customer *customer; };
static struct customer *volatile who;
NI long debt(struct order *order) { return order->customer->debt + order->number; }
int main(void) { struct order o = {7, who}; printf("%ld\n", debt(&o)); return 0; }
