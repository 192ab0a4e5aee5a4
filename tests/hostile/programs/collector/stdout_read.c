/* tries:  to read what its judge wrote into the other ends of its descriptors, or to unread it
 * layer:  output
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char text[100];
    for (int fd = 1; fd < 3; fd++) {
        char path[40];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int other = open(path, O_RDONLY | O_NONBLOCK);
        if (other >= 0) {
            (void)!write(fd, "x", 1);
            while (read(other, text, sizeof text) > 0) /* its own words at most */
                ;
        }
    }
    contained("nothing but its own words");
}
