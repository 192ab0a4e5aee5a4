/* keeper_guard.c - minos-box gives up what it does not use; see keeper_guard.h. Runs in the
 * listener and in keepers. */
#include "sandbox/keeper_guard.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/guard.h"

/* ---- capabilities
 * ------------------------------------------------------------------------------------ */

#define START KEEPER_STARTS
#define SERVE (KEEPER_STARTS | KEEPER_SERVES | KEEPER_SERVES_ONE_ID)
#define ONE_ID (KEEPER_STARTS | KEEPER_SERVES_ONE_ID)
static const struct {
    int number;
    unsigned phases;
} kept[] = {
#define CAPABILITY(name, phase, reason) { CAP_##name, phase },
#include "sandbox/capabilities.def"
#undef CAPABILITY
};
#undef START
#undef SERVE
#undef ONE_ID

uint64_t keeper_guard_capabilities(enum keeper_phase phase)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < ARRAY_COUNT(kept); i++)
        if ((kept[i].phases & (unsigned)phase) != 0)
            bits |= UINT64_C(1) << kept[i].number;
#ifdef MINOS_UNGUARDED
    bits |= UINT64_C(1) << CAP_SYS_PTRACE; /* a sanitizer traces its own process at the end */
#endif
    return bits;
}

static int drop_bounding(uint64_t keep, struct err *e)
{
    for (int cap = 0; cap < 64; cap++) {
        if ((keep >> cap & 1) != 0 || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
            continue;
        if (errno == EINVAL && cap > CAP_CHOWN)
            return 0; /* past the last capability this kernel knows */
        return err_sys(e, "drop capability %d from the bounding set", cap);
    }
    return 0;
}

/* The sets as the kernel takes them: 32 bits each. */
static uint64_t whole(const uint32_t low, const uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

int keeper_guard_drop(enum keeper_phase phase, struct err *e)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    uint64_t keep = keeper_guard_capabilities(phase);
    if (syscall(SYS_capget, &header, data) < 0)
        return err_sys(e, "read capabilities");
    if ((data[0].effective >> CAP_SETPCAP & 1) != 0 && drop_bounding(keep, e) < 0)
        return -1;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return err_sys(e, "clear ambient capabilities");
    for (int i = 0; i < 2; i++) {
        uint32_t mask = (uint32_t)(keep >> 32 * i);
        data[i].permitted &= mask;
        data[i].effective &= mask;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) < 0 || syscall(SYS_capget, &header, data) < 0)
        return err_sys(e, "drop capabilities");
    uint64_t held = whole(data[0].permitted | data[0].effective | data[0].inheritable,
                          data[1].permitted | data[1].effective | data[1].inheritable);
    return (held & ~keep) != 0 ? err_set(e, ERR_BUG, 0, "capabilities are left after a drop") : 0;
}

/* ---- system calls
 * ------------------------------------------------------------------------------------ */

static const char *const calls_of_ours[] = {
#define GUARD(name, roles, reason) ((roles)&GUARD_KEEPER) != 0 ? #name : NULL,
#define GUARD_KILL(name, roles)
#include "sandbox/base/guard.def"
#undef GUARD
#undef GUARD_KILL
};

/* What a cell's filter lets through, always or by its arguments, must not end here. */
static const char *const calls_of_cells[] = {
#define ALLOW(name, reason) #name,
#define CHECK(name, otherwise, reason) #name,
#define REFUSE(name, errnum, reason)
#define ATTACK(name, reason)
#define WHEN(name, a, am, av, action, reason)
#define WHEN2(name, a, am, av, b, bm, bv, action, reason)
#define WHEN3(name, a, am, av, b, bm, bv, c, cm, cv, action, reason)
#include "sandbox/syscalls.def"
#undef ALLOW
#undef CHECK
#undef REFUSE
#undef ATTACK
#undef WHEN
#undef WHEN2
#undef WHEN3
};

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] != NULL && strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool keeper_guard_allows(const char *name)
{
    return listed(calls_of_ours, ARRAY_COUNT(calls_of_ours), name) ||
           listed(calls_of_cells, ARRAY_COUNT(calls_of_cells), name);
}

static void release(scmp_filter_ctx *ctx)
{
    if (*ctx != NULL)
        seccomp_release(*ctx);
}

/* By number alone: the kernel then remembers the answer for each call and spares the filter. */
static int allow(scmp_filter_ctx ctx, const char *const *names, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        int nr = names[i] != NULL ? seccomp_syscall_resolve_name(names[i]) : __NR_SCMP_ERROR;
        int r = nr >= 0 ? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0) : 0;
        if (r < 0)
            return err_set(e, ERR_SYS, -r, "seccomp: rule for %s", names[i]);
    }
    return 0;
}

static int load_filter(struct err *e)
{
    /* "Ask the tracer" means ENOSYS where there is none. Of all refusals it alone is weaker than a
     * cell's notice to us. */
    __attribute__((cleanup(release))) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRACE(0));
    if (ctx == NULL)
        return err_set(e, ERR_SYS, ENOMEM, "seccomp");
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (allow(ctx, calls_of_ours, ARRAY_COUNT(calls_of_ours), e) < 0 ||
        allow(ctx, calls_of_cells, ARRAY_COUNT(calls_of_cells), e) < 0)
        return -1;
    int r = seccomp_load(ctx);
    return r < 0 ? err_set(e, ERR_SYS, -r, "seccomp: load") : 0;
}

#ifdef MINOS_UNGUARDED
static const bool confines = false;
#else
static const bool confines = true;
#endif

int keeper_guard_calls(struct err *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "set no_new_privs");
    return confines && load_filter(e) < 0 ? err_wrap(e, "guard") : 0;
}
