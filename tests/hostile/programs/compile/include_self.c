// tries:  to include itself two hundred levels deep, twice each
// layer:  cpu, memory
// stage:  compile
// expect: compile_error
#if __INCLUDE_LEVEL__ < 180
#include __FILE__
#include __FILE__
#endif
int main(void) { return 0; }
