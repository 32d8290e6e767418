// A Go program panics with an error that it made itself.
//
// expect: signal SIGABRT
// expect: cause go-panic
// expect: verdict contains "no such user: 17"
// expect: frame * function=main.find
package main

import (
	"fmt"
	"runtime/debug"
)

//go:noinline
func find(id int) string {
	if id > 9 {
		panic(fmt.Errorf("no such user: %d", id))
	}
	return "user"
}

func main() {
	debug.SetTraceback("crash")
	fmt.Println(find(17))
}
