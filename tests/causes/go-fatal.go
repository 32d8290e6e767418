// All goroutines wait for each other, and Go's runtime notices.
//
// expect: signal SIGABRT
// expect: cause go-fatal-error
// expect: verdict contains "all goroutines are asleep"
package main

import "runtime/debug"

func main() {
	debug.SetTraceback("crash")
	wait := make(chan int)
	<-wait
}
