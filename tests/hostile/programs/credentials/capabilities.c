/* tries:  to find a capability in any of its sets
 * layer:  caps
 * expect: accepted */
#include "hostile.h"
#include <linux/capability.h>

int main(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    if (syscall(SYS_capget, &header, data) < 0)
        contained("capget: %s", strerror(errno));
    for (int i = 0; i < 2; i++)
        if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0)
            escaped("capabilities %x %x %x", data[i].effective, data[i].permitted,
                    data[i].inheritable);
    contained("none");
}
