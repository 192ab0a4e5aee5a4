/*
 * inside_command.c - the process that becomes the submitted program. Everything but its job is
 * settled ahead of time; then it waits, locked down and filtered, for one message.
 *
 * Runs between fork and execve: system calls only, no heap, no locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/inside.h"
#include "sandbox/inside_drop.h"

enum { ARGS_MAX = 8192 };

/* The job as it came, and what execve wants made of it. */
struct job_space {
    struct inside_job job;
    char *strings[ARGS_MAX + 2];
    char path[4096];
};

_Noreturn static void give_up(int sock, int errnum)
{
    (void)!io_send_msg(sock, &errnum, sizeof errnum, NULL, 0);
    _exit(127);
}

static int limit(int resource, rlim_t value)
{
    struct rlimit r = { value, value };
    return setrlimit(resource, &r);
}

static int limit_fixed(struct err *e)
{
    static const struct {
        int resource;
        rlim_t value;
    } rows[] = {
        { RLIMIT_NOFILE, INSIDE_OPEN_FILES }, /* kernel memory that descriptors pin */
        { RLIMIT_MEMLOCK, 64 << 10 },         /* pages that cannot be reclaimed */
        { RLIMIT_SIGPENDING, 4096 },          /* queued signals are kernel memory of the user */
        { RLIMIT_MSGQUEUE, 819200 },          /* POSIX message queues likewise */
        { RLIMIT_NICE, 0 },                   /* no higher priority */
        { RLIMIT_RTPRIO, 0 },                 /* no real-time class */
        { RLIMIT_RTTIME, 0 },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (limit((int)rows[i].resource, rows[i].value) < 0)
            return err_sys(e, "setrlimit %d", (int)rows[i].resource);
    return 0;
}

/* Killed first when the cell's memory runs out: never pid 1, whose report we want. A keeper with
 * the host's root has seen to it (keeper_cell.c). The file belongs to the host's root while we are
 * not dumpable, so we are for a moment; nobody is there yet to profit. */
static int volunteer_for_oom(const struct inside_plan *p, struct err *e)
{
    if (!p->rootless)
        return 0;
    if (prctl(PR_SET_DUMPABLE, 1) < 0)
        return err_sys(e, "become dumpable");
    if (io_write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", "1000") < 0)
        return err_sys(e, "write oom_score_adj");
    return 0;
}

/* The keeper has every signal at its default (keeper.c sees to that) but blocks those it reads from
 * a descriptor. */
static int unblock_signals(struct err *e)
{
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? err_sys(e, "unblock signals") : 0;
}

static int lock_down(const struct inside_plan *p, int *ret_listener, struct err *e)
{
    close(p->init_sock);
    if (unblock_signals(e) < 0)
        return -1;
    if (setsid() < 0)
        return err_sys(e, "setsid");
    if (sched_setaffinity(0, sizeof p->cpus, &p->cpus) < 0)
        return err_sys(e, "sched_setaffinity");
    if (volunteer_for_oom(p, e) < 0 ||
        (layer_on(p->layers_off, LAYER_RLIMITS) && limit_fixed(e) < 0))
        return -1;
    bool caps = layer_on(p->layers_off, LAYER_CAPS);
    unsigned id = caps && layer_on(p->layers_off, LAYER_IDS) ? INSIDE_USER_ID : INSIDE_ROOT_ID;
    if (inside_become(id, e) < 0 || inside_drop_all(caps, e) < 0)
        return -1;
    umask(022);
    if (!layer_on(p->layers_off, LAYER_SECCOMP))
        return 0;
    /* The filter comes last: what it refuses is needed above. */
    *ret_listener = filter_load(p->filter, true);
    if (*ret_listener < 0)
        return err_sys(e, "load the seccomp filter");
    return 0;
}

/* Point `out` at `count` strings from *text on; NULL-terminated. Returns false when the text holds
 * fewer. */
static bool split(char **out, uint32_t count, char **text, const char *end)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = *text;
        size_t left = (size_t)(end - *text);
        size_t n = strnlen(*text, left);
        if (n == left)
            return false;
        *text += n + 1;
    }
    out[count] = NULL;
    return true;
}

static const char *path_of(char *const *env)
{
    for (; *env != NULL; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    return "/usr/local/bin:/usr/bin:/bin";
}

/* execvpe(3) without its heap and without its shell fallback for files that are no programs. */
static int exec_search(struct job_space *space, char **argv, char **env)
{
    if (strchr(argv[0], '/') != NULL) {
        execve(argv[0], argv, env);
        return errno;
    }
    int worst = ENOENT;
    size_t name_len = strlen(argv[0]);
    for (const char *dir = path_of(env); *dir != '\0';) {
        size_t len = strcspn(dir, ":");
        if (len > 0 && len + 1 + name_len < sizeof space->path) {
            memcpy(space->path, dir, len);
            space->path[len] = '/';
            memcpy(space->path + len + 1, argv[0], name_len + 1);
            execve(space->path, argv, env);
            if (errno != ENOENT && errno != ENOTDIR)
                worst = errno;
        }
        dir += len + (dir[len] == ':');
    }
    return worst;
}

static int take_job(struct job_space *space, int sock)
{
    int fds[IO_FDS_MAX];
    size_t len, fd_count;
    if (io_recv_msg(sock, &space->job, sizeof space->job, &len, fds, &fd_count) < 0)
        return errno;
    if (len < offsetof(struct inside_job, text) ||
        len != offsetof(struct inside_job, text) + space->job.text_bytes || fd_count != 3 ||
        space->job.argc + space->job.envc > ARGS_MAX)
        return EPROTO; /* also the end of the stream: the keeper drops the cell unused */
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            return errno;
    for (int i = 0; i < 3; i++)
        if (fds[i] > 2)
            close(fds[i]);
    if (chdir("/box") < 0) /* again: an artifact may lie over it by now */
        return errno;
    if (limit(RLIMIT_STACK, (rlim_t)space->job.stack_bytes) < 0 ||
        limit(RLIMIT_FSIZE, (rlim_t)space->job.file_bytes) < 0)
        return errno;
    return 0;
}

static int become_program(struct job_space *space, int *sock, uint32_t layers_off)
{
    char *text = space->job.text, *end = text + space->job.text_bytes;
    char **argv = space->strings, **env = argv + space->job.argc + 1;
    if (!split(argv, space->job.argc, &text, end) || !split(env, space->job.envc, &text, end) ||
        argv[0] == NULL)
        return EPROTO;
    /* Whatever else is open goes at the exec; the socket stays until then to carry a failure. */
    if (*sock != 3 && dup3(*sock, 3, O_CLOEXEC) < 0)
        return errno;
    *sock = 3;
    if (syscall(SYS_close_range, 4u, ~0u, 0u) < 0)
        return errno;
    if (!layer_on(layers_off, LAYER_DESCRIPTORS))
        (void)!open("/", O_RDONLY | O_DIRECTORY); /* left open on purpose */
    return exec_search(space, argv, env);
}

/* Not on the stack, which would be touched page by page on the way past so large a thing. What a
 * usual job needs of it is there before the job comes: no page fault between it and the execve. */
static struct job_space *space_new(void)
{
    struct job_space *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        _exit(1);
    volatile char *first[] = { (char *)&s->job, (char *)s->strings, s->path };
    for (size_t i = 0; i < ARRAY_COUNT(first); i++)
        *first[i] = 0;
    return s;
}

_Noreturn void inside_command(const struct inside_plan *plan)
{
    struct err e;
    int listener = -1, sock = plan->command_sock;
    char tag = 'l';
    struct job_space *space = space_new();
    if (lock_down(plan, &listener, &e) < 0) {
        struct inside_failure f = { .tag = 'e', .err = e };
        (void)!io_send_msg(sock, &f, sizeof f, NULL, 0);
        _exit(1);
    }
    bool notifies = plan->filter->notifies && layer_on(plan->layers_off, LAYER_SECCOMP);
    if (io_send_msg(sock, &tag, 1, &listener, notifies ? 1 : 0) < 0)
        _exit(1);
    if (notifies)
        close(listener);
    int failed = take_job(space, sock);
    if (failed == 0 && space->job.probe) {
        close(sock);
        char *text = space->job.text;
        if (!split(space->strings, space->job.argc, &text, text + space->job.text_bytes))
            _exit(127);
        _exit(inside_probe(space->strings));
    }
    if (failed == 0)
        failed = become_program(space, &sock, plan->layers_off);
    give_up(sock, failed);
}
