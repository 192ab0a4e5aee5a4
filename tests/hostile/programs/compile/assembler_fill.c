// tries:  a directive that fills a terabyte
// layer:  files, memory, cpu
// stage:  compile
// expect: compile_error accepted
__asm__(".data\n.skip 0xffffffffff, 1\n.text");
int main(void) { return 0; }
