/*
 * shim.c - lets calls of a running service fail, be slow, or be the last thing their process does;
 * linked into second copies of the four programs (fault.mk), before the C library, whose calls it
 * stands in front of for libraries like SQLite, too.
 *
 * The rules lie in the file $MINOS_FAULTS, which the tests write and every process maps. A
 * rule names a program, a call and a part of a path, and says what becomes of the calls that match:
 * an errno, a pause, SIGKILL before or after. RULE_SKIP calls pass first, then RULE_COUNT are hit
 * (-1: all). Without rules nothing changes. Only system calls and what glibc does without locks is
 * used here, since some of the callers are between fork and exec.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RULES_MAX = 16, PATH_PART_BYTES = 64, NS_PER_S = 1000000000 };

enum call {
    CALL_WRITE = 1,
    CALL_FSYNC,
    CALL_MKDIR,
    CALL_RENAME,
    CALL_LINK,
    CALL_UNLINK,
    CALL_FORK,
    CALL_OPEN,
    CALL_SEND,
};

enum action { ACTION_ERRNO = 1, ACTION_SLOW, ACTION_KILL_BEFORE, ACTION_KILL_AFTER };

enum role { ROLE_UP = 1, ROLE_SERVER = 2, ROLE_SUPERVISOR = 4, ROLE_SLOT = 8, ROLE_BOX = 16 };

/* 128 bytes each, written by faults.py with the same layout. */
struct rule {
    _Atomic uint32_t roles; /* 0: no rule here */
    uint32_t call, action;
    int32_t value; /* errno, or milliseconds */
    _Atomic int64_t skip, count, hits;
    char path_part[PATH_PART_BYTES]; /* "": any */
    int64_t unused[3];
};

struct page {
    struct rule rules[RULES_MAX];
    _Atomic int64_t clock_shift_ns; /* of CLOCK_REALTIME */
};

static struct page *page;
static uint32_t role;

/* ---- set up */

static uint32_t find_role(int argc, char **argv)
{
    bool slot = false;
    for (int i = 1; i < argc; i++)
        slot |= strncmp(argv[i], "--slot=", 7) == 0;
    const char *name = argc == 0 ? "" : argv[0];
    name = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
    if (strcmp(name, "minos-server") == 0)
        return ROLE_SERVER;
    if (strcmp(name, "minos-worker") == 0)
        return slot ? ROLE_SLOT : ROLE_SUPERVISOR;
    if (strcmp(name, "minos-box") == 0)
        return ROLE_BOX;
    return strcmp(name, "minos") == 0 ? ROLE_UP : 0;
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
    role = find_role(argc, argv);
    const char *path = getenv("MINOS_FAULTS");
    int fd = role == 0 || path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *p = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    page = p == MAP_FAILED ? NULL : p;
    close(fd);
}

/* ---- does a rule match */

static const char *path_of(int fd, char buf[512])
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, buf, 511);
    buf[n < 0 ? 0 : n] = '\0';
    return buf;
}

static bool take(struct rule *r)
{
    if (atomic_fetch_sub(&r->skip, 1) > 0)
        return false;
    atomic_store(&r->skip, 0);
    int64_t left = atomic_load(&r->count);
    while (left > 0 && !atomic_compare_exchange_weak(&r->count, &left, left - 1))
        ;
    if (left == 0)
        return false;
    atomic_fetch_add(&r->hits, 1);
    return true;
}

/* The rule that hits this call, or NULL. The path is that of `fd` when `path` is NULL. */
static struct rule *find(enum call call, int fd, const char *path)
{
    char buf[512];
    int before = errno;
    for (int i = 0; page != NULL && i < RULES_MAX; i++) {
        struct rule *r = &page->rules[i];
        if ((atomic_load(&r->roles) & role) == 0 || r->call != call)
            continue;
        if (r->path_part[0] != '\0' && path == NULL)
            path = path_of(fd, buf);
        if (r->path_part[0] != '\0' && strstr(path, r->path_part) == NULL)
            continue;
        errno = before;
        if (take(r))
            return r;
    }
    errno = before;
    return NULL;
}

/* By the call that guarded programs have, or they would look like ones that have ended by
 * themselves. A cell's init cannot kill itself: it is the first process of its namespace. */
static void die(void)
{
    tgkill(getpid(), gettid(), SIGKILL);
    _exit(128 + SIGKILL);
}

/* True: the call is made, and `after` it comes finish(). */
static bool go_on(const struct rule *r)
{
    if (r == NULL || r->action == ACTION_KILL_AFTER)
        return true;
    if (r->action == ACTION_KILL_BEFORE)
        die();
    if (r->action == ACTION_ERRNO) {
        errno = r->value;
        return false;
    }
    struct timespec t = { r->value / 1000, r->value % 1000 * 1000000L };
    while (nanosleep(&t, &t) != 0)
        ;
    return true;
}

static long finish(const struct rule *r, long result)
{
    if (r != NULL && r->action == ACTION_KILL_AFTER)
        die();
    return result;
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* WRAP(result type, name, parameters, arguments, call, fd, path) */
#define WRAP(type, name, parameters, arguments, call, fd, path)                                    \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (real == NULL)                                                                          \
            *(void **)&real = next(#name);                                                         \
        struct rule *r = find(call, fd, path);                                                     \
        return go_on(r) ? (type)finish(r, real arguments) : (type)-1;                              \
    }

WRAP(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), CALL_WRITE, fd, NULL)
WRAP(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t at), (fd, b, n, at), CALL_WRITE,
     fd, NULL)
WRAP(ssize_t, sendfile64, (int to, int from, off64_t *at, size_t n), (to, from, at, n), CALL_WRITE,
     to, NULL)
WRAP(ssize_t, sendfile, (int to, int from, off_t *at, size_t n), (to, from, at, n), CALL_WRITE, to,
     NULL)
WRAP(int, fsync, (int fd), (fd), CALL_FSYNC, fd, NULL)
WRAP(int, fdatasync, (int fd), (fd), CALL_FSYNC, fd, NULL)
WRAP(int, mkdirat, (int at, const char *path, mode_t m), (at, path, m), CALL_MKDIR, -1, path)
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), CALL_RENAME,
     -1, to)
WRAP(int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags), CALL_LINK, -1, to)
WRAP(int, unlinkat, (int at, const char *path, int flags), (at, path, flags), CALL_UNLINK, -1, path)
WRAP(pid_t, fork, (void), (), CALL_FORK, -1, "")
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), CALL_SEND, -1,
     "")
WRAP(ssize_t, sendto,
     (int fd, const void *b, size_t n, int flags, const struct sockaddr *to, unsigned len),
     (fd, b, n, flags, to, len), CALL_SEND, -1, "")

int openat(int at, const char *path, int flags, ...)
{
    static int (*real)(int, const char *, int, ...);
    va_list ap;
    va_start(ap, flags);
    mode_t mode = va_arg(ap, mode_t);
    va_end(ap);
    if (real == NULL)
        *(void **)&real = next("openat");
    struct rule *r = find(CALL_OPEN, -1, path);
    return go_on(r) ? (int)finish(r, real(at, path, flags, mode)) : -1;
}

/* glibc has no clone3: the keeper calls it by number, and that is how its cells come to be. */
long syscall(long number, ...)
{
    static long (*real)(long, ...);
    long a[6];
    va_list ap;
    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    if (real == NULL)
        *(void **)&real = next("syscall");
    struct rule *r = number == SYS_clone3 ? find(CALL_FORK, -1, "") : NULL;
    if (!go_on(r))
        return -1;
    long result = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return result == 0 ? 0 : finish(r, result);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        *(void **)&real = next("clock_gettime");
    int result = real(id, ret);
    if (result == 0 && id == CLOCK_REALTIME && page != NULL) {
        int64_t ns = ret->tv_sec * (int64_t)NS_PER_S + ret->tv_nsec + page->clock_shift_ns;
        *ret = (struct timespec){ ns / NS_PER_S, ns % NS_PER_S };
    }
    return result;
}
