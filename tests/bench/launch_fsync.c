/* launch_fsync.c - a small durable write, as a contestant: the least that an accept which survives
 * a power cut can cost on this disk; in a lane. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/contestant.h"

enum { PAGE_BYTES = 4096, FILE_BYTES_MAX = 4 << 20 };

struct file {
    int fd;
    off_t at;
};

static int file_open(const struct bench *b, const struct contestant *c, size_t lane,
                     void **ret_state, struct err *e)
{
    (void)c;
    auto_free_ char *path = xasprintf("%s/durable-%zu", b->fixture.dir, lane);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "open %s", path);
    struct file *f = xcalloc(1, sizeof *f);
    f->fd = fd;
    *ret_state = f;
    return 0;
}

static int file_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    static const char page[PAGE_BYTES];
    struct file *f = state;
    int64_t start_mono_ns = clock_mono_ns();
    if (pwrite(f->fd, page, sizeof page, f->at) != sizeof page || fdatasync(f->fd) < 0)
        return err_sys(e, "write and sync");
    ret_ns[0] = clock_mono_ns() - start_mono_ns;
    f->at = (f->at + PAGE_BYTES) % FILE_BYTES_MAX;
    return 0;
}

static void file_close(void *state)
{
    struct file *f = state;
    close_fd(&f->fd);
    free(f);
}

const struct launcher launcher_fsync = {
    .series = { "written to synced" }, .open = file_open, .turn = file_turn, .close = file_close
};
