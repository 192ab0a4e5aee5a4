// tries:  a source without end: /dev/urandom
// layer:  memory, cpu
// stage:  compile
// expect: compile_error
#include "/dev/urandom"
int main(void) { return 0; }
