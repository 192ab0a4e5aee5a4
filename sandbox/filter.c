/*
 * filter.c - the seccomp filter of syscalls.def: made and tried in the keeper, loaded in the cell.
 *
 * The rows become rules for filter_code.c; libseccomp knows the numbers of calls on this machine.
 */
#include "sandbox/filter.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/filter_code.h"

enum { CODE_BYTES_MAX = BPF_MAXINSNS * (int)sizeof(struct sock_filter) };

/* --- the table --- */

#ifdef __s390x__
#define CLONE_FLAGS_ARG 1 /* clone(2), "C library/kernel differences" */
#else
#define CLONE_FLAGS_ARG 0
#endif

#ifndef TCP_AO_ADD_KEY
#define TCP_AO_ADD_KEY 38
#endif
#ifndef IPV6_FLOWLABEL_MGR
#define IPV6_FLOWLABEL_MGR 32 /* <linux/in6.h> does not go with <netinet/in.h> */
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define ALL_BITS UINT32_MAX
#define HIGH_HALF(arg) ((arg) | FILTER_HIGH_HALF)
#define DO_ALLOW SECCOMP_RET_ALLOW
#define DO_ATTACK SECCOMP_RET_USER_NOTIF
#define DO_REFUSE(errnum) (SECCOMP_RET_ERRNO | (uint32_t)(errnum))

struct call_row {
    const char *name;
    uint32_t action; /* of a CHECK row: when no WHEN row matches */
    bool checked;
};

struct when_row {
    const char *name;
    struct filter_when when;
};

static const struct call_row calls[] = {
#define ALLOW(name, reason) { #name, DO_ALLOW, false },
#define REFUSE(name, errnum, reason) { #name, DO_REFUSE(errnum), false },
#define ATTACK(name, reason) { #name, DO_ATTACK, false },
#define CHECK(name, otherwise, reason) { #name, otherwise, true },
#define WHEN(name, arg, mask, value, action, reason)
#define WHEN2(name, a, am, av, b, bm, bv, action, reason)
#define WHEN3(name, a, am, av, b, bm, bv, c, cm, cv, action, reason)
#include "sandbox/syscalls.def"
#undef ALLOW
#undef REFUSE
#undef ATTACK
#undef CHECK
#undef WHEN
#undef WHEN2
#undef WHEN3
};

static const struct when_row whens[] = {
#define ALLOW(name, reason)
#define REFUSE(name, errnum, reason)
#define ATTACK(name, reason)
#define CHECK(name, otherwise, reason)
#define WHEN(name, a, am, av, action, reason)                                                      \
    { #name, { { { (a), (uint32_t)(am), (uint32_t)(av) } }, 1, action } },
#define WHEN2(name, a, am, av, b, bm, bv, action, reason)                                          \
    { #name,                                                                                       \
      { { { (a), (uint32_t)(am), (uint32_t)(av) }, { (b), (uint32_t)(bm), (uint32_t)(bv) } },      \
        2,                                                                                         \
        action } },
#define WHEN3(name, a, am, av, b, bm, bv, c, cm, cv, action, reason)                               \
    { #name,                                                                                       \
      { { { (a), (uint32_t)(am), (uint32_t)(av) },                                                 \
          { (b), (uint32_t)(bm), (uint32_t)(bv) },                                                 \
          { (c), (uint32_t)(cm), (uint32_t)(cv) } },                                               \
        3,                                                                                         \
        action } },
#include "sandbox/syscalls.def"
#undef ALLOW
#undef REFUSE
#undef ATTACK
#undef CHECK
#undef WHEN
#undef WHEN2
#undef WHEN3
};

/* --- what the kernel can do --- */

static bool kernel_notifies(void)
{
    uint32_t action = SECCOMP_RET_USER_NOTIF;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static uint32_t final_action(uint32_t action, bool notifies)
{
    return action == DO_ATTACK && !notifies ? SECCOMP_RET_KILL_PROCESS : action;
}

/* --- the program --- */

/* Append the WHEN rows of a call to whens_of; how many there are. */
static size_t gather_whens(const char *name, bool notifies, struct filter_when *whens_of)
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_COUNT(whens); i++)
        if (strcmp(whens[i].name, name) == 0) {
            whens_of[n] = whens[i].when;
            whens_of[n].action = final_action(whens[i].when.action, notifies);
            n++;
        }
    return n;
}

/* Calls that this machine has not are numbered below 0. libseccomp's token of an architecture is
 * the kernel's AUDIT_ARCH value, save for x32, which is no native one. */
static int compile(struct filter *f, struct err *e)
{
    struct filter_rule rules[ARRAY_COUNT(calls)];
    struct filter_when rows[ARRAY_COUNT(whens)];
    size_t count = 0, row_count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
        const struct call_row *c = &calls[i];
        int nr = seccomp_syscall_resolve_name(c->name);
        if (nr < 0)
            continue;
        struct filter_rule r = { .nr = (uint32_t)nr,
                                 .action = final_action(c->action, f->notifies) };
        if (c->checked) {
            r.whens = rows + row_count;
            r.when_count = gather_whens(c->name, f->notifies, rows + row_count);
            row_count += r.when_count;
        }
        rules[count++] = r;
    }
    auto_buf_ struct buf code;
    buf_init(&code, CODE_BYTES_MAX);
    if (filter_code_make(rules, count, DO_REFUSE(ENOSYS), seccomp_arch_native(), &code, e) < 0)
        return err_wrap(e, "compile the seccomp filter");
    f->count = (unsigned short)(code.len / sizeof(struct sock_filter));
    f->code = (struct sock_filter *)(void *)buf_take(&code);
    return 0;
}

/* --- loading --- */

int filter_load(const struct filter *f, bool listener)
{
    struct sock_fprog program = { .len = f->count, .filter = f->code };
    unsigned flags = listener && f->notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* 0, or the errno with which a child that loads the filter fails. */
static int try_load(const struct filter *f)
{
    pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_load(f, true) < 0)
            _exit(errno);
        _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

/* EBUSY: we ourselves run under a filter with a listener, as in some containers, and the kernel
 * allows one only. Attacks then kill. */
int filter_build(struct filter *ret, struct err *e)
{
    struct filter f = { .notifies = kernel_notifies() };
    if (compile(&f, e) < 0)
        return -1;
    int errnum = try_load(&f);
    if (errnum == EBUSY && f.notifies) {
        filter_done(&f);
        if (compile(&f, e) < 0)
            return -1;
        errnum = try_load(&f);
    }
    if (errnum != 0) {
        filter_done(&f);
        return err_set(e, ERR_SYS, errnum, "load the seccomp filter into a trial process");
    }
    *ret = f;
    return 0;
}

void filter_done(struct filter *f)
{
    free(f->code);
    *f = (struct filter){ 0 };
}

/* --- in the keeper --- */

/* A later kernel may have a longer notice than our headers: it writes its own length, and wants the
 * space zeroed. */
int filter_take_notice(int listener_fd, int *ret_syscall_nr)
{
    union {
        struct seccomp_notif notice;
        char room[512];
    } u;
    struct pollfd p = { .fd = listener_fd, .events = POLLIN };
    int n = poll(&p, 1, 0);
    if (n <= 0 || (p.revents & POLLIN) == 0)
        return n < 0 && errno != EINTR ? -1 : 0;
    memset(&u, 0, sizeof u);
    if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &u.notice) < 0)
        return errno == ENOENT || errno == EINTR ? 0 : -1;
    *ret_syscall_nr = u.notice.data.nr;
    return 1;
}

const char *filter_name(int syscall_nr, char buf[FILTER_NAME_BYTES])
{
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, syscall_nr);
    if (name != NULL)
        snprintf(buf, FILTER_NAME_BYTES, "%s", name);
    else
        snprintf(buf, FILTER_NAME_BYTES, "system call %d", syscall_nr);
    free(name);
    return buf;
}
