// A Go program whose symbols tests take away.
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
