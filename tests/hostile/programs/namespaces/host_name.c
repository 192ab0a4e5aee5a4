/* tries:  to learn the host's name by uname
 * layer:  uts_ns
 * expect: accepted */
#include "hostile.h"
#include <sys/utsname.h>

int main(void)
{
    struct utsname u;
    uname(&u);
    if (strcmp(u.nodename, "minos") != 0 || (u.domainname[0] != '\0' && u.domainname[0] != '('))
        escaped("%s.%s", u.nodename, u.domainname);
    contained("%s", u.nodename);
}
