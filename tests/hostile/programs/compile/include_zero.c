// tries:  a source without end: /dev/zero
// layer:  memory, cpu
// stage:  compile
// expect: compile_error
#include "/dev/zero"
int main(void) { return 0; }
