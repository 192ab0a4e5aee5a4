/*
 * known_memory.c - the part of `known` that takes memory: each take_* takes so many bytes of one
 * kind and holds them. 0, or -1 when refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/truth/known.h"

enum { PAGE = 4096, BLOCK_BYTES = 65536 };

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

int known_fill(int fd, int64_t bytes)
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
    return known_fill(open("/tmp/known", O_RDWR | O_CREAT, 0600), bytes);
}

static int take_memfd(int64_t bytes)
{
    return known_fill(memfd_create("known", 0), bytes);
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

static void on_fault(int signal)
{
    (void)signal;
    _exit(9);
}

/* With a handler for whatever can be caught. */
static int take_handled(int64_t bytes)
{
    const struct sigaction action = { .sa_handler = on_fault };
    for (int s = 1; s < NSIG; s++)
        (void)sigaction(s, &action, NULL);
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
int known_take(char **args)
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
        int r = rows[i].take(known_number(args[1]));
        if (args[2] != NULL && args[3] != NULL)
            known_sleep_ms(known_number(args[3]));
        return r < 0 && args[2] != NULL ? (int)known_number(args[2]) : 0;
    }
    return 97;
}
