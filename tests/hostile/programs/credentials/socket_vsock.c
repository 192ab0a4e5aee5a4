/* tries:  to meet the other job, or the hypervisor, by vsock, which has no namespace
 * layer:  seccomp
 * twice:  yes
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    must_fail(socket(40, SOCK_STREAM, 0), "AF_VSOCK stream");
    must_fail(socket(40, SOCK_DGRAM, 0), "AF_VSOCK datagram");
    must_fail(open("/dev/vsock", O_RDWR), "/dev/vsock");
    only_try(socket(40, SOCK_SEQPACKET, 0), "AF_VSOCK seqpacket");
}
