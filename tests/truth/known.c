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
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/truth/known.h"

enum { BLOCK_BYTES = 65536, THREADS_MAX = 512, NS_PER_MS = 1000000 };

int64_t known_number(const char *text)
{
    return strtoll(text, NULL, 10);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void known_sleep_ms(int64_t ms)
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
    compute_ns(CLOCK_PROCESS_CPUTIME_ID, known_number(args[0]) * NS_PER_MS);
    tell_cpu(start_ns);
    known_sleep_ms(known_number(args[1]));
    return 0;
}

static void *compute_thread(void *ms)
{
    compute_ns(CLOCK_THREAD_CPUTIME_ID, *(int64_t *)ms * NS_PER_MS);
    return NULL;
}

static void *sleep_thread(void *ms)
{
    known_sleep_ms(*(int64_t *)ms);
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
    int64_t start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID), ms = known_number(args[1]);
    run_threads(known_number(args[0]), compute_thread, &ms);
    tell_cpu(start_ns);
    return 0;
}

/* PROCESSES MS: children compute so long, all at once. */
static int do_compute_children(char **args)
{
    int64_t start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (int64_t i = known_number(args[0]); i > 0; i--)
        if (fork() == 0) {
            compute_ns(CLOCK_PROCESS_CPUTIME_ID, known_number(args[1]) * NS_PER_MS);
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
    int64_t end_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + known_number(args[0]) * NS_PER_MS;
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
    for (int64_t left_ms = known_number(args[0]); left_ms > 0; left_ms -= 2) {
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
    known_sleep_ms(3600000);
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
    for (int64_t i = known_number(args[0]); i > 0; i--)
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
    for (int64_t i = known_number(args[0]); i > 0; i--) {
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
    return known_fill((int)known_number(args[0]), known_number(args[1])) < 0;
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
        { "take", known_take },
        { "threads", do_threads },
        { "zombies", do_zombies },
        { "write", do_write },
    };
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, argv[1]) == 0)
            return verbs[i].verb(argv + 2);
    return 98;
}
