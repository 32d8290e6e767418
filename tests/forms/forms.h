// What the two units of walk.cpp share.
struct Sealed;
Sealed *sealed();
void keep(void *);
int serve(int count);
