/* tries:  to die by a signal that pid 1 would ignore
 * layer:  init
 * expect: runtime_error */
#include "hostile.h"

int main(void)
{
    kill(getpid(), SIGTERM);
    abort();
    escaped("ignored");
}
