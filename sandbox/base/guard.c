/* guard.c - giving up privilege at the start of minos-server and minos-worker; see guard.h. */
#include "sandbox/base/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"

/* Of newer kernels than the headers we build with: landlock(7). */
#define FS_REFER (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define NET_CONNECT_TCP (UINT64_C(1) << 1)

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                   \
    (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                     \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_MAKE_SOCK)
#define FS_ALL_V1 ((UINT64_C(1) << 13) - 1)
#define FS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

/* The kernel's struct landlock_ruleset_attr as of ABI 4; older kernels take its first field. */
struct ruleset {
    uint64_t fs, net;
};

static int drop_capabilities(struct err *e)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { 0 }, held[2] = { 0 };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "set no_new_privs");
    if (syscall(SYS_capget, &header, held) < 0)
        return err_sys(e, "read capabilities");
    if (memcmp(held, none, sizeof held) == 0)
        return 0; /* a slot, under its supervisor's filter, could not even call capset */
    if (syscall(SYS_capset, &header, none) < 0)
        return err_sys(e, "drop capabilities");
    return 0;
}

/* ---- Landlock
 * ---------------------------------------------------------------------------------------- */

static uint64_t fs_rights(int abi)
{
    return FS_ALL_V1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
           (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static int add_path(int ruleset, const struct guard_path *p, uint64_t handled, struct err *e)
{
    auto_fd_ int fd = open(p->path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && (errno == ENOENT || errno == EACCES))
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "open %s", p->path);
    uint64_t wanted = p->write ? FS_WRITE | FS_REFER | FS_TRUNCATE : FS_READ;
    if (!S_ISDIR(st.st_mode))
        wanted &= FS_OF_FILES;
    struct landlock_path_beneath_attr rule = { .allowed_access = wanted & handled,
                                               .parent_fd = fd };
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        return err_sys(e, "landlock: %s", p->path);
    return 0;
}

static int confine_paths(const struct guard_path *paths, size_t count, enum guard_role role,
                         int *ret_abi, struct err *e)
{
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *ret_abi = abi > 0 ? abi : 0;
    if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
        return 0; /* not in this kernel, or not switched on: seccomp and the user's rights remain */
    struct ruleset r = { .fs = fs_rights(abi), .net = NET_BIND_TCP | NET_CONNECT_TCP };
    if (role == GUARD_RUNNER) /* where to, it decides at each connection */
        r.net = NET_BIND_TCP;
    if (role == GUARD_SUPERVISOR) /* it executes itself, wherever it lies */
        r.fs &= ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
    size_t size = abi >= 4 ? sizeof r : sizeof r.fs;
    auto_fd_ int ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
    if (ruleset < 0)
        return err_sys(e, "landlock: make a ruleset");
    for (size_t i = 0; i < count; i++)
        if (add_path(ruleset, &paths[i], r.fs, e) < 0)
            return -1;
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return err_sys(e, "landlock: enter");
    return 0;
}

/* ---- seccomp
 * ----------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned roles;
    bool kill;
} rows[] = {
#define GUARD(name, roles, reason) { #name, roles, false },
#define GUARD_KILL(name, roles) { #name, roles, true },
#include "sandbox/base/guard.def"
#undef GUARD
#undef GUARD_KILL
};

static bool allowed(int nr, enum guard_role role)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (!rows[i].kill && (rows[i].roles & role) != 0 &&
            seccomp_syscall_resolve_name(rows[i].name) == nr)
            return true;
    return false;
}

static int add_row(scmp_filter_ctx ctx, size_t i, enum guard_role role, size_t *count)
{
    int nr = seccomp_syscall_resolve_name(rows[i].name);
    if ((rows[i].roles & role) == 0 || nr < 0 || (rows[i].kill && allowed(nr, role)))
        return 0;
    *count += !rows[i].kill;
    /* Their clone makes threads and nothing else. */
    if ((role == GUARD_SERVER || role == GUARD_RUNNER) && nr == SCMP_SYS(clone))
        return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1,
                                SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    return seccomp_rule_add(ctx, rows[i].kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW, nr, 0);
}

static void release(scmp_filter_ctx *ctx)
{
    if (*ctx != NULL)
        seccomp_release(*ctx);
}

static int confine_calls(enum guard_role role, size_t *ret_count, struct err *e)
{
    __attribute__((cleanup(release))) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (ctx == NULL)
        return err_set(e, ERR_SYS, ENOMEM, "seccomp");
    size_t count = 0;
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int r = add_row(ctx, i, role, &count);
        if (r < 0)
            return err_set(e, ERR_SYS, -r, "seccomp: rule for %s", rows[i].name);
    }
    int r = seccomp_load(ctx);
    if (r < 0)
        return err_set(e, ERR_SYS, -r, "seccomp: load");
    *ret_count = count;
    return 0;
}

#ifdef MINOS_UNGUARDED
/* Sanitizers trace and coverage writes its counts at the end: such builds keep their calls and
 * paths. */
static const bool confines = false;
#else
static const bool confines = true;
#endif

int guard_enter(enum guard_role role, const struct guard_path *paths, size_t path_count,
                struct guard_seen *ret, struct err *e)
{
    struct guard_seen seen = { 0 };
    *ret = seen;
    if (!confines)
        return drop_capabilities(e);
    if (drop_capabilities(e) < 0 ||
        confine_paths(paths, path_count, role, &seen.landlock_abi, e) < 0 ||
        confine_calls(role, &seen.syscall_count, e) < 0)
        return err_wrap(e, "guard");
    *ret = seen;
    return 0;
}
