// tries:  to run commands by cgo's flags
// layer:  image
// stage:  compile
// expect: compile_error accepted
package main

// #cgo CFLAGS: -fplugin=/tmp/evil.so -I/root
// #cgo LDFLAGS: -Wl,--wrap=x,@/etc/minos-canary
// #include "/etc/minos-canary"
import "C"

//go:embed /etc/minos-canary
var s string

//go:generate sh -c "cat /etc/minos-canary"
func main() { println(s) }
