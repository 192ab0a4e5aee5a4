// tries:  to have the assembler print lines of files that it cannot parse
// layer:  root, image
// stage:  compile
// expect: compile_error
__asm__(".include \"/etc/shadow\"\n.include \"/etc/minos-canary\"\n.include \"/proc/self/environ\"\n.include \"/proc/1/environ\"");
int main(void) { return 0; }
