/*
 * hostile.h - what the hostile programs share: saying how it went, and a few calls libc lacks.
 *
 * A program that reached something prints "ESCAPED: ..."; one that was refused "CONTAINED: ...".
 * Both end it with status 0: how it ends is no part of what it found out.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TCP_PORT 47101
#define ABSTRACT_NAME "minos-canary"
#define OUTSIDE "192.0.2.9" /* reserved for documentation: no packet to it arrives anywhere */
#define IPC_KEY 0x4d494e4f
#define UNUSED __attribute__((unused))

UNUSED __attribute__((noreturn, format(printf, 1, 2))) static void escaped(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    printf("ESCAPED: ");
    vprintf(format, ap);
    printf("\n");
    fflush(stdout);
    _exit(0);
}

UNUSED __attribute__((noreturn, format(printf, 1, 2))) static void contained(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    printf("CONTAINED: ");
    vprintf(format, ap);
    printf("\n");
    fflush(stdout);
    _exit(0);
}

/* `result` of a call that must fail. */
UNUSED static void must_fail(long result, const char *what)
{
    if (result >= 0)
        escaped("%s gave %ld", what, result);
    printf("%s: %s\n", what, strerror(errno));
}

/* As must_fail, and the end. */
UNUSED __attribute__((noreturn)) static void only_try(long result, const char *what)
{
    must_fail(result, what);
    contained("%s", what);
}

/* Up to size-1 bytes of a file as a string; -1 when it cannot be opened or read. */
UNUSED static ssize_t slurp(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return n;
}

/* A file that must not be there. */
UNUSED static void must_not_read(const char *path)
{
    char text[512];
    ssize_t n = slurp(path, text, sizeof text);
    if (n > 0)
        escaped("read %s: %.200s", path, text);
    printf("%s: %s\n", path, n == 0 ? "empty" : strerror(errno));
}

UNUSED static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

UNUSED static void sleep_ms(int64_t ms)
{
    struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
        ;
}

/* Burn cpu for so long by the clock on the wall. */
UNUSED static void burn_ms(int64_t ms)
{
    for (int64_t until = now_ms() + ms; now_ms() < until;)
        for (volatile int i = 0; i < 20000; i++)
            ;
}

/* Memory that is really there. NULL when there is none. */
UNUSED static char *touch(size_t bytes)
{
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    for (size_t at = 0; at < bytes; at += 4096)
        p[at] = 1;
    return p;
}
