// A type that has the name of another one, and other members.
struct twice {
    char a;
    long b;
};

struct twice *twice_there(void)
{
    static struct twice twice = {'x', 7};
    return &twice;
}
