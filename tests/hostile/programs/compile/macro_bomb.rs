// tries:  macros that expand without end
// layer:  memory, cpu
// stage:  compile
// expect: compile_error
#![recursion_limit = "100000"]
macro_rules! m { ($($t:tt)*) => { m!($($t)* $($t)* x) } }
fn main() { m!(a); }
