/* board.c - see board.h; runs in the listener, in keepers, and in what makes cells for them. */
#include "sandbox/board.h"

#include <assert.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "sandbox/base/clock.h"

#define REST_NS (20 * NS_PER_MS)

/* Only the slot's own keeper writes its row, and `cpus` first. */
struct board {
    struct {
        cpu_set_t cpus;
        atomic_int_least64_t busy_until_mono_ns;
    } rows[BOARD_SLOTS_MAX];
};

int board_make(struct board **ret, struct err *e)
{
    struct board *b =
        mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b == MAP_FAILED)
        return err_sys(e, "mmap the slots' board");
    *ret = b;
    return 0;
}

int board_inherit(struct board *b, bool inherit, struct err *e)
{
    return madvise(b, sizeof *b, inherit ? MADV_DOFORK : MADV_DONTFORK) < 0
               ? err_sys(e, "madvise the slots' board")
               : 0;
}

void board_clear(struct board *b, int64_t slot)
{
    assert(slot >= 0 && slot < BOARD_SLOTS_MAX);
    atomic_store(&b->rows[slot].busy_until_mono_ns, 0);
}

void board_set(struct board *b, int64_t slot, const cpu_set_t *cpus, bool runs)
{
    assert(slot >= 0 && slot < BOARD_SLOTS_MAX);
    if (runs)
        b->rows[slot].cpus = *cpus;
    atomic_store(&b->rows[slot].busy_until_mono_ns, runs ? INT64_MAX : clock_mono_ns() + REST_NS);
}

void board_remove_busy(const struct board *b, cpu_set_t *cpus)
{
    int64_t now = clock_mono_ns();
    for (int slot = 0; slot < BOARD_SLOTS_MAX; slot++) {
        if (atomic_load(&b->rows[slot].busy_until_mono_ns) <= now)
            continue;
        const cpu_set_t *busy = &b->rows[slot].cpus;
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(cpu, busy))
                CPU_CLR(cpu, cpus);
    }
}
