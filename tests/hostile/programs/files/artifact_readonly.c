/* tries:  to change its own program for the next test and the next job
 * layer:  worker
 * twice:  yes
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    char text[64] = "";
    if (access("/box/mark", F_OK) == 0 || (slurp("/box/program.more", text, sizeof text) > 0))
        escaped("files of the last run are there");
    close(open("/box/mark", O_CREAT | O_WRONLY, 0644));
    rename("/box/program", "/box/program.more");
    int fd = open("/box/program", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    (void)!write(fd, "#!/bin/sh\necho ESCAPED: changed by the last run\n", 48);
    contained("changed in this cell");
}
