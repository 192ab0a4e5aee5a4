/* host_mark.c - see host_mark.h; runs in the supervisor. */
#include "worker/host_mark.h"

#include <stddef.h>
#include <sys/stat.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"

static const char *const program_paths[] = {
    "", /* of an image its root */
    "/bin",
    "/lib",
    "/opt",
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

uint64_t host_mark_of(const char *root, const char *const *paths)
{
    uint64_t mark = 0xcbf29ce484222325U;
    for (; *paths != NULL; paths++) {
        struct stat st = { 0 };
        auto_free_ char *path = xasprintf("%s%s", root, *paths);
        (void)!stat(path, &st);
        mark = mix(mark, st.st_dev);
        mark = mix(mark, st.st_ino);
        mark = mix(mark, (uint64_t)st.st_mtim.tv_sec);
        mark = mix(mark, (uint64_t)st.st_mtim.tv_nsec);
        mark = mix(mark, (uint64_t)st.st_ctim.tv_sec);
        mark = mix(mark, (uint64_t)st.st_ctim.tv_nsec);
    }
    return mark;
}

uint64_t host_mark(const struct conf *c)
{
    uint64_t mark = host_mark_of("", program_paths);
    for (size_t i = 0; i < c->image_count; i++)
        mark = mix(mark, host_mark_of(c->images[i].path, program_paths));
    return mark;
}
