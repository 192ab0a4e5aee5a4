// tries:  a program of a gigabyte
// layer:  files, memory
// stage:  compile
// expect: compile_error accepted
char big[1 << 30] = { 1 };
int main(void) { return big[12345]; }
