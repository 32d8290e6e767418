// Go's own types, as its compiler describes them.
// gdb: it needs a script of Go's for texts and slices
//
// expect: signal SIGSEGV
// expect: value main.crash.n=3
// expect: [O0] value main.crash.text="some text"
// expect: [O0] value main.crash.list=[1, 2]
// expect: [O0] value main.crash.point contains "{X: 1, Y: -2}"
// expect: [O0] value main.crash.shape=(main.Square) {Side: 2.5}
// expect: [O0] value main.crash.err contains "{s: "bad"}"
// expect: [O0] value main.crash.any=(int) 42
// expect: [O0] value main.crash.function contains "main.double"
// expect: [O0] value main.crash.empty=[]
// expect: [O0] value main.crash.none=[]
// expect: [O0] value main.crash.words=["a", "b"]
// expect: [O0] value main.crash.&grid contains "[[1, 2, 3], [4, 5, 6]]"
// expect: [O0] value main.crash.unicode="héllo"
// expect: [O0] value main.crash.letter=233
// expect: [O0] value main.crash.complex=1 - 2i
// expect: [O0] value main.crash.yes=true
// expect: [O0] value main.crash.no_map=nil
// expect: [O0] value main.crash.nothing=nil
// expect: [O0] value main.crash.names contains "count = 1"
package main

import "errors"

type Point struct{ X, Y int }
type Shape interface{ Area() float64 }
type Square struct{ Side float64 }

func (square Square) Area() float64 { return square.Side * square.Side }

func double(x int) int { return 2 * x }

var sink []interface{}

//go:noinline
func crash(n int, text string, list []int, point *Point, shape Shape, err error,
	any interface{}, function func(int) int) int {
	empty := []string{}
	var none []int
	words := []string{"a", "b"}
	grid := [2][3]int{{1, 2, 3}, {4, 5, 6}}
	unicode := "héllo"
	letter := 'é'
	complex := complex(1, -2)
	yes := true
	names := map[int]string{1: "one"}
	var no_map map[string]int
	var nothing *int
	*nothing = n
	sink = append(sink, empty, none, words, &grid, unicode, letter, complex, yes, names, no_map)
	sink = append(sink, text, list, point, shape, err, any, function)
	return n
}

func main() {
	crash(3, "some text", []int{1, 2, 3}[:2], &Point{1, -2}, Square{2.5}, errors.New("bad"), 42,
		double)
}
