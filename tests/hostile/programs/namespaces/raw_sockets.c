/* tries:  raw and packet sockets, to forge and to listen
 * layer:  seccomp, caps
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    must_fail(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), "raw IPv4");
    must_fail(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), "raw ICMP");
    must_fail(socket(AF_INET6, SOCK_RAW, IPPROTO_RAW), "raw IPv6");
    must_fail(socket(AF_INET, SOCK_PACKET, 0x300), "SOCK_PACKET");
    must_fail(socket(17, SOCK_RAW, 0x300), "AF_PACKET");
    only_try(socket(17, SOCK_DGRAM, 0x300), "AF_PACKET, cooked");
}
