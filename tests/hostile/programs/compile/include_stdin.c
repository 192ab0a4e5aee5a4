// tries:  to wait for input that never comes
// layer:  wall
// stage:  compile
// expect: compile_error
#include "/dev/stdin"
#include "/dev/tty"
#error the end
