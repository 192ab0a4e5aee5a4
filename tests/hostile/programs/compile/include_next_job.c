// tries:  to include sources and tests of other jobs, and its own artifact folder
// layer:  root, worker
// stage:  compile
// expect: compile_error
#include "../main.c.orig"
#include "/box/../artifacts/list"
#include "/srv/tests/1.answer"
#include "/var/lib/minos/admin.key"
int main(void) { return 0; }
