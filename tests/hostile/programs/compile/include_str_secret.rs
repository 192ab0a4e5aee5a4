// tries:  to put files of the host into a program by include_str
// layer:  root, image
// stage:  compile
// expect: compile_error
const A: &str = include_str!("/root/minos-canary");
const B: &[u8] = include_bytes!("/etc/shadow");
const C: &str = env!("MINOS_HOSTILE_CANARY");
fn main() { println!("{A} {B:?} {C}"); }
