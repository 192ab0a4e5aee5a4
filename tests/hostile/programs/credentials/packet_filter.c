/* tries:  to run a program in the kernel as a packet filter of its own socket
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"
#include <linux/filter.h>

int main(void)
{
    struct sock_filter code = { BPF_RET | BPF_K, 0, 0, 0 };
    struct sock_fprog program = { 1, &code };
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    must_fail(setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), "SO_ATTACH_FILTER");
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    only_try(setsockopt(udp, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program), "reuseport filter");
}
