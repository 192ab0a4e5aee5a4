// tries:  a computation at compile time without end
// layer:  cpu, wall
// stage:  compile
// expect: compile_error
#![feature(const_eval_limit)]
const fn f() -> u64 { let mut i = 0u64; while i < 1 << 60 { i += 1; } i }
const X: u64 = f();
fn main() { println!("{}", X); }
