// What both units of cxx-elsewhere.cpp know.
namespace store {
class Shelf;
template <typename T> struct Box;
// Its first virtual function that is not defined here says where it belongs.
struct Item {
    virtual ~Item();
    virtual int price();
    int id = 9;
    const char *name = "thing";
};
Shelf *shelf();
Box<long> *box();
Item *item();
} // namespace store
void *secret();
