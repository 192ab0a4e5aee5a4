/* tries:  to move pages of others between nodes
 * layer:  seccomp
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    void *page = &errno;
    int status;
    must_fail(syscall(SYS_move_pages, 1, 1, &page, NULL, &status, 0), "move_pages");
    only_try(syscall(SYS_migrate_pages, 1, 64, &page, &page), "migrate_pages");
}
