/* tries:  SCTP, DCCP, MPTCP, L2TP, UDP-Lite: protocols that load modules
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const int protocols[][2] = { { SOCK_STREAM, 132 }, { SOCK_SEQPACKET, 132 }, { 6, 33 },
                                        { SOCK_STREAM, 262 }, { SOCK_DGRAM, 115 }, { SOCK_DGRAM, 136 } };
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        for (int family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET)
            if (socket(family, protocols[i][0], protocols[i][1]) >= 0)
                escaped("protocol %d", protocols[i][1]);
    contained("none");
}
