/* held.c - the note about a claim that outlives its slot; slots write, the supervisor reads. */
#include "worker/held.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

static int map(int fd, struct held **ret, struct err *e)
{
    void *p = mmap(NULL, sizeof(struct held), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, "map the note of a slot");
    *ret = p;
    return 0;
}

int held_make(struct held **ret, int *ret_fd, struct err *e)
{
    auto_fd_ int fd = memfd_create("held", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof(struct held)) != 0)
        return err_sys(e, "make the note of a slot");
    if (map(fd, ret, e) != 0)
        return -1;
    *ret_fd = take_fd(&fd);
    return 0;
}

int held_map(int fd, struct held **ret, struct err *e)
{
    auto_fd_ int owned = fd;
    *ret = NULL;
    return fd < 0 ? 0 : map(owned, ret, e);
}

void held_unmap(struct held *h)
{
    if (h != NULL)
        munmap(h, sizeof(*h));
}

void held_note(struct held *h, const struct claim *c)
{
    if (h == NULL)
        return;
    h->claim = *c;
    atomic_store(&h->set, true);
}

void held_clear(struct held *h)
{
    if (h != NULL)
        atomic_store(&h->set, false);
}

bool held_take(struct held *h, struct claim *ret)
{
    if (h == NULL || !atomic_exchange(&h->set, false))
        return false;
    *ret = h->claim;
    ret->id[STORE_ID_BYTES - 1] = '\0';
    return store_id_valid(ret->id);
}
