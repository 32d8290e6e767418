// D's own types, as its compiler describes them.
// gdb: it shows slices as two numbers
//
// expect: signal SIGSEGV
// expect: value crash.n=3
// expect: value crash.text="some text"
// expect: value crash.list=[1, 2, 3]
// expect: [O0] value crash.point contains "{x = 1, y = -2}"
// expect: value crash.animal contains "legs = 4, name = "animal""
// expect: value crash.chars="chars"
// expect: value crash.wide="wide"
// expect: value crash.wider="wider"
// expect: value crash.empty=[]
// expect: value crash.pair=[1.5, 2.5]
// expect: value crash.color=green
// expect: value crash.points=[{x = 1, y = 2}, {x = 3, y = 4}]
// expect: value crash.names=["one", "two"]
// expect: value crash.letter=233 'é'
// expect: value crash.real_number=1.5
// expect: value crash.nothing=null
module d_values;

struct Point
{
    int x, y;
}

enum Color
{
    red,
    green = 5
}

class Animal
{
    int legs = 4;
    string name = "animal";
}

void keep(void* at)
{
    asm
    {
        "" : : "r" (at) : "memory";
    }
}

int crash(int n, string text, int[] list, Point* point, Animal animal)
{
    char[] chars = "chars".dup;
    wstring wide = "wide"w;
    dstring wider = "wider"d;
    int[] empty;
    double[2] pair = [1.5, 2.5];
    Color color = Color.green;
    Point[] points = [Point(1, 2), Point(3, 4)];
    string[] names = ["one", "two"];
    wchar letter = 'é';
    real real_number = 1.5L;
    int* nothing = null;
    keep(&chars), keep(&wide), keep(&wider), keep(&empty), keep(&pair), keep(&color);
    keep(&points), keep(&names), keep(&letter), keep(&real_number);
    *nothing = 5;
    return n + cast(int)(text.length + list.length) + point.x + animal.legs;
}

void main()
{
    Point point = Point(1, -2);
    crash(3, "some text", [1, 2, 3], &point, new Animal);
}
