// tries:  a directive that repeats a billion times
// layer:  files, memory, cpu
// stage:  compile
// expect: compile_error accepted
__asm__(".rept 1000000000\n.quad 0x1122334455667788\n.endr");
int main(void) { return 0; }
