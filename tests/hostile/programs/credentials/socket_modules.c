/* tries:  to load modules of the host and reach its cryptography by options of a TCP or UDP socket
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"
#include <linux/tcp.h>

#ifndef TCP_AO_ADD_KEY
#define TCP_AO_ADD_KEY 38
#endif
#define UDP_ENCAP 100

int main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    struct tcp_md5sig key = { .tcpm_keylen = 4, .tcpm_key = "key" };
    char ao[512] = "";
    int on = 2, l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    bind(l, (struct sockaddr *)&at, len);
    getsockname(l, (struct sockaddr *)&at, &len);
    listen(l, 1);
    if (connect(c, (struct sockaddr *)&at, len) < 0)
        perror("connect");
    memcpy(&key.tcpm_addr, &at, len);
    memcpy(ao, &at, len);
    snprintf(ao + 128, 64, "cmac(aes128)");
    must_fail(setsockopt(c, IPPROTO_TCP, TCP_ULP, "tls", 3), "kernel TLS");
    must_fail(setsockopt(c, IPPROTO_TCP, TCP_ULP, "espintcp", 8), "ESP in TCP");
    must_fail(setsockopt(l, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof key), "MD5 signatures");
    must_fail(setsockopt(l, IPPROTO_TCP, TCP_AO_ADD_KEY, ao, sizeof ao), "authentication option");
    int six = socket(AF_INET6, SOCK_DGRAM, 0);
    char label[64] = { [15] = 1, [20] = 1, [21] = 1 };
    must_fail(setsockopt(six, IPPROTO_IPV6, 32, label, 32), "flow labels");
    must_fail(setsockopt(udp, IPPROTO_UDP, UDP_ENCAP, &on, sizeof on), "ESP in UDP");
    contained("none");
}
