// tries:  a megabyte of diagnostics
// layer:  output
// stage:  compile
// expect: compile_error
#define E int a = undeclared_name_that_is_long_enough_to_fill_a_line_of_diagnostics_all_by_itself;
#define F E E E E E E E E E E E E E E E E
#define G F F F F F F F F F F F F F F F F
#define H G G G G G G G G G G G G G G G G
int main() { H H H H }
