/*
 * known.c - the program that the truth tests run in a cell: it uses just what its arguments say, of
 * one resource, and tells what it knows of its own use. Static, so that little else is used.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, BLOCK_BYTES = 65536, THREADS_MAX = 512, NS_PER_MS = 1000000 };

static int64_t number(const char *text)
{
    return strtoll(text, NULL, 10);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_ms(int64_t ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS };
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

static void compute_ns(clockid_t clock, int64_t ns)
{
    int64_t end_ns = clock_ns(clock) + ns;
    while (clock_ns(clock) < end_ns)
        for (volatile int i = 0; i < 1000; i++)
            ;
}

static int64_t rusage_ns(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
           ((int64_t)u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

/* What the kernel tells us of ourselves, and of the children we waited for. */
static void tell_cpu(int64_t start_ns)
{
    printf("%lld %lld\n", (long long)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns),
           (long long)rusage_ns(RUSAGE_CHILDREN));
    fflush(stdout);
}

/* --- cpu -------------------------------------------------------------------------------------- */

/* MS AFTER_MS: compute so long, tell, then sleep. */
static int do_compute(char **args)
{
    int64_t start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    compute_ns(CLOCK_PROCESS_CPUTIME_ID, number(args[0]) * NS_PER_MS);
    tell_cpu(start_ns);
    sleep_ms(number(args[1]));
    return 0;
}

static void *compute_thread(void *ms)
{
    compute_ns(CLOCK_THREAD_CPUTIME_ID, *(int64_t *)ms * NS_PER_MS);
    return NULL;
}

static void *sleep_thread(void *ms)
{
    sleep_ms(*(int64_t *)ms);
    return NULL;
}

static bool start_thread(pthread_t *ret, void *(*body)(void *), void *arg)
{
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    return pthread_create(ret, &small, body, arg) == 0;
}

/* So many threads at once; the number that could be had. */
static int64_t run_threads(int64_t count, void *(*body)(void *), int64_t *ms)
{
    static pthread_t threads[THREADS_MAX];
    int64_t made = 0;
    for (int64_t i = 0; i < count && i < THREADS_MAX; i++)
        made += start_thread(&threads[made], body, ms);
    for (int64_t i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    return made;
}

/* THREADS MS: each thread computes so long. */
static int do_compute_threads(char **args)
{
    int64_t start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID), ms = number(args[1]);
    run_threads(number(args[0]), compute_thread, &ms);
    tell_cpu(start_ns);
    return 0;
}

/* PROCESSES MS: children compute so long, all at once. */
static int do_compute_children(char **args)
{
    int64_t start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (int64_t i = number(args[0]); i > 0; i--)
        if (fork() == 0) {
            compute_ns(CLOCK_PROCESS_CPUTIME_ID, number(args[1]) * NS_PER_MS);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    tell_cpu(start_ns);
    return 0;
}

/* MS: system calls for so long; user and system time as the kernel tells them. */
static int do_call(char **args)
{
    static char block[BLOCK_BYTES];
    struct rusage u;
    int fd = open("/dev/zero", O_RDONLY);
    int64_t end_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + number(args[0]) * NS_PER_MS;
    while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end_ns)
        for (int i = 0; i < 8; i++)
            if (read(fd, block, sizeof block) < 0)
                return 1;
    getrusage(RUSAGE_SELF, &u);
    printf("%lld %lld\n", (long long)u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec,
           (long long)u.ru_stime.tv_sec * 1000000 + u.ru_stime.tv_usec);
    return 0;
}

/* MS: grandchildren that nobody waits for compute one after the other, at least so long in all. */
static int do_orphans(char **args)
{
    for (int64_t left_ms = number(args[0]); left_ms > 0; left_ms -= 2) {
        int done[2];
        char c;
        if (pipe(done) < 0)
            return 1;
        if (fork() == 0) {
            if (fork() == 0)
                compute_ns(CLOCK_PROCESS_CPUTIME_ID, 2 * NS_PER_MS);
            _exit(0);
        }
        close(done[1]);
        (void)!read(done[0], &c, 1); /* ends when the grandchild does */
        close(done[0]);
        wait(NULL);
    }
    return 0;
}

/* Each process computes for half a millisecond, leaves a child in its place and ends. The first
 * waits on a pipe for the last. */
static int do_chain(char **args)
{
    (void)args;
    int done[2];
    char c;
    if (pipe(done) < 0)
        return 1;
    pid_t pid = fork();
    if (pid > 0) {
        close(done[1]);
        return (int)read(done[0], &c, 1);
    }
    for (; pid <= 0; pid = fork())
        if (pid == 0)
            compute_ns(CLOCK_PROCESS_CPUTIME_ID, NS_PER_MS / 2);
    return 0;
}

/* Children without end that do nothing. */
static int do_short_children(char **args)
{
    (void)args;
    for (;;) {
        if (fork() == 0)
            _exit(0);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}

/* --- waiting and not waiting ------------------------------------------------------------------ */

static int wait_sleep(void)
{
    sleep_ms(3600000);
    return 1;
}

static int wait_pipe(void)
{
    int ends[2];
    char c;
    return pipe(ends) < 0 ? 2 : (int)read(ends[0], &c, 1);
}

static int wait_stopped(void)
{
    raise(SIGSTOP);
    return 1;
}

static int wait_futex(void)
{
    static int word;
    return (int)syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static int wait_poll(void)
{
    for (;;) /* wakes often, does nothing */
        poll(NULL, 0, 20);
    return 1;
}

static int wait_child(void)
{
    if (fork() == 0)
        wait_sleep();
    return wait(NULL) < 0;
}

static int wait_vfork(void)
{
    if (vfork() == 0)
        wait_sleep();
    return 1;
}

static int wait_threads(void)
{
    int64_t ms = 3600000;
    return run_threads(30, sleep_thread, &ms) < 0;
}

static int busy_spin(void)
{
    for (volatile unsigned i = 0;; i++)
        ;
    return 1;
}

static int busy_child(void)
{
    if (fork() == 0)
        busy_spin();
    return wait(NULL) < 0;
}

static int busy_threads(void)
{
    int64_t ms = 3600000;
    return run_threads(8, compute_thread, &ms) < 0;
}

static int busy_calls(void)
{
    for (;;)
        syscall(SYS_getppid);
    return 1;
}

static int busy_yield(void)
{
    for (;;)
        sched_yield();
    return 1;
}

static int busy_pair(void)
{
    int a[2], b[2];
    char c = 'x';
    if (pipe(a) < 0 || pipe(b) < 0)
        return 1;
    if (fork() == 0)
        while (read(a[0], &c, 1) == 1 && write(b[1], &c, 1) == 1)
            ;
    while (write(a[1], &c, 1) == 1 && read(b[0], &c, 1) == 1)
        ;
    return 1;
}

/* HOW: for ever. */
static int do_for_ever(char **args)
{
    static const struct {
        const char *name;
        int (*body)(void);
    } rows[] = {
        { "sleep", wait_sleep },
        { "pipe", wait_pipe },
        { "stopped", wait_stopped },
        { "futex", wait_futex },
        { "poll", wait_poll },
        { "child", wait_child },
        { "vfork", wait_vfork },
        { "threads", wait_threads },
        { "spin", busy_spin },
        { "spin-child", busy_child },
        { "spin-threads", busy_threads },
        { "calls", busy_calls },
        { "yield", busy_yield },
        { "pair", busy_pair },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, args[0]) == 0)
            return rows[i].body();
    return 97;
}

/* --- memory: each takes so many bytes and holds them; 0, or -1 when refused ------------------- */

static int take_map(int64_t bytes, int flags, int fd)
{
    volatile char *p = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (p == (volatile char *)MAP_FAILED)
        return -1;
    for (int64_t i = 0; i < bytes; i += PAGE)
        p[i] = 1;
    return 0;
}

static int take_anon(int64_t bytes)
{
    return take_map(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int take_shared(int64_t bytes)
{
    return take_map(bytes, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static int take_heap(int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i += 1000) {
        char *p = malloc(1000);
        if (p == NULL)
            return -1;
        memset(p, 1, 1000);
    }
    return 0;
}

static int fill(int fd, int64_t bytes)
{
    static char block[BLOCK_BYTES];
    memset(block, 1, sizeof block);
    for (int64_t left = bytes; left > 0;) {
        ssize_t n = write(fd, block, left < BLOCK_BYTES ? (size_t)left : sizeof block);
        if (n < 0)
            return -1;
        left -= n;
    }
    return 0;
}

static int take_tmpfs(int64_t bytes)
{
    return fill(open("/tmp/known", O_RDWR | O_CREAT, 0600), bytes);
}

static int take_memfd(int64_t bytes)
{
    return fill(memfd_create("known", 0), bytes);
}

static int take_memfd_map(int64_t bytes)
{
    int fd = memfd_create("known", 0);
    return ftruncate(fd, bytes) < 0 ? -1 : take_map(bytes, MAP_SHARED, fd);
}

static int take_sysv(int64_t bytes)
{
    int id = shmget(IPC_PRIVATE, (size_t)bytes, IPC_CREAT | 0600);
    volatile char *p = id < 0 ? (volatile char *)-1 : shmat(id, NULL, 0);
    if (p == (volatile char *)-1)
        return -1;
    for (int64_t i = 0; i < bytes; i += PAGE)
        p[i] = 1;
    return 0;
}

static int take_stack(int64_t bytes)
{
    volatile char frame[16 * PAGE];
    for (int i = 0; i < 16; i++)
        frame[(size_t)i * PAGE] = 1;
    return bytes > 0 ? take_stack(bytes - (int64_t)sizeof frame) + frame[0] - 1 : 0;
}

/* A page in each 2 MiB needs a page of page table as well: half of the bytes are the kernel's. */
static int take_tables(int64_t bytes)
{
    int64_t pages = bytes / PAGE / 2, step = 2 << 20;
    char *p = mmap(NULL, (size_t)(pages * step), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return -1;
    madvise(p, (size_t)(pages * step), MADV_NOHUGEPAGE);
    for (int64_t i = 0; i < pages; i++)
        p[i * step] = 1;
    return 0;
}

/* Full pipes or sockets, in as many children as their descriptors need. */
static int take_ends(int64_t bytes, int (*make)(int ends[2]))
{
    static char block[PAGE];
    int64_t taken = 0;
    for (int made = 0; taken < bytes; made++) {
        int ends[2];
        if (made == 400) { /* few descriptors are left: a child goes on */
            pid_t pid = fork();
            if (pid < 0)
                return -1;
            if (pid > 0)
                return waitpid(pid, NULL, 0) == pid ? 0 : -1;
            closefrom(3);
            made = 0;
        }
        if (make(ends) < 0)
            return -1;
        fcntl(ends[1], F_SETFL, O_NONBLOCK);
        for (ssize_t n; taken < bytes && (n = write(ends[1], block, sizeof block)) > 0;)
            taken += n;
        if (errno == ENOMEM || errno == ENOBUFS)
            return -1;
    }
    return 0;
}

static int make_pipe(int ends[2])
{
    return pipe(ends);
}

static int make_sockets(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}

static int take_pipes(int64_t bytes)
{
    return take_ends(bytes, make_pipe);
}

static int take_sockets(int64_t bytes)
{
    return take_ends(bytes, make_sockets);
}

static int take_child(int64_t bytes)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(take_anon(bytes) < 0);
    int status;
    waitpid(pid, &status, 0);
    return status == 0 ? 0 : -1;
}

/* A fork bomb whose processes each hold some memory of their own. */
static int take_bomb(int64_t bytes)
{
    (void)bytes;
    for (;;)
        if (fork() >= 0)
            (void)take_anon(32 * PAGE);
    return 0;
}

static volatile sig_atomic_t faulted;

static void on_fault(int signal)
{
    (void)signal;
    faulted = 1;
    _exit(9);
}

/* With a handler for whatever can be caught. */
static int take_handled(int64_t bytes)
{
    for (int s = 1; s < NSIG; s++)
        signal(s, on_fault);
    return take_anon(bytes);
}

static int take_cached(int64_t bytes)
{
    static char block[BLOCK_BYTES];
    int64_t seen = 0;
    static const char *const files[] = { "/usr/bin/perl", "/usr/bin/gcc", "/usr/bin/gdb",
                                         "/usr/bin/python3", "/usr/lib/locale/locale-archive" };
    for (size_t i = 0; i < sizeof files / sizeof files[0] && seen < bytes; i++) {
        int fd = open(files[i], O_RDONLY);
        for (ssize_t n; fd >= 0 && seen < bytes && (n = read(fd, block, sizeof block)) > 0;)
            seen += n;
        close(fd);
    }
    return 0;
}

/* KIND BYTES CODE [AFTER_MS]: take them, sleep, end with 0, or with CODE when refused. */
static int do_take(char **args)
{
    static const struct {
        const char *name;
        int (*take)(int64_t bytes);
    } rows[] = {
        { "anon", take_anon },   { "shared", take_shared },       { "heap", take_heap },
        { "tmpfs", take_tmpfs }, { "memfd", take_memfd },         { "sysv", take_sysv },
        { "stack", take_stack }, { "memfd-map", take_memfd_map }, { "tables", take_tables },
        { "pipes", take_pipes }, { "sockets", take_sockets },     { "child", take_child },
        { "bomb", take_bomb },   { "handled", take_handled },     { "cached", take_cached },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, args[0]) != 0)
            continue;
        int r = rows[i].take(number(args[1]));
        if (args[2] != NULL && args[3] != NULL)
            sleep_ms(number(args[3]));
        return r < 0 && args[2] != NULL ? (int)number(args[2]) : 0;
    }
    return 97;
}

/* --- counts ----------------------------------------------------------------------------------- */

static int gate[2];

static void *gate_thread(void *arg)
{
    char c;
    (void)!read(gate[0], &c, 1);
    return arg;
}

/* COUNT: so many threads at once beside the first; tells how many there were. */
static int do_threads(char **args)
{
    static pthread_t threads[THREADS_MAX];
    int made = 0;
    if (pipe(gate) < 0)
        return 1;
    for (int64_t i = number(args[0]); i > 0; i--)
        made += start_thread(&threads[made], gate_thread, NULL);
    close(gate[1]);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    printf("%d\n", made);
    return 0;
}

/* COUNT: so many children at once; the dead ones count until they are waited for. */
static int do_zombies(char **args)
{
    int made = 0;
    for (int64_t i = number(args[0]); i > 0; i--) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        made += pid > 0;
    }
    printf("%d\n", made);
    return 0;
}

static int do_write(char **args)
{
    return fill((int)number(args[0]), number(args[1])) < 0;
}

static int do_nothing(char **args)
{
    (void)args;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*verb)(char **args);
    } verbs[] = {
        { "nothing", do_nothing },
        { "compute", do_compute },
        { "compute-threads", do_compute_threads },
        { "compute-children", do_compute_children },
        { "call", do_call },
        { "orphans", do_orphans },
        { "chain", do_chain },
        { "short-children", do_short_children },
        { "for-ever", do_for_ever },
        { "take", do_take },
        { "threads", do_threads },
        { "zombies", do_zombies },
        { "write", do_write },
    };
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, argv[1]) == 0)
            return verbs[i].verb(argv + 2);
    return 98;
}
