// tries:  to have the assembler put files of the host into the program
// layer:  root, image
// stage:  compile
// expect: compile_error
__asm__(".section .rodata\nsecret: .incbin \"/root/minos-canary\"\n.incbin \"/etc/minos-canary\"\n.incbin \"/etc/shadow\"\n.byte 0\n.text");
extern const char secret[];
int puts(const char *);
int main(void) { puts(secret); return 0; }
