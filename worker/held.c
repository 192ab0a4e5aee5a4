/* held.c - see held.h; slots and their supervisor. */
#include "worker/held.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"

#define ALL_BYTES (HELD_SLOTS_MAX * sizeof(struct held))

static int map(int fd, struct held **ret, struct err *e)
{
    void *p = mmap(NULL, ALL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, "map the notes of the slots");
    *ret = p;
    return 0;
}

int held_make(struct held **ret, int *ret_fd, struct err *e)
{
    auto_fd_ int fd = memfd_create("held", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, ALL_BYTES) != 0)
        return err_sys(e, "make the notes of the slots");
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

void held_unmap(struct held *all)
{
    if (all != NULL)
        munmap(all, ALL_BYTES);
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

void held_rest(struct held *h)
{
    if (h != NULL && atomic_load(&h->rests_since_mono_ns) == 0)
        atomic_store(&h->rests_since_mono_ns, clock_mono_ns());
}

void held_work(struct held *h)
{
    if (h != NULL)
        atomic_store(&h->rests_since_mono_ns, 0);
}

size_t held_before(const struct held *all, size_t slot)
{
    size_t count = 0;
    if (all == NULL)
        return 0;
    int64_t mine = atomic_load(&all[slot].rests_since_mono_ns);
    for (size_t i = 0; i < HELD_SLOTS_MAX; i++) {
        int64_t since = atomic_load(&all[i].rests_since_mono_ns);
        count += since != 0 && (mine == 0 || since < mine);
    }
    return count;
}
