/* tries:  every netlink family: nf_tables, audit, uevent, generic, crypto, connector...
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    for (int family = 1; family < 32; family++)
        if (socket(AF_NETLINK, SOCK_RAW, family) >= 0)
            escaped("netlink family %d", family);
    contained("only routes");
}
