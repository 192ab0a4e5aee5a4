/*
 * supervisor.c - starts the slots, a process each, and starts them again when they die; the parent
 * process of minos-worker.
 *
 * Before the first slot: sweep what a crash left among the artifacts, find out which languages
 * there are. A slot that dies is started again at once, and after longer and longer pauses while it
 * keeps dying young. SIGTERM is passed on; slots finish or give back what they hold. When programs
 * of the host have changed, all slots are renewed.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/cores.h"
#include "sandbox/base/ready.h"
#include "schema/wake.h"
#include "worker/artifact.h"
#include "worker/events.h"
#include "worker/held.h"
#include "worker/host_mark.h"
#include "worker/settings.h"
#include "worker/worker.h"

enum {
    SLOTS_MAX = HELD_SLOTS_MAX,
    PAUSE_FIRST_MS = 50,
    PAUSE_MAX_MS = 10000,
    OLD_ENOUGH_MS = 10000,      /* who lived so long did not die young, ... */
    OLD_ENOUGH_KILLED_MS = 200, /* ... nor who was killed, or whose keeper was: it did not say
                                 * that it cannot work */
    STOP_MORE_MS = 3000,        /* beyond worker.stop_timeout_ms; then SIGKILL */
    FAILURES_MAX = 5,           /* before anything ever served: give up */
    HOST_LOOK_MS = 5000, /* so often; what changed is settled when the next look sees no more */
};

struct child {
    pid_t pid; /* 0: not running */
    int ready_fd;
    bool ready;
    int failures; /* young deaths in a row */
    int64_t started_mono_ns, restart_mono_ns;
};

struct supervisor {
    const struct worker *w;
    struct settings *settings; /* what w is of */
    struct child slots[SLOTS_MAX];
    size_t slot_count;
    struct held *held; /* a note each */
    int held_fd;
    int signal_fd;
    int ready_fd;             /* to whoever started us; -1: nobody */
    uint64_t host, host_seen; /* host_mark: that our slots have, and of the last look */
    int64_t host_look_mono_ns;
    bool served, stopping, failed;
    int64_t kill_mono_ns; /* while stopping: when to stop being polite */
};

static int count_slots(const struct conf *c, size_t *ret, struct err *e)
{
    struct cores cores;
    if (cores_read(CORES_SYS_DIR, c->box_smt, &cores, e) != 0)
        return -1;
    size_t count = c->worker_slots > 0 ? (size_t)c->worker_slots : cores_slots(&cores, c->box_cpus);
    *ret = count < SLOTS_MAX ? count : SLOTS_MAX;
    return 0;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* Between fork and exec: system calls only. */
static _Noreturn void become_slot(char *const *argv, char *const *envp, int ready_fd, int held_fd,
                                  pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || fcntl(ready_fd, F_SETFD, 0) != 0 ||
        fcntl(held_fd, F_SETFD, 0) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        _exit(WORKER_EXIT_FAILED);
    execve("/proc/self/exe", argv, envp);
    _exit(WORKER_EXIT_FAILED);
}

static void slot_argv(const struct worker *w, size_t number, int ready_fd, int held_fd,
                      struct text_list *argv)
{
    for (int i = 0; i < w->argc; i++)
        text_list_add(argv, w->argv[i]);
    text_list_take(argv, xasprintf("--slot=%zu", number));
    text_list_take(argv, xasprintf("--ready-fd=%d", ready_fd));
    text_list_take(argv, xasprintf("--held-fd=%d", held_fd));
}

static int start_slot(struct supervisor *s, size_t number, struct err *e)
{
    struct child *c = &s->slots[number];
    int pipe_fds[2];
    pid_t parent = getpid();
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return err_sys(e, "make a pipe");
    auto_list_ struct text_list argv = { 0 }, envp = { 0 };
    slot_argv(s->w, number, pipe_fds[1], s->held_fd, &argv);
    snapshot_arguments(&s->settings->snapshot, &argv);
    snapshot_environment(&s->settings->snapshot, &envp);
    pid_t pid = fork();
    if (pid == 0)
        become_slot(argv.items, envp.items, pipe_fds[1], s->held_fd, parent);
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        return err_sys(e, "start slot %zu", number);
    }
    c->pid = pid;
    c->ready_fd = pipe_fds[0];
    c->ready = false;
    c->started_mono_ns = clock_mono_ns();
    return 0;
}

static void start_due(struct supervisor *s)
{
    int64_t now = clock_mono_ns();
    for (size_t i = 0; i < s->slot_count && !s->stopping; i++) {
        struct child *c = &s->slots[i];
        struct err e;
        if (c->pid != 0 || c->restart_mono_ns > now)
            continue;
        if (start_slot(s, i, &e) != 0) {
            log_error(&s->w->log, "slot_not_started", &e);
            c->restart_mono_ns = now + PAUSE_MAX_MS * NS_PER_MS / 10;
        }
    }
}

/* ---- what happens to slots ------------------------------------------------------------------- */

/* What a dead slot held goes back into the queue now; its lease would take its time. */
static void give_back_held(const struct supervisor *s, struct held *held)
{
    const struct worker *w = s->w;
    struct store_options options = { .data_dir = w->conf.store_data_dir,
                                     .quotas = &w->conf.quotas };
    struct store *store = NULL;
    struct claim claim;
    struct err e;
    bool mine = false;
    held_work(held);
    if (!held_take(held, &claim))
        return;
    if (store_open(&options, &store, &e) != 0 ||
        queue_give_back(store, &claim, w->conf.worker_attempts, "the slot that judged it died",
                        &mine, &e) != 0)
        log_error(&w->log, "give_back_failed", &e); /* the lease will run out */
    store_close(store);
    wake_send(w->conf.store_data_dir, WAKE_QUEUE, "");
    wake_send(w->conf.store_data_dir, WAKE_PROGRESS, claim.id);
}

static void sweep_after(const struct supervisor *s, pid_t pid)
{
    const struct conf *c = &s->w->conf;
    struct artifact_cache *cache = NULL;
    struct err e;
    if (artifact_cache_open(c->store_data_dir, c->worker_artifact_cache_bytes, &cache, &e) != 0 ||
        artifact_sweep_slot(cache, pid, &e) != 0)
        log_error(&s->w->log, "sweep_failed", &e); /* the next start sweeps all */
    artifact_cache_close(cache);
}

static void slot_died(struct supervisor *s, size_t number, int status)
{
    struct child *c = &s->slots[number];
    int64_t now = clock_mono_ns();
    bool killed = WIFSIGNALED(status) ||
                  (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_EXIT_KEEPER_DIED);
    int64_t old_ms = killed ? OLD_ENOUGH_KILLED_MS : OLD_ENOUGH_MS;
    bool young = now - c->started_mono_ns < old_ms * NS_PER_MS;
    close_fd(&c->ready_fd);
    sweep_after(s, c->pid);
    c->pid = 0;
    give_back_held(s, &s->held[number]);
    if (s->stopping)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_EXIT_OK) { /* it made room, see reload */
        if (number == 0) /* whose groundwork was for other settings or another host */
            atomic_store(&s->held->groundwork_next, 0);
        c->restart_mono_ns = now;
        return;
    }
    c->failures = young ? c->failures + 1 : 1;
    int64_t pause_ms = PAUSE_FIRST_MS;
    for (int i = 1; i < c->failures && pause_ms < PAUSE_MAX_MS; i++)
        pause_ms *= 2;
    c->restart_mono_ns = now + (pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS) * NS_PER_MS;
    int signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    log_event(&s->w->log, LOG_WARN, "slot_died",
              "slot=%zu exit_code=%d signal=%d restart_ms=%" PRId64 "%s", number,
              WIFEXITED(status) ? WEXITSTATUS(status) : -1, signo, pause_ms, log_mend_of(signo));
    if (!s->served && c->failures >= FAILURES_MAX) {
        log_event(&s->w->log, LOG_ERROR, "no_slot_could_start", "failures=%d", c->failures);
        s->failed = true;
    }
}

static void reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t i = 0; i < s->slot_count; i++) {
            if (s->slots[i].pid == pid)
                slot_died(s, i, status);
        }
    }
}

static void slot_speaks(struct supervisor *s, size_t number)
{
    struct child *c = &s->slots[number];
    char text[128];
    ssize_t n = read(c->ready_fd, text, sizeof(text));
    close_fd(&c->ready_fd);
    if (n <= 0)
        return; /* it died, which SIGCHLD says as well */
    c->ready = true;
    if (s->served)
        return;
    s->served = true;
    auto_free_ char *detail =
        xasprintf("slots=%zu languages=%zu", s->slot_count, s->settings->available_count);
    log_event(&s->w->log, LOG_INFO, "ready", "%s", detail);
    ready_tell(s->ready_fd, detail);
}

static void signal_all(struct supervisor *s, int sig)
{
    for (size_t i = 0; i < s->slot_count; i++) {
        if (s->slots[i].pid != 0)
            kill(s->slots[i].pid, sig);
    }
}

static void begin_stopping(struct supervisor *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    int64_t within_ms = s->w->conf.worker_stop_timeout_ms + STOP_MORE_MS;
    s->kill_mono_ns = clock_mono_ns() + within_ms * NS_PER_MS;
    signal_all(s, SIGTERM);
}

static void log_languages(const struct supervisor *s)
{
    log_event(&s->w->log, LOG_INFO, "languages", "available=%zu known=%zu",
              s->settings->available_count, s->settings->language_count);
}

/* Slots make room one by one, each when what it judges has ended; those that come instead read the
 * new settings, also after a crash much later. What cannot be read changes nothing. */
static void reload(struct supervisor *s)
{
    auto_conf_change_ struct conf_change change = { 0 };
    struct err e;
    if (settings_reload(&s->settings, &change, &e) != 0) {
        conf_reload_refuse(&s->w->log, s->ready_fd, &e);
        return;
    }
    s->w = &s->settings->worker;
    auto_free_ char *detail = xasprintf("%zu of %zu languages are available",
                                        s->settings->available_count, s->settings->language_count);
    conf_reload_say(&s->w->log, s->ready_fd, &change, detail);
    log_languages(s);
    signal_all(s, SIGHUP);
}

/* Packages are not replaced in a moment, so a change counts once it has come to rest. Slots make
 * room one by one, as for a reload; their keepers' warm cells go with them. */
static void look_at_host(struct supervisor *s)
{
    struct err e;
    uint64_t now = host_mark(&s->w->conf);
    bool settled = now == s->host_seen;
    s->host_seen = now;
    s->host_look_mono_ns = clock_mono_ns() + HOST_LOOK_MS * NS_PER_MS;
    if (!settled || now == s->host)
        return;
    s->host = now;
    log_event(&s->w->log, LOG_INFO, "host_changed",
              "programs of the host or of an image have changed: slots are renewed");
    if (settings_renew(s->settings, &e) != 0)
        log_error(&s->w->log, "languages_kept", &e);
    else
        log_languages(s);
    signal_all(s, SIGHUP);
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP && !s->stopping)
            reload(s);
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            begin_stopping(s);
    }
    reap(s);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool any_running(const struct supervisor *s)
{
    for (size_t i = 0; i < s->slot_count; i++) {
        if (s->slots[i].pid != 0)
            return true;
    }
    return false;
}

static int64_t next_mono_ns(const struct supervisor *s)
{
    int64_t next = s->stopping ? s->kill_mono_ns : s->host_look_mono_ns;
    for (size_t i = 0; i < s->slot_count && !s->stopping; i++) {
        const struct child *c = &s->slots[i];
        if (c->pid == 0 && c->restart_mono_ns < next)
            next = c->restart_mono_ns;
    }
    return next;
}

static int poll_timeout_ms(const struct supervisor *s)
{
    int64_t next = next_mono_ns(s), now = clock_mono_ns();
    if (next == INT64_MAX)
        return -1;
    return next <= now ? 0 : (int)((next - now) / NS_PER_MS) + 1;
}

static void wait_events(struct supervisor *s)
{
    struct pollfd fds[SLOTS_MAX + 1] = { { .fd = s->signal_fd, .events = POLLIN } };
    for (size_t i = 0; i < s->slot_count; i++)
        fds[i + 1] = (struct pollfd){ .fd = s->slots[i].ready_fd, .events = POLLIN };
    if (poll(fds, s->slot_count + 1, poll_timeout_ms(s)) <= 0)
        return;
    for (size_t i = 0; i < s->slot_count; i++) {
        if (fds[i + 1].revents != 0)
            slot_speaks(s, i);
    }
    if (fds[0].revents != 0)
        take_signals(s);
}

static void run_loop(struct supervisor *s)
{
    while (!s->stopping || any_running(s)) {
        start_due(s);
        wait_events(s);
        if (!s->stopping && clock_mono_ns() >= s->host_look_mono_ns)
            look_at_host(s);
        if (s->failed)
            begin_stopping(s);
        if (s->stopping && clock_mono_ns() >= s->kill_mono_ns) {
            signal_all(s, SIGKILL);
            s->kill_mono_ns = INT64_MAX;
        }
    }
}

/* ---- before the first slot ------------------------------------------------------------------- */

static int sweep(const struct worker *w, struct err *e)
{
    struct artifact_cache *cache = NULL;
    if (artifact_cache_open(w->conf.store_data_dir, w->conf.worker_artifact_cache_bytes, &cache,
                            e) != 0)
        return -1;
    int rc = artifact_sweep(cache, e);
    artifact_cache_close(cache);
    return rc;
}

static int prepare(struct supervisor *s, struct err *e)
{
    sigset_t set;
    if (sweep(s->w, e) != 0 || held_make(&s->held, &s->held_fd, e) != 0)
        return -1;
    log_languages(s);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_sys(e, "block signals");
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    malloc_trim(0); /* what was needed once is given back */
    return s->signal_fd < 0 ? err_sys(e, "make a signalfd") : 0;
}

int supervisor_run(struct worker *w)
{
    struct settings *settings = NULL;
    struct err e;
    if (settings_open(w, &settings, &e) != 0) {
        log_error(&w->log, "worker_cannot_start", &e);
        return WORKER_EXIT_FAILED;
    }
    struct supervisor *s = xcalloc(1, sizeof(*s));
    *s = (struct supervisor){
        .w = &settings->worker,
        .settings = settings,
        .held_fd = -1,
        .signal_fd = -1,
        .ready_fd = w->ready_fd,
    };
    for (size_t i = 0; i < SLOTS_MAX; i++)
        s->slots[i].ready_fd = -1;
    int status = WORKER_EXIT_OK;
    s->host = s->host_seen = host_mark(&s->w->conf);
    ready_keep(s->ready_fd);
    if (count_slots(&s->w->conf, &s->slot_count, &e) != 0 || prepare(s, &e) != 0) {
        log_error(&w->log, "worker_cannot_start", &e);
        status = WORKER_EXIT_FAILED;
    } else {
        run_loop(s);
        status = s->failed ? WORKER_EXIT_FAILED : WORKER_EXIT_OK;
    }
    held_unmap(s->held);
    close_fd(&s->held_fd);
    close_fd(&s->signal_fd);
    close_fd(&s->ready_fd);
    settings_close(s->settings);
    free(s);
    return status;
}
