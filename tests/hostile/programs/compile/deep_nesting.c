// tries:  brackets so deep that the compiler runs out of stack
// layer:  memory, cpu
// stage:  compile
// expect: compile_error accepted
#define P (((((((((((((((((((((((((((((((
#define Q ))))))))))))))))))))))))))))))))
#define R P P P P P P P P P P P P P P P P
#define S Q Q Q Q Q Q Q Q Q Q Q Q Q Q Q Q
#define T R R R R R R R R R R R R R R R R
#define U S S S S S S S S S S S S S S S S
int main(void) { return T T T T T T T T 0 U U U U U U U U; }
