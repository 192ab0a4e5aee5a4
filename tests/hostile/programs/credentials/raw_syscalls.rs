// tries:  attacks by system calls made without any library
// layer:  seccomp
// expect: security_violation
use std::arch::asm;

unsafe fn call(nr: i64, a: i64, b: i64) -> i64 {
    let r: i64;
    asm!("syscall", inlateout("rax") nr => r, in("rdi") a, in("rsi") b, out("rcx") _, out("r11") _);
    r
}

fn main() {
    unsafe {
        println!("add_key {}", call(248, 0, 0));
        let r = call(272, 0x10000000, 0); // unshare(CLONE_NEWUSER)
        println!("{} {}", if r == 0 { "ESCAPED: unshare" } else { "CONTAINED: unshare" }, r);
    }
}
