// A method follows a member that is null.
//
// names: engine|this->engine|car.engine|car->engine
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct Engine { long serial; int power; };
struct Car { int doors; Engine *engine; int __attribute__((noinline)) power() const { return engine->power + doors; } };
int main(int argc, char **) { Car car{argc, nullptr}; printf("%d\n", car.power()); return 0; }
