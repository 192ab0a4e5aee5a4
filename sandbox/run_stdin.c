/* run_stdin.c - standard input for a command in a cell; runs in `minos-box run`. */
#include "sandbox/run_stdin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"

/* Above it a pipe is the better way: a copy in memory would be ours to hold. */
enum { COPY_BYTES_MAX = 64 * 1024 * 1024 };

/* The whole life of the feeder. It ends when the source does, when nobody reads any more, and with
 * its parent. */
static _Noreturn void feed(int from, int to)
{
    char chunk[64 * 1024];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        ssize_t n = read(from, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || io_write_all(to, chunk, (size_t)n) < 0)
            _exit(0);
    }
}

static int start_feeder(int from, struct run_stdin *ret, struct err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    auto_fd_ int out = ends[0], in = ends[1];
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0) {
        close(out); /* with our own copy open, the pipe would never break */
        feed(from, in);
    }
    *ret = (struct run_stdin){ .fd = take_fd(&out), .feeder_pid = pid };
    return 0;
}

static int copy_file(int from, struct run_stdin *ret, struct err *e)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    if (io_read_to_buf(from, &b, e) < 0)
        return -1;
    *ret = (struct run_stdin){ .fd = -1 };
    return io_sealed_memfd("stdin", buf_text(&b), b.len, &ret->fd, e);
}

int run_stdin_open(const char *path, struct run_stdin *ret, struct err *e)
{
    auto_fd_ int own = -1;
    if (path != NULL) {
        own = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (own < 0)
            return err_sys(e, "--stdin: open %s", path);
    }
    int from = path != NULL ? own : STDIN_FILENO;
    struct stat st;
    if (fstat(from, &st) < 0) { /* started without a standard input */
        *ret = (struct run_stdin){ .fd = -1 };
        return 0;
    }
    if (S_ISREG(st.st_mode) && st.st_size <= COPY_BYTES_MAX)
        return copy_file(from, ret, e) < 0 ? err_wrap(e, "stdin") : 0;
    return start_feeder(from, ret, e) < 0 ? err_wrap(e, "stdin") : 0;
}

void run_stdin_close(struct run_stdin *s)
{
    close_fd(&s->fd);
    if (s->feeder_pid > 0) {
        kill(s->feeder_pid, SIGKILL);
        while (waitpid(s->feeder_pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    s->feeder_pid = 0;
}
