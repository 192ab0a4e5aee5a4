/*
 * keeper_run.c - running commands: one loop over the cells' ends, their clocks, attacks, memory
 * kills and the client. Runs as root in the keeper.
 *
 * Who stops a command: the first cause wins and is kept; whatever the program does about its death
 * does not count. How it ended is taken from the kernel (wait status by our init, the group's
 * counters), never from what the program wrote.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/keeper.h"

enum {
    FDS_PER_CELL = 4,
    FIXED_FDS = 2,
    STOPS_MAX = 8 * BOX_COMMANDS_MAX, /* in one run; a flood would keep us at real-time priority */
};

/* A cpu clock is looked at again no sooner than this; it is what a limit may be overshot by, times
 * the cores. */
#define CPU_CHECK_MIN_NS (NS_PER_MS / 2)
/* Of a program that stands still just below its limit, at most this, for each look costs others. */
#define CPU_CHECK_IDLE_NS (8 * NS_PER_MS)
/* A killed cell that is still there after so long is killed again, harder. */
#define KILL_AGAIN_NS (NS_PER_S)

static void stop(struct running *r, enum box_cause cause)
{
    if (r->ended || r->cause != BOX_CAUSE_NONE)
        return;
    r->cause = cause;
    (void)cgroup_kill(&r->cell.group); /* a miss is caught by kill_again */
    r->stop_mono_ns = clock_mono_ns();
    r->kill_again_mono_ns = r->stop_mono_ns + KILL_AGAIN_NS;
}

static void kill_again(struct running *r, int64_t now)
{
    (void)syscall(SYS_pidfd_send_signal, r->cell.pidfd, SIGKILL, NULL, 0);
    (void)cgroup_kill(&r->cell.group);
    r->kill_again_mono_ns = now + KILL_AGAIN_NS;
}

/* ---- promptness
 * ---------------------------------------------------------------------------------------------
 *
 * A limit is only as exact as the moment at which we get a core, and whatever the cells and the
 * rest of the host do with theirs, we want it at once. So while we watch we are in the real-time
 * class, at its lowest priority: we sleep nearly all of the time, and what we do takes
 * microseconds. Not while we build cells, which takes milliseconds. An ordinary user may not
 * (RLIMIT_RTPRIO), nor root in some containers: limits then bite as late as the host is busy. */

static void become_prompt(struct keeper *k)
{
    if (k->prompt)
        return;
    struct sched_param p = { .sched_priority = sched_get_priority_min(SCHED_RR) };
    k->prompt = sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) == 0;
}

static void become_ordinary(struct keeper *k)
{
    struct sched_param p = { 0 };
    if (k->prompt && sched_setscheduler(0, SCHED_OTHER, &p) == 0)
        k->prompt = false;
}

/* The kernel charges a thread when it leaves its core or at a tick, so the group's clock lacks up
 * to a tick (1 to 10 ms) for each core that is at work. Being ahead of all others, we only need to
 * go to a core to make whoever is there leave it. */
static int exact_cpu_ns(const struct keeper *k, const struct running *r, int64_t *ret_ns)
{
    cpu_set_t before, one;
    bool moves = k->prompt && sched_getaffinity(0, sizeof before, &before) == 0;
    for (int cpu = 0, left = (int)k->maker.cpu_count; moves && left > 0 && cpu < CPU_SETSIZE;
         cpu++) {
        if (!CPU_ISSET(cpu, &k->maker.cpus))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        (void)sched_setaffinity(0, sizeof one, &one);
        left--;
    }
    int result = cgroup_cpu_ns(&r->cell.group, ret_ns);
    if (moves)
        (void)sched_setaffinity(0, sizeof before, &before);
    return result;
}

/* ---- busy or idle
 * ---------------------------------------------------------------------------------------------
 *
 * Whether a program that ran into its wall limit computed or waited cannot be told from its cpu
 * time: on a busy host a loop gets little of it. What tells is what its threads want, so we look at
 * them now and then. At each look it computed if it used half a core since the last one; else it
 * was ready if a thread of it is running or would be. Who computed at half of the looks is busy,
 * and so is who was ready at three of four: more than that, for a program that sleeps on and off
 * also waits for its turn on such a host. */

enum { LOOKS = 40 };
#define LOOK_MIN_NS (5 * NS_PER_MS)
#define LOOK_MAX_NS (250 * NS_PER_MS)

static void plan_looks(struct running *r)
{
    int64_t every = r->limits.wall_time_ms * NS_PER_MS / LOOKS;
    r->look_every_ns = every < LOOK_MIN_NS   ? LOOK_MIN_NS
                       : every > LOOK_MAX_NS ? LOOK_MAX_NS
                                             : every;
    r->look_mono_ns = r->cell.release_mono_ns + r->look_every_ns;
}

static void look(struct running *r, int64_t now)
{
    int64_t cpu_ns;
    int64_t since_ns = now - (r->look_mono_ns - r->look_every_ns);
    bool known = cgroup_cpu_ns(&r->cell.group, &cpu_ns) == 0;
    bool computed = known && (cpu_ns - r->look_cpu_ns) * 2 >= since_ns;
    r->look_count++;
    r->computed_count += computed;
    r->ready_count += computed || cgroup_runs(&r->cell.group);
    r->look_cpu_ns = known ? cpu_ns : r->look_cpu_ns;
    r->look_mono_ns = now + r->look_every_ns;
    cgroup_sample_memory(&r->cell.group);
    if (keeper_net_hoards(r->cell.net_fds))
        stop(r, BOX_CAUSE_MEMORY);
}

static enum box_cause wall_cause(struct running *r, int64_t now)
{
    look(r, now);
    bool busy = r->computed_count * 2 >= r->look_count || r->ready_count * 4 >= r->look_count * 3;
    return busy ? BOX_CAUSE_WALL : BOX_CAUSE_IDLE;
}

/* ---- clocks
 * ---------------------------------------------------------------------------------------------
 */

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void check_cpu(const struct keeper *k, struct running *r, int64_t now)
{
    int64_t used_ns, limit_ns = r->limits.cpu_time_ms * NS_PER_MS;
    if (now < r->cpu_check_mono_ns || exact_cpu_ns(k, r, &used_ns) < 0)
        return;
    if (used_ns > limit_ns && layer_on(k->maker.layers_off, LAYER_CPU)) {
        stop(r, BOX_CAUSE_CPU);
        return;
    }
    /* It cannot get there sooner than by using every core it has. */
    int64_t soonest = (limit_ns - used_ns) / k->maker.cpu_count;
    int64_t wait_ns = used_ns != r->cpu_seen_ns ? CPU_CHECK_MIN_NS : 2 * r->cpu_wait_ns;
    r->cpu_seen_ns = used_ns;
    r->cpu_wait_ns = earliest(wait_ns, CPU_CHECK_IDLE_NS / k->maker.cpu_count);
    r->cpu_check_mono_ns = now + (soonest > r->cpu_wait_ns ? soonest : r->cpu_wait_ns);
}

static void check_clocks(const struct keeper *k, struct running *r, int64_t now)
{
    if (r->ended)
        return;
    if (r->cause != BOX_CAUSE_NONE) {
        if (now >= r->kill_again_mono_ns)
            kill_again(r, now);
        return;
    }
    if (now >= r->wall_deadline_mono_ns && layer_on(k->maker.layers_off, LAYER_WALL)) {
        stop(r, wall_cause(r, now));
        return;
    }
    if (now >= r->look_mono_ns)
        look(r, now);
    check_cpu(k, r, now);
}

static int64_t next_due(const struct running *r, size_t count)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (r[i].ended)
            continue;
        if (r[i].cause != BOX_CAUSE_NONE)
            due = earliest(due, r[i].kill_again_mono_ns);
        else
            due = earliest(earliest(due, r[i].wall_deadline_mono_ns),
                           earliest(r[i].cpu_check_mono_ns, r[i].look_mono_ns));
    }
    return due;
}

/* ---- how it ended
 * ---------------------------------------------------------------------------------------------------
 */

/* The program has ended. With nothing else alive its numbers are final: the answer need not wait
 * for the namespaces' end. Files that are to be collected do wait: nothing of the cell may live
 * then. */
static int finish_early(struct running *r, struct err *e)
{
    bool alone;
    if (cell_hear(&r->cell, &r->end, &alone, e) < 0)
        return -1;
    r->heard = true;
    return alone && !r->keep ? keeper_conclude(r, e) : 0;
}

static int finish(struct running *r, struct err *e)
{
    return cell_reap(&r->cell, &r->end, e) < 0 ? -1 : keeper_conclude(r, e);
}

/* ---- the loop
 * --------------------------------------------------------------------------------------------------------
 */

/* One COMMAND and, once, what belongs to it: a flood would keep us at real-time priority, and hold
 * descriptors until we had none left to stop a program with. */
static bool is_next(const struct keeper *k, enum wire_type type, const struct wire_message *m)
{
    if (m->fd_count > BOX_FILES_MAX)
        return false;
    return type == WIRE_COMMAND ? k->pending_count == 0
                                : k->pending_count > 0 && k->pending[0].place_bytes == NULL;
}

/* What is to be run next, alone after one that runs alone. */
static int take_next(struct keeper *k, const struct running *r, size_t count, enum wire_type type,
                     struct wire_message *m, struct err *e)
{
    if (count != 1 || r->keep || !is_next(k, type, m))
        return err_input(e,
                         "wire: %s: one command may come while one runs whose files are not kept",
                         wire_type_name(type));
    keeper_take_pending(k, type, m);
    keeper_arm_beside(k);
    return 0;
}

static int take_message(struct keeper *k, struct running *r, size_t count, struct wire_message *m,
                        struct err *e)
{
    enum wire_type type;
    enum box_cause cause;
    uint8_t mask;
    if (wire_message_type(m, &type, e) < 0)
        return -1;
    if (type == WIRE_COMMAND || type == WIRE_PLACE)
        return take_next(k, r, count, type, m, e);
    if (type != WIRE_STOP)
        return err_input(e, "wire: %s: only STOP and the next command while one runs",
                         wire_type_name(type));
    if (wire_read_stop(m, &cause, &mask, e) < 0)
        return -1;
    if (++k->stop_count > STOPS_MAX)
        return err_input(e, "wire: STOP: more than %d in one run", (int)STOPS_MAX);
    for (size_t i = 0; i < count; i++)
        if ((mask >> i & 1) != 0)
            stop(&r[i], cause);
    return 0;
}

static int client_spoke(struct keeper *k, struct running *r, size_t count, int sock, struct err *e)
{
    struct wire_message m = { 0 };
    int result = wire_recv(sock, k->space->in, &m, e);
    if (result == 0 && m.len > 0) {
        result = take_message(k, r, count, &m, e);
    } else if (result == 0) {
        k->ending = true;
        for (size_t i = 0; i < count; i++)
            stop(&r[i], BOX_CAUSE_CANCEL);
    }
    keeper_let_go(k, &m);
    return result;
}

static void fill_polls(const struct keeper *k, const struct running *r, size_t count, int sock,
                       struct pollfd *p)
{
    p[0] = (struct pollfd){ .fd = k->ending ? -1 : sock, .events = POLLIN };
    p[1] = (struct pollfd){ .fd = k->ending ? -1 : k->signal_fd, .events = POLLIN };
    for (size_t i = 0; i < count; i++) {
        struct pollfd *q = p + FIXED_FDS + i * FDS_PER_CELL;
        const struct cell *c = &r[i].cell;
        bool quiet = r[i].ended || r[i].cause != BOX_CAUSE_NONE;
        q[0] = (struct pollfd){ .fd = r[i].ended ? -1 : c->pidfd, .events = POLLIN };
        q[1] = (struct pollfd){ .fd = quiet ? -1 : c->listener_fd, .events = POLLIN };
        q[2] = (struct pollfd){ .fd = quiet ? -1 : cgroup_event_fd(&c->group),
                                .events = cgroup_event_poll(&c->group) };
        q[3] = (struct pollfd){ .fd = quiet || r[i].heard ? -1 : c->init_sock, .events = POLLIN };
    }
}

static void take_notice(struct running *r, short revents)
{
    int nr;
    if ((revents & POLLIN) != 0 && filter_take_notice(r->cell.listener_fd, &nr) == 1) {
        if (r->cause == BOX_CAUSE_NONE)
            r->seccomp_syscall = nr;
        stop(r, BOX_CAUSE_SECCOMP);
    } else if ((revents & POLLHUP) != 0) {
        close_fd(&r->cell.listener_fd); /* all its processes are gone: would wake us for ever */
    }
}

static int serve_polls(struct keeper *k, struct running *r, size_t count, int sock,
                       const struct pollfd *p,
                       int (*told)(struct keeper *, struct running *, size_t, struct err *),
                       struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        const struct pollfd *q = p + FIXED_FDS + i * FDS_PER_CELL;
        if (q[1].revents != 0)
            take_notice(&r[i], q[1].revents);
        if (q[2].revents != 0 && cgroup_oom_happened(&r[i].cell.group))
            stop(&r[i], BOX_CAUSE_MEMORY);
        if (q[3].revents != 0 && q[0].revents == 0 && finish_early(&r[i], e) < 0)
            return -1;
        if (q[0].revents != 0 && finish(&r[i], e) < 0)
            return -1;
        if (r[i].ended && !r[i].told && told != NULL && told(k, r, i, e) < 0)
            return -1;
        r[i].told = r[i].ended;
    }
    if (p[1].revents != 0) {
        k->ending = true;
        for (size_t i = 0; i < count; i++)
            stop(&r[i], BOX_CAUSE_CANCEL);
    }
    return p[0].revents != 0 ? client_spoke(k, r, count, sock, e) : 0;
}

static size_t alive(const struct running *r, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += !r[i].ended;
    return n;
}

static int watch(struct keeper *k, struct running *r, size_t count, int client_sock,
                 int (*told)(struct keeper *, struct running *, size_t, struct err *),
                 struct err *e)
{
    struct pollfd polls[FIXED_FDS + FDS_PER_CELL * BOX_COMMANDS_MAX];
    while (alive(r, count) > 0) {
        fill_polls(k, r, count, client_sock, polls);
        int64_t wait_ns = next_due(r, count) - clock_mono_ns();
        wait_ns = wait_ns < 0 ? 0 : wait_ns;
        struct timespec ts = { wait_ns / NS_PER_S, wait_ns % NS_PER_S };
        if (ppoll(polls, FIXED_FDS + FDS_PER_CELL * count, &ts, NULL) < 0) {
            if (errno == EINTR)
                continue;
            return err_sys(e, "ppoll");
        }
        if (serve_polls(k, r, count, client_sock, polls, told, e) < 0)
            return -1;
        int64_t now = clock_mono_ns();
        for (size_t i = 0; i < count; i++)
            check_clocks(k, &r[i], now);
    }
    return 0;
}

int keeper_watch(struct keeper *k, struct running *r, size_t count, int client_sock,
                 int (*told)(struct keeper *, struct running *, size_t, struct err *),
                 struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        r[i].seccomp_syscall = -1;
        r[i].wall_deadline_mono_ns =
            r[i].cell.release_mono_ns + r[i].limits.wall_time_ms * NS_PER_MS;
        r[i].cpu_check_mono_ns =
            r[i].cell.release_mono_ns + r[i].limits.cpu_time_ms * NS_PER_MS / k->maker.cpu_count;
        plan_looks(&r[i]);
    }
    k->stop_count = 0;
    become_prompt(k);
    int result = watch(k, r, count, client_sock, told, e);
    become_ordinary(k);
    return result;
}

/* ---- a RUN
 * -----------------------------------------------------------------------------------------------------------
 */

static int send_outcome(struct keeper *k, struct running *r, size_t index, struct err *e)
{
    if (k->ending)
        return 0;
    wire_put_outcome(&k->space->out, (uint32_t)index, &r[index].outcome);
    return wire_send(k->options->sock, &k->space->out, NULL, 0, e);
}

static int release(struct keeper *k, struct running *r, size_t count, struct err *e)
{
    struct box_file files[BOX_FILES_MAX];
    for (size_t i = 0; i < count; i++) {
        struct cell_job job = keeper_job_of(k, i, files);
        if (cell_release(&r[i].cell, &job, &k->space->message, e) < 0)
            return err_wrap(e, "command %zu", i);
    }
    return 0;
}

/* All are armed before the first is released: joined commands start together, and nothing runs when
 * one cannot. */
static int arm(struct keeper *k, struct running *r, size_t count, struct err *e)
{
    struct cell *cells[BOX_COMMANDS_MAX] = { NULL };
    for (size_t i = 0; i < count; i++) {
        r[i].limits = k->pending[i].command.limits;
        r[i].keep = k->pending[i].command.keep_files;
        cells[i] = &r[i].cell;
    }
    return keeper_arm_pending(k, cells, e);
}

static void tell_board(const struct keeper *k, bool runs)
{
    if (k->options->board != NULL)
        board_set(k->options->board, k->options->slot, &k->maker.cpus, runs);
}

int keeper_run(struct keeper *k, struct err *e)
{
    struct running r[BOX_COMMANDS_MAX] = { 0 };
    size_t count = k->pending_count;
    for (size_t i = 0; i < count; i++)
        cell_init(&r[i].cell);
    int result = arm(k, r, count, e);
    tell_board(k, true);
    become_prompt(k); /* what it takes, the program need not wait for */
    k->runs = true;
    if (result == 0)
        result = release(k, r, count, e);
    keeper_forget_pending(k);
    if (result == 0) {
        keeper_ask_ahead(k);
        result = keeper_watch(k, r, count, k->options->sock, send_outcome, e);
    }
    become_ordinary(k);
    tell_board(k, false);
    if (result == 0)
        keeper_arm_idle(k); /* before what is used is removed */
    for (size_t i = 0; i < count; i++) {
        if (result == 0 && count == 1 && r[i].keep && !k->ending) {
            k->kept = r[i].cell;
            continue;
        }
        keeper_put_away(k, &r[i].cell, result < 0 ? -1 : r[i].outcome.memory_peak_bytes);
    }
    k->runs = false;
    keeper_let_go_held(k);
    return result;
}
