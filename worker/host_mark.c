/* host_mark.c - see host_mark.h; runs in the supervisor. */
#include "worker/host_mark.h"

#include <stddef.h>
#include <sys/stat.h>

static const char *const host_paths[] = {
    "/var/lib/dpkg/status",
    "/var/lib/rpm",
    "/usr/lib/sysimage/rpm",
    "/lib/apk/db/installed",
    "/var/lib/pacman/local",
    "/usr",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/include",
    "/usr/share",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/include",
    "/usr/local/share",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    NULL,
};

/* FNV-1a, 64 bits (RFC 9923). */
static uint64_t mix(uint64_t mark, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        mark ^= value >> (8 * i) & 0xff;
        mark *= 0x100000001b3U;
    }
    return mark;
}

uint64_t host_mark_of(const char *const *paths)
{
    uint64_t mark = 0xcbf29ce484222325U;
    for (; *paths != NULL; paths++) {
        struct stat st = { 0 };
        (void)!stat(*paths, &st);
        mark = mix(mark, st.st_dev);
        mark = mix(mark, st.st_ino);
        mark = mix(mark, (uint64_t)st.st_mtim.tv_sec);
        mark = mix(mark, (uint64_t)st.st_mtim.tv_nsec);
        mark = mix(mark, (uint64_t)st.st_ctim.tv_sec);
        mark = mix(mark, (uint64_t)st.st_ctim.tv_nsec);
    }
    return mark;
}

uint64_t host_mark(void)
{
    return host_mark_of(host_paths);
}
