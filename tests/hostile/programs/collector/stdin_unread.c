/* tries:  to keep its judge writing: eight megabytes of input that it never reads
 * layer:  output
 * stdin:  8M
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    contained("read nothing");
}
