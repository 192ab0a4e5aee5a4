/* tries:  to leave a key for the next job in the user's keyring
 * layer:  seccomp
 * twice:  yes
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    must_fail(syscall(SYS_request_key, "user", "minos-left", NULL, 0), "request_key");
    must_fail(syscall(SYS_add_key, "user", "minos-left", "x", 1, -4), "add_key");
    only_try(syscall(SYS_keyctl, 0, -3, 1), "keyctl");
}
