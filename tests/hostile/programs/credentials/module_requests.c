/* tries:  to have the host's root start modprobe, at nobody's cost, by pairs of socket type and protocol that do not exist
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

/* The kernel says ESOCKTNOSUPPORT, after it has asked for two modules that there are not; the filter, that the protocol
 * does not exist. */
int main(void)
{
    static const int families[] = { AF_INET, AF_INET6 }, protocols[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
    static const int types[] = { 0, SOCK_SEQPACKET, 7, SOCK_SEQPACKET | SOCK_CLOEXEC, SOCK_SEQPACKET | SOCK_NONBLOCK };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
            for (size_t p = 0; p < sizeof protocols / sizeof protocols[0]; p++) {
                if (socket(families[i], types[t], protocols[p]) >= 0)
                    escaped("family %d, type %d, protocol %d", families[i], types[t], protocols[p]);
                if (errno == ESOCKTNOSUPPORT)
                    escaped("the kernel looked for family %d, type %d, protocol %d", families[i], types[t], protocols[p]);
            }
    must_fail(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), "UDP as a stream");
    must_fail(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), "TCP in datagrams");
    must_fail(socket(AF_INET, SOCK_STREAM, IPPROTO_ICMP), "ICMP as a stream");
    contained("none");
}
