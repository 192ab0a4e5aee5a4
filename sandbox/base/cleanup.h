/*
 * cleanup.h - resources that end with their scope.
 *
 *     auto_fd_ int fd = open(...);
 *     auto_free_ char *p = strdup(...);
 *     *ret_fd = take_fd(&fd);      // hand over: the scope no longer closes it
 *
 * Every destructor accepts the empty value (-1, NULL) and keeps errno.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_fd(const int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_file(FILE **f)
{
    if (*f != NULL)
        fclose(*f);
}

static inline void cleanup_dir(DIR **d)
{
    if (*d != NULL)
        closedir(*d);
}

#define auto_fd_ __attribute__((cleanup(cleanup_fd)))
#define auto_free_ __attribute__((cleanup(cleanup_free)))
#define auto_file_ __attribute__((cleanup(cleanup_file)))
#define auto_dir_ __attribute__((cleanup(cleanup_dir)))

static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#define take_ptr(p)                                                                                \
    ({                                                                                             \
        __typeof__(*(p)) taken_ = *(p);                                                            \
        *(p) = NULL;                                                                               \
        taken_;                                                                                    \
    })

/* Close now and mark as closed; accepts -1. */
static inline void close_fd(int *fd)
{
    cleanup_fd(fd);
    *fd = -1;
}

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
