/* files.c - the limit of open descriptors, setrlimit(2), and what one of them is; every program. */
#include "sandbox/base/files.h"

#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#ifndef PIDFS_MAGIC
#define PIDFS_MAGIC 0x50494446
#endif

int files_allow(int64_t need, struct err *e)
{
    struct rlimit r;
    const struct rlimit more = { (rlim_t)need, (rlim_t)need };
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return err_sys(e, "getrlimit RLIMIT_NOFILE");
    if (r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
    if (r.rlim_max >= (rlim_t)need || setrlimit(RLIMIT_NOFILE, &more) == 0)
        return 0;
    return err_set(e, ERR_SYS, 0,
                   "%lld descriptors may be open (RLIMIT_NOFILE), and %lld are needed: raise the "
                   "hard limit (ulimit -Hn %lld; LimitNOFILE= of a unit, --ulimit nofile= of a "
                   "container)",
                   (long long)r.rlim_max, (long long)need, (long long)need);
}

bool files_is_handle(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) < 0 || fs.f_type == NSFS_MAGIC || fs.f_type == PIDFS_MAGIC;
}
