/*
 * filter.c - compiles syscalls.def into one seccomp program and loads it; built in the keeper,
 * loaded in the cell.
 *
 * libseccomp checks the architecture and finds the system call by its number, as a binary tree.
 * Where arguments decide it is told to return SECCOMP_RET_TRACE with the index of the call's CHECK
 * row. After the export each such return becomes a jump to a piece of our own, appended at the end,
 * which compares in the order of the table: first match first, low halves only. libseccomp's own
 * argument rules know neither "else" nor an order, and compare 64 bits unless masked.
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
#include "sandbox/base/io.h"

enum { CODE_BYTES_MAX = BPF_MAXINSNS * (int)sizeof(struct sock_filter), COMPARES_MAX = 3 };

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
#define HIGH_HALF_FLAG 0x100u
#define HIGH_HALF(arg) ((arg) | HIGH_HALF_FLAG)
#define DO_ALLOW SECCOMP_RET_ALLOW
#define DO_ATTACK SECCOMP_RET_USER_NOTIF
#define DO_REFUSE(errnum) (SECCOMP_RET_ERRNO | (uint32_t)(errnum))

struct call_row {
    const char *name;
    uint32_t action; /* of a CHECK row: when no WHEN row matches */
    bool checked;
};

struct compare {
    uint32_t arg, mask, value;
};

struct when_row {
    const char *name;
    struct compare compares[COMPARES_MAX];
    size_t compare_count;
    uint32_t action;
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
    { #name, { { (a), (uint32_t)(am), (uint32_t)(av) } }, 1, action },
#define WHEN2(name, a, am, av, b, bm, bv, action, reason)                                          \
    { #name,                                                                                       \
      { { (a), (uint32_t)(am), (uint32_t)(av) }, { (b), (uint32_t)(bm), (uint32_t)(bv) } },        \
      2,                                                                                           \
      action },
#define WHEN3(name, a, am, av, b, bm, bv, c, cm, cv, action, reason)                               \
    { #name,                                                                                       \
      { { (a), (uint32_t)(am), (uint32_t)(av) },                                                   \
        { (b), (uint32_t)(bm), (uint32_t)(bv) },                                                   \
        { (c), (uint32_t)(cm), (uint32_t)(cv) } },                                                 \
      3,                                                                                           \
      action },
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

/* --- libseccomp's part --- */

static void cleanup_context(scmp_filter_ctx *ctx)
{
    if (*ctx != NULL)
        seccomp_release(*ctx);
}

static int add_call(scmp_filter_ctx ctx, size_t row, bool notifies, struct err *e)
{
    const struct call_row *c = &calls[row];
    int nr = seccomp_syscall_resolve_name(c->name);
    uint32_t action = c->checked ? SCMP_ACT_TRACE(row) : final_action(c->action, notifies);
    if (nr < 0 || action == SCMP_ACT_ERRNO(ENOSYS))
        return 0; /* the default */
    int r = seccomp_rule_add(ctx, action, nr, 0);
    return r < 0 ? err_set(e, ERR_SYS, -r, "seccomp rule for %s", c->name) : 0;
}

/* Foreign architectures include x32 on x86-64. The tree needs libseccomp 2.5, so what it answers
 * does not matter. */
static int fill_context(scmp_filter_ctx ctx, bool notifies, struct err *e)
{
    int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r < 0)
        return err_set(e, ERR_SYS, -r, "seccomp: refuse foreign architectures");
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
        if (add_call(ctx, i, notifies, e) < 0)
            return -1;
    return 0;
}

static int export_code(bool notifies, struct buf *code, struct err *e)
{
    __attribute__((cleanup(cleanup_context))) scmp_filter_ctx ctx =
        seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (ctx == NULL)
        return err_set(e, ERR_SYS, 0, "seccomp_init: this kernel or libseccomp lacks filters");
    if (fill_context(ctx, notifies, e) < 0)
        return -1;
    auto_fd_ int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "memfd_create");
    int r = seccomp_export_bpf(ctx, fd);
    if (r < 0)
        return err_set(e, ERR_SYS, -r, "seccomp_export_bpf");
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, "seek in the filter");
    return io_read_to_buf(fd, code, e);
}

/* --- our part --- */

static int emit(struct buf *code, uint16_t op, uint8_t jt, uint8_t jf, uint32_t k, struct err *e)
{
    struct sock_filter insn = { .code = op, .jt = jt, .jf = jf, .k = k };
    return buf_add(code, &insn, sizeof insn, e);
}

/* Where the compared half of an argument lies: the low one, but with HIGH_HALF. */
static uint32_t half_of(uint32_t arg)
{
    bool high = (arg & HIGH_HALF_FLAG) != 0, little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    size_t at = offsetof(struct seccomp_data, args) + (arg & ~HIGH_HALF_FLAG) * sizeof(uint64_t);
    return (uint32_t)at + (high == little ? 4 : 0);
}

/* Instructions of compares `from` on, and the return after them. */
static uint8_t length_from(const struct when_row *w, size_t from)
{
    uint8_t n = 1;
    for (size_t i = from; i < w->compare_count; i++)
        n = (uint8_t)(n + (w->compares[i].mask == ALL_BITS ? 2 : 3));
    return n;
}

static int emit_when(struct buf *code, const struct when_row *w, bool notifies, struct err *e)
{
    for (size_t i = 0; i < w->compare_count; i++) {
        const struct compare *c = &w->compares[i];
        if (emit(code, BPF_LD | BPF_W | BPF_ABS, 0, 0, half_of(c->arg), e) < 0)
            return -1;
        if (c->mask != ALL_BITS && emit(code, BPF_ALU | BPF_AND | BPF_K, 0, 0, c->mask, e) < 0)
            return -1;
        uint8_t past = length_from(w, i + 1);
        if (emit(code, BPF_JMP | BPF_JEQ | BPF_K, 0, past, c->value, e) < 0)
            return -1;
    }
    return emit(code, BPF_RET | BPF_K, 0, 0, final_action(w->action, notifies), e);
}

static int emit_check(struct buf *code, const struct call_row *c, bool notifies, struct err *e)
{
    for (size_t i = 0; i < ARRAY_COUNT(whens); i++)
        if (strcmp(whens[i].name, c->name) == 0 && emit_when(code, &whens[i], notifies, e) < 0)
            return -1;
    return emit(code, BPF_RET | BPF_K, 0, 0, final_action(c->action, notifies), e);
}

static size_t count_of(const struct buf *code)
{
    return code->len / sizeof(struct sock_filter);
}

/* Turn each return that stands for CHECK row `row` into a jump to the piece that begins at
 * `target`. A jump's offset counts from the instruction after it. */
static void redirect(struct buf *code, size_t exported, size_t row, size_t target)
{
    struct sock_filter *insns = (struct sock_filter *)(void *)code->data;
    for (size_t i = 0; i < exported; i++)
        if (insns[i].code == (BPF_RET | BPF_K) && insns[i].k == SCMP_ACT_TRACE(row))
            insns[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, target - i - 1, 0, 0);
}

static int append_checks(struct buf *code, bool notifies, struct err *e)
{
    size_t exported = count_of(code);
    for (size_t row = 0; row < ARRAY_COUNT(calls); row++) {
        if (!calls[row].checked)
            continue;
        redirect(code, exported, row, count_of(code));
        if (emit_check(code, &calls[row], notifies, e) < 0)
            return -1;
    }
    return 0;
}

static int compile(struct filter *f, struct err *e)
{
    auto_buf_ struct buf code;
    buf_init(&code, CODE_BYTES_MAX);
    if (export_code(f->notifies, &code, e) < 0 || append_checks(&code, f->notifies, e) < 0)
        return err_wrap(e, "compile the seccomp filter");
    f->count = (unsigned short)count_of(&code);
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
