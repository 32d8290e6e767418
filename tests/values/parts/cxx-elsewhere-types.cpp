// What cxx-elsewhere.cpp only declares, or has without the debug information of
// their members, which belongs where their virtual functions are.
#include "cxx-elsewhere.h"

namespace store {
class Shelf {
public:
    int row = 3;
    struct Label {
        const char *text = "top";
    } label;
};
template <typename T> struct Box {
    T held;
};

Item::~Item() {}
int Item::price() { return 5; }

Shelf *shelf()
{
    static Shelf only;
    return &only;
}

Box<long> *box()
{
    static Box<long> only = {42};
    return &only;
}

Item *item()
{
    static Item only;
    return &only;
}
} // namespace store

namespace {
// Nobody else may mean this one.
struct Secret {
    int wrong = 1;
};
} // namespace

void *secret()
{
    static Secret only;
    return &only;
}
