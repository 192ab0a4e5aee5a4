/* launch_spawn.c - contestants that are programs: posix_spawn and wait, and a child that was forked
 * ahead; in a lane. */
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/contestant.h"
#include "tests/bench/view.h"

/* --- posix_spawn and wait --------------------------------------------------------------------- */

struct spawn {
    char **argv, **after;
    struct view view;          /* of the host's mounts, where it needs one of its own */
    int null_fd, complaint_fd; /* a memfd: what it says on standard error */
};

/* Run it, and make an end other than exit 0 an error with its own words. */
static int run_well(const struct spawn *s, char *const *argv, struct err *e)
{
    int status;
    char said[160] = "";
    if (argv_run(argv, (int[]){ s->null_fd, s->null_fd, s->complaint_fd }, &status, e) < 0)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    ssize_t n = pread(s->complaint_fd, said, sizeof said - 1, 0);
    said[n > 0 ? (size_t)n : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    return err_set(e, ERR_SYS, 0, "%s: ended with %s %d: %s", argv[0],
                   WIFEXITED(status) ? "exit status" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), said);
}

static void spawn_close(void *state)
{
    struct spawn *s = state;
    struct err ignored;
    if (s->after != NULL)
        (void)!run_well(s, s->after, &ignored);
    argv_free(s->argv);
    argv_free(s->after);
    close_fd(&s->null_fd);
    close_fd(&s->complaint_fd);
    view_close(&s->view);
    free(s);
}

static int spawn_open(const struct bench *b, const struct contestant *c, size_t lane,
                      void **ret_state, struct err *e)
{
    struct spawn *s = xcalloc(1, sizeof *s);
    s->view = VIEW_NONE;
    char **before = c->before != NULL ? argv_make(b, c->before, lane) : NULL;
    s->argv = argv_make(b, c->command, lane);
    s->after = c->after != NULL ? argv_make(b, c->after, lane) : NULL;
    s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    s->complaint_fd = memfd_create("complaint", MFD_CLOEXEC);
    int r = s->null_fd < 0 || s->complaint_fd < 0 ? err_sys(e, "open /dev/null") : 0;
    if (r == 0 && c->hides_v2)
        r = view_open_without_v2(&s->view, e);
    if (r == 0 && before != NULL)
        r = run_well(s, before, e);
    argv_free(before);
    if (r < 0)
        spawn_close(s);
    else
        *ret_state = s;
    return r;
}

static int spawn_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    const struct spawn *s = state;
    if (view_enter(&s->view, e) < 0)
        return -1;
    int64_t start_mono_ns = clock_mono_ns();
    int r = run_well(s, s->argv, e);
    ret_ns[0] = clock_mono_ns() - start_mono_ns;
    return view_leave(&s->view, e) < 0 ? -1 : r;
}

const struct launcher launcher_spawn = {
    .series = { "start to end" }, .open = spawn_open, .turn = spawn_turn, .close = spawn_close
};

/* --- forked ahead ----------------------------------------------------------------------------- */

struct ahead {
    char **argv;
};

static int ahead_open(const struct bench *b, const struct contestant *c, size_t lane,
                      void **ret_state, struct err *e)
{
    (void)e;
    struct ahead *a = xcalloc(1, sizeof *a);
    a->argv = argv_make(b, c->command, lane);
    *ret_state = a;
    return 0;
}

_Noreturn static void wait_and_exec(const struct ahead *a, int fd)
{
    char go;
    if (read(fd, &go, 1) == 1)
        execv(a->argv[0], a->argv);
    _exit(127);
}

static int ahead_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    const struct ahead *a = state;
    auto_fd_ int ours = -1, theirs = -1;
    int pair[2], status;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socketpair");
    ours = pair[0];
    theirs = pair[1];
    pid_t pid = fork();
    if (pid == 0)
        wait_and_exec(a, theirs);
    if (pid < 0)
        return err_sys(e, "fork");
    bench_sleep_ms(2); /* until it waits */
    int64_t start_mono_ns = clock_mono_ns();
    if (write(ours, "g", 1) != 1 || waitpid(pid, &status, 0) != pid)
        return err_sys(e, "release a child");
    ret_ns[0] = clock_mono_ns() - start_mono_ns;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(e, ERR_SYS, 0, "%s: failed", a->argv[0]);
    return 0;
}

static void ahead_close(void *state)
{
    struct ahead *a = state;
    argv_free(a->argv);
    free(a);
}

const struct launcher launcher_ahead = {
    .series = { "release to end" }, .open = ahead_open, .turn = ahead_turn, .close = ahead_close
};
