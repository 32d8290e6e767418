// A Go program for tests that take its symbols away.
package main

type cell struct {
	value int
}

//go:noinline
func poke(target *cell) {
	target.value = 7
}

func main() {
	poke(nil)
}
