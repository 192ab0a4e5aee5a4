/* tries:  the kernel's crypto by AF_ALG, by socket and, past argument filters, socketpair
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    int pair[2];
    must_fail(socket(38, SOCK_SEQPACKET, 0), "AF_ALG");
    must_fail(syscall(SYS_socket, 38 | 1UL << 32, SOCK_SEQPACKET, 0), "AF_ALG with a high bit");
    only_try(socketpair(38, SOCK_SEQPACKET, 0, pair), "a pair of AF_ALG");
}
