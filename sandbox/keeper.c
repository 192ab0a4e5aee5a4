/*
 * keeper.c - the keeper's life: prepare once, prove, greet, serve. Runs as root, single-threaded,
 * one for each slot.
 *
 *     opened ──hello──> preparing ──proof holds──> idle <──────────────┐
 *                           │                       │ COMMAND, PLACE   │ OUTCOMEs, cells destroyed,
 *                           └──REFUSAL──> ended     └─── RUN ──> running┘ a warm cell made
 *
 * The COMMAND that is run next may come while one runs, and its cell is armed then.
 *
 * The client is not trusted: it names images, hands over descriptors, asks for limits below
 * ceilings that come from our own configuration. It cannot name a path of the host, choose an id, a
 * group or a mount.
 */
#include "sandbox/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/cores.h"
#include "sandbox/base/files.h"
#include "sandbox/base/io.h"
#include "sandbox/keeper_guard.h"

enum { SEND_TIMEOUT_S = 5, REST_MS = 10000, RETRY_MS = 100, LOOKS = 3 };
#define LOOK_AGAIN_NS NS_PER_S /* after the start, then twice as long each time */

/* ---- answers
 * ---------------------------------------------------------------------------------------------------------
 */

static int send_err(struct keeper *k, enum wire_type type, const struct err *what)
{
    struct err e;
    wire_put_err(&k->space->out, type, what);
    if (wire_send(k->options->sock, &k->space->out, NULL, 0, &e) < 0) {
        k->ending = true;
        return -1;
    }
    return 0;
}

/* A fault of the client leaves us serving; a fault of ours may have left anything, so we end after
 * telling. */
static void answer_err(struct keeper *k, const struct err *what)
{
    (void)send_err(k, WIRE_ERROR, what);
    if (what->kind != ERR_INPUT && what->kind != ERR_BUSY) {
        log_error(k->options->log, "keeper_failed", what);
        k->ending = true;
    }
}

static void drop_kept(struct keeper *k)
{
    cell_destroy(&k->kept);
}

static void serve_run(struct keeper *k, uint32_t count)
{
    struct err e;
    drop_kept(k);
    if (k->refused) {
        e = k->refusal;
        keeper_forget_pending(k);
        answer_err(k, &e);
        return;
    }
    if (count == 0 || count != k->pending_count || !keeper_pending_whole(k)) {
        err_input(&e, "run: %u commands asked for, %zu given%s", count, k->pending_count,
                  keeper_pending_whole(k) ? "" : ", one without its files");
        keeper_forget_pending(k);
        answer_err(k, &e);
        return;
    }
    if (keeper_run(k, &e) < 0) {
        keeper_forget_pending(k);
        answer_err(k, &e);
    }
}

static void serve_collect(struct keeper *k, int64_t max_bytes)
{
    struct err e;
    if (keeper_collect(k, max_bytes, &e) < 0)
        answer_err(k, &e);
}

static void serve_release(struct keeper *k)
{
    struct err e;
    wire_put_empty(&k->space->out, WIRE_RELEASED);
    if (wire_send(k->options->sock, &k->space->out, NULL, 0, &e) < 0)
        k->ending = true;
    drop_kept(k);
}

static int dispatch(struct keeper *k, struct wire_message *m, struct err *e)
{
    enum wire_type type;
    uint32_t count;
    int64_t max_bytes;
    enum box_cause cause;
    uint8_t mask;
    if (wire_message_type(m, &type, e) < 0)
        return -1;
    if (type == WIRE_COMMAND || type == WIRE_PLACE) {
        keeper_take_pending(k, type, m);
    } else if (type == WIRE_FORGET) {
        if (wire_read_empty(m, WIRE_FORGET, e) < 0)
            return -1;
        keeper_forget_pending(k);
    } else if (type == WIRE_RUN) {
        if (wire_read_run(m, &count, e) < 0)
            return -1;
        serve_run(k, count);
    } else if (type == WIRE_COLLECT) {
        if (wire_read_collect(m, &max_bytes, e) < 0)
            return -1;
        serve_collect(k, max_bytes);
    } else if (type == WIRE_RELEASE) {
        if (wire_read_empty(m, WIRE_RELEASE, e) < 0)
            return -1;
        serve_release(k);
    } else if (type == WIRE_STOP) {
        return wire_read_stop(m, &cause, &mask, e); /* too late: what it meant has ended */
    } else {
        return err_input(e, "wire: %s is not for a keeper", wire_type_name(type));
    }
    return 0;
}

static void serve_one(struct keeper *k)
{
    struct err e;
    auto_wire_ struct wire_message m = { 0 };
    if (wire_recv(k->options->sock, k->space->in, &m, &e) < 0) {
        answer_err(k, &e);
        k->ending = true;
    } else if (m.len == 0) {
        k->ending = true;
    } else if (dispatch(k, &m, &e) < 0) {
        (void)send_err(k, WIRE_ERROR, &e);
        log_error(k->options->log, "client_broke_protocol", &e);
        k->ending = true;
    }
}

/* Groups in which somebody was still dying: of our own cells, and of a keeper that was killed
 * before we started, for which nobody but a keeper that starts looks at all. */
static void remove_late_groups(struct keeper *k)
{
    k->groups_left = cgroup_root_work_off(k->maker.groups);
    if (k->looks_left == 0 || clock_mono_ns() < k->next_look_mono_ns)
        return;
    cgroup_root_sweep(k->maker.groups);
    k->looks_left--;
    k->next_look_mono_ns = clock_mono_ns() + (LOOK_AGAIN_NS << (LOOKS - k->looks_left));
}

/* How long to wait for the client before something else is done; -1: there is nothing. */
static int leisure_ms(const struct keeper *k)
{
    if (k->groups_left)
        return RETRY_MS;
    if (k->looks_left == 0)
        return keeper_may_rest(k) ? REST_MS : -1;
    int64_t left_ns = k->next_look_mono_ns - clock_mono_ns();
    return left_ns > 0 ? (int)(left_ns / NS_PER_MS) + 1 : 0;
}

static void serve(struct keeper *k)
{
    k->looks_left = LOOKS;
    k->next_look_mono_ns = clock_mono_ns() + LOOK_AGAIN_NS;
    int64_t heard_mono_ns = clock_mono_ns();
    while (!k->ending) {
        keeper_arm_idle(k);
        keeper_tidy(k);
        remove_late_groups(k);
        struct pollfd p[3] = { { .fd = k->options->sock, .events = POLLIN },
                               { .fd = k->signal_fd, .events = POLLIN },
                               { .fd = k->ahead.sock, .events = POLLIN } };
        int n = poll(p, 3, leisure_ms(k));
        if (n < 0 && errno != EINTR)
            return;
        if (n == 0 && keeper_may_rest(k) && clock_mono_ns() >= heard_mono_ns + REST_MS * NS_PER_MS)
            keeper_rest(k);
        if (n <= 0)
            continue;
        if (p[1].revents != 0)
            return;
        if (p[2].revents != 0)
            keeper_take_ahead(k);
        if (p[0].revents != 0)
            serve_one(k);
        heard_mono_ns = clock_mono_ns();
    }
}

/* ---- preparation
 * -------------------------------------------------------------------------------------------------------
 */

/* The slot's own processors, for its programs and for us: what a keeper prepares and removes while
 * it has no program to watch is never done on the core of another slot's program. */
static int choose_cpus(struct keeper *k, struct err *e)
{
    const struct keeper_options *o = k->options;
    struct cell_maker *m = &k->maker;
    if (cores_read(CORES_SYS_DIR, o->conf->box_smt, &k->cores, e) < 0)
        return -1;
    cores_of_slot(&k->cores, o->slot, o->conf->box_cpus, &m->cpus, &m->cpu_count);
    return o->conf->box_pin && sched_setaffinity(0, sizeof m->cpus, &m->cpus) < 0
               ? err_sys(e, "keep to the cores of slot %" PRId64, o->slot)
               : 0;
}

/* A program starts with every signal at its default, whatever our own starter ignored: set here
 * once, inherited by every cell. */
static void reset_signals(void)
{
    struct sigaction by_default = { .sa_handler = SIG_DFL };
    for (int s = 1; s < NSIG; s++)
        (void)sigaction(s, &by_default, NULL); /* SIGKILL and SIGSTOP cannot be set, and need not */
}

static int watch_signals(int *ret_fd, struct err *e)
{
    reset_signals();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_sys(e, "sigprocmask");
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_fd < 0 ? err_sys(e, "signalfd") : 0;
}

/* A program may lower its own score down to what its starter had: that must not be below an
 * ordinary process's, whatever an operator gave to minos-box (OOMScoreAdjust=). */
static int stand_as_others(struct err *e)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    if (io_read_file(AT_FDCWD, "/proc/self/oom_score_adj", 64, &b, e) < 0)
        return -1;
    if (buf_text(&b)[0] == '-' && io_write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", "0") < 0)
        return err_sys(e, "write oom_score_adj");
    return 0;
}

static int prepare(struct keeper *k, struct err *e)
{
    const struct keeper_options *o = k->options;
    k->maker.conf = o->conf;
    k->maker.root = &k->root;
    k->maker.filter = &k->filter;
    k->maker.user = &k->user;
    k->maker.layers_off = k->root.layers_off;
    if ((o->board != NULL && board_inherit(o->board, false, e) < 0) || stand_as_others(e) < 0 ||
        watch_signals(&k->signal_fd, e) < 0 || choose_cpus(k, e) < 0)
        return -1;
    /* The order: control groups and subordinate ids need host paths, which keeper_root_enter leaves
     * behind. */
    if (cgroup_root_open(o->conf->box_cgroup, &k->maker.groups, e) < 0 ||
        cgroup_root_cap_cpus(k->maker.groups, k->maker.cpu_count, e) < 0 ||
        cgroup_root_weigh(k->maker.groups, o->conf->box_cpu_weight, e) < 0 ||
        keeper_user_enter(o->conf->box_id_base, &k->user, e) < 0 ||
        filter_build(&k->filter, e) < 0 ||
        keeper_root_enter(o->conf, o->artifacts, k->user.rootless, &k->root, e) < 0 ||
        keeper_guard_drop(k->user.one_id ? KEEPER_SERVES_ONE_ID : KEEPER_SERVES, e) < 0 ||
        (!o->guarded && keeper_guard_calls(e) < 0))
        return -1;
    return keeper_renew_null(k, e) < 0 ? -1 : keeper_prove(k, e);
}

/* A client that sends but does not read must not stop us: programs run and have limits meanwhile.
 */
static int bound_sending(const struct keeper *k, struct err *e)
{
    struct timeval tv = { .tv_sec = SEND_TIMEOUT_S };
    if (setsockopt(k->options->sock, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0)
        return err_sys(e, "set the client's time to read");
    return 0;
}

static int expect_hello(struct keeper *k, struct err *e)
{
    auto_wire_ struct wire_message m = { 0 };
    uint32_t version;
    if (wire_recv(k->options->sock, k->space->in, &m, e) < 0)
        return -1;
    if (m.len == 0)
        return err_input(e, "the client left");
    if (wire_read_hello(&m, &version, e) < 0)
        return -1;
    if (version != WIRE_VERSION)
        return err_input(e, "wire: expected version %d, got %u", (int)WIRE_VERSION, version);
    return 0;
}

static int greet(struct keeper *k, struct err *e)
{
    if (files_allow(INSIDE_OPEN_FILES, e) < 0 || keeper_pool_begin(k, e) < 0 ||
        keeper_guard_drop(KEEPER_STARTS, e) < 0 || bound_sending(k, e) < 0 ||
        expect_hello(k, e) < 0 || prepare(k, e) < 0) {
        (void)send_err(k, WIRE_REFUSAL, e);
        return -1;
    }
    wire_put_greeting(&k->space->out, &k->proof);
    return wire_send(k->options->sock, &k->space->out, NULL, 0, e);
}

static void wind_up(struct keeper *k)
{
    keeper_forget_pending(k);
    drop_kept(k);
    keeper_pool_end(k);
    furnish_done(&k->maker.artifact);
    cgroup_root_close(k->maker.groups);
    filter_done(&k->filter);
}

/* For us and, by inheritance, our cells. Where the host pipes core files to a handler it starts it,
 * as the host's root, for a limit of 0, too; 1 is the one value that keeps it away (kernel:
 * fs/coredump.c). Only 0 is left to those who may not raise theirs. */
static void refuse_core_dumps(void)
{
    struct rlimit one = { 1, 1 }, none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &one) < 0)
        (void)setrlimit(RLIMIT_CORE, &none);
}

static struct keeper_space *space_new(void)
{
    struct keeper_space *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED || madvise(s, sizeof *s, MADV_DONTFORK) < 0) {
        perror("event=no_memory");
        _exit(1);
    }
    return s;
}

int keeper_serve(const struct keeper_options *o)
{
    struct keeper *k = xcalloc(1, sizeof *k);
    struct err e;
    k->space = space_new();
    k->options = o;
    umask(022); /* images and /dev are made to be read by cells, whatever our starter's mask */
    k->signal_fd = k->null_fd = k->root.mntns_fd = k->ahead.sock = -1;
    cell_init(&k->kept);
    cell_init(&k->next);
    furnish_init(&k->maker.artifact);
    /* What a cell could read of us if every other wall fell: nothing of our environment or memory.
     * An ordinary user's keeper must stay dumpable until its cells drop it, for /proc gives the
     * files of others to the host's root. */
    k->root.layers_off = layers_off();
    (void)clearenv();
    refuse_core_dumps();
    if (geteuid() == 0)
        (void)prctl(PR_SET_DUMPABLE, 0);
    int status = 0;
    if (greet(k, &e) < 0) {
        log_error(o->log, "keeper_refuses", &e);
        status = 1;
    } else {
        serve(k);
    }
    wind_up(k);
    (void)munmap(k->space, sizeof *k->space);
    free(k);
    return status;
}
