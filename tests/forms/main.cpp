// The other unit of walk.cpp: it alone knows what a Sealed is.
#include "forms.h"

struct Sealed {
    short number;
    double weight;
};

static Sealed only = {77, 2.5};
void *volatile kept;

Sealed *sealed() { return &only; }

void keep(void *it) { kept = it; }

int main(int argc, char **) {
    int local = argc * 100;
    keep(&local);
    return serve(argc) + local;
}
