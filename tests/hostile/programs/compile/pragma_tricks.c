// tries:  to have the compiler write elsewhere and run plugins: pragmas, line directives, dependency output
// layer:  image
// stage:  compile
// expect: compile_error accepted
#pragma GCC pch_preprocess "/tmp/minos-canary"
#pragma GCC dependency "/etc/shadow"
#line 1 "/etc/minos-canary"
int main(void) { undeclared(); int x = "y" }
