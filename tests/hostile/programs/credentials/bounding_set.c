/* tries:  to find a capability in its bounding or ambient set
 * layer:  caps
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    for (int cap = 0; cap < 64; cap++) {
        if (prctl(PR_CAPBSET_READ, cap) > 0)
            escaped("capability %d in the bounding set", cap);
        if (prctl(PR_CAP_AMBIENT, 1 /* is set */, cap, 0, 0) > 0)
            escaped("capability %d in the ambient set", cap);
    }
    contained("none");
}
