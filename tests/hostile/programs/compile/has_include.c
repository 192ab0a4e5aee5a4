// tries:  to ask which files the host has, one bit at a time
// layer:  root, image
// stage:  compile
// expect: compile_error accepted
#if __has_include("/root/minos-canary") || __has_include("/etc/shadow") || __has_include("/home/minos-canary/secret")
#error ESCAPED: the compiler sees it
#endif
#if __has_include("/proc/1/environ") || __has_include("/sys/kernel/uevent_helper") || __has_include("/work/main/Makefile")
#error ESCAPED: the compiler sees it
#endif
int main(void) { return 0; }
