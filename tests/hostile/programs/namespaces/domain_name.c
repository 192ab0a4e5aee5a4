/* tries:  to learn the host's NIS domain
 * layer:  uts_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char name[100] = "";
    if (getdomainname(name, sizeof name) == 0 && name[0] != '\0' && name[0] != '(')
        escaped("%s", name);
    contained("none");
}
