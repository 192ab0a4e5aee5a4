/*
 * slot.c - one slot: claims a submission, judges it, and again; a process of its own.
 *
 * Sequential, without threads: one store connection, one keeper, one submission at a time. When the
 * keeper or the store fails in the middle, the submission is given back and the process ends; its
 * supervisor starts a new one, which shows that it can write the store and reach a keeper before it
 * claims anything, so that a broken host does not use up the attempts of the queue. What failed in
 * the middle for the host's sake (a full disk, no memory, no descriptor) does not count as an
 * attempt either, a bounded number of times.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/ready.h"
#include "schema/wake.h"
#include "worker/groundwork.h"
#include "worker/held.h"
#include "worker/isolation.h"
#include "worker/judge.h"
#include "worker/worker.h"

enum {
    TICK_MS = 1000,          /* how long a lost wake-up can delay a claim */
    OTHERS_MS = 2,           /* for slots that rest longer to take what there is */
    HOST_FAILURES_TIMES = 5, /* claims in all, as a multiple of the attempts that count */
    BOX_AWAIT_MS = 3000,     /* for a listener to be there */
    BOX_LOOK_MS = 20,
};

struct slot {
    const struct worker *w;
    char owner[64];
    struct language_set languages;
    struct store *store;
    struct artifact_cache *artifacts;
    struct events events;
    struct box *box;
    char *isolation_json;
    struct held *all, *held; /* all slots' notes, and ours */
    struct groundwork groundwork;
    bool does_groundwork;
    bool broken; /* must not claim again */
};

static void slot_close(struct slot *s)
{
    box_close(s->box);
    events_close(&s->events);
    artifact_cache_close(s->artifacts);
    store_close(s->store);
    language_set_done(&s->languages);
    held_work(s->held);
    held_unmap(s->all);
    free(s->isolation_json);
}

/* A claim put this one back, or ended it: its holder was lost and could not say so itself. */
static void moved(void *ctx, const char *id)
{
    const struct slot *s = ctx;
    wake_send(s->w->conf.store_data_dir, WAKE_PROGRESS, id);
}

/* A `minos-box listen` that was killed is soon started again; until then there is nobody to connect
 * to, which is not this slot's failure. */
static int open_box(struct slot *s, struct err *e)
{
    int64_t deadline_mono_ns = clock_mono_ns() + BOX_AWAIT_MS * NS_PER_MS;
    while (worker_open_box(s->w, &s->box, e) != 0) {
        bool absent = e->errnum == ECONNREFUSED || e->errnum == ENOENT;
        if (!absent || s->events.stopping || clock_mono_ns() >= deadline_mono_ns)
            return -1;
        events_wait(&s->events, -1, BOX_LOOK_MS);
    }
    return 0;
}

static int slot_open(struct slot *s, struct err *e)
{
    const struct conf *c = &s->w->conf;
    struct store_options options = { .data_dir = c->store_data_dir, .quotas = &c->quotas };
    snprintf(s->owner, sizeof(s->owner), "slot %" PRId64 " pid %d", s->w->slot, (int)getpid());
    if (held_map(s->w->held_fd, &s->all, e) != 0 ||
        events_open(c->store_data_dir, c->worker_stop_timeout_ms, &s->events, e) != 0 ||
        store_open(&options, &s->store, e) != 0 || store_probe(s->store, e) != 0 ||
        artifact_cache_open(c->store_data_dir, c->worker_artifact_cache_bytes, &s->artifacts, e) !=
            0 ||
        worker_languages(s->w, &s->languages, e) != 0 ||
        language_set_versions(&s->languages, s->store, e) != 0 || open_box(s, e) != 0)
        return -1;
    if (s->all != NULL)
        s->held = &s->all[s->w->slot];
    queue_on_moved(s->store, moved, s);
    s->isolation_json = isolation_text(box_proof(s->box));
    return 0;
}

/* What the host lacks, and no submission can bring about by itself. */
static bool host_lacks(int errnum)
{
    static const int lacks[] = {
        ENOSPC, EDQUOT, EIO, EROFS, ENOMEM, EAGAIN, EMFILE, ENFILE, ENOBUFS
    };
    for (size_t i = 0; i < ARRAY_COUNT(lacks); i++)
        if (errnum == lacks[i])
            return true;
    return false;
}

/* The fence counts all claims, so that one which does bring it about is not tried for ever. */
static int64_t attempts_allowed(const struct slot *s, const struct claim *c, const struct err *why)
{
    int64_t max = s->w->conf.worker_attempts;
    return host_lacks(why->errnum) && c->fence < max * HOST_FAILURES_TIMES ? QUEUE_UNCOUNTED : max;
}

/* The judge failed. What would fail again ends now; what need not is tried again. */
static void give_back(struct slot *s, const struct lease *lease, const struct err *why,
                      bool *ret_again)
{
    struct err e;
    bool mine = false;
    int rc;
    bool hopeless = why->kind == ERR_INPUT || why->kind == ERR_BUG;
    if (hopeless)
        rc = queue_finish(s->store, &lease->claim, VERDICT_INTERNAL_ERROR, why->msg,
                          s->isolation_json, &mine, &e);
    else
        rc = queue_give_back(s->store, &lease->claim, attempts_allowed(s, &lease->claim, why),
                             why->msg, &mine, &e);
    if (rc != 0)
        log_error(&s->w->log, "give_back_failed", &e); /* the lease will run out */
    *ret_again = !hopeless;
}

/* A stop is nobody's failure: it never ends the submission, whatever its number of attempts. */
static void hand_over(struct slot *s, const struct lease *lease)
{
    struct err e;
    bool mine = false;
    if (queue_give_back(s->store, &lease->claim, INT64_MAX, "the worker was stopped", &mine, &e) !=
        0)
        log_error(&s->w->log, "give_back_failed", &e);
}

static void judge_failed(struct slot *s, const struct lease *lease, const struct err *why)
{
    char quoted[LOG_QUOTE_BYTES];
    bool again = false;
    log_event(&s->w->log, LOG_ERROR, "judge_failed", "id=%s attempt=%" PRId64 " kind=%s error=%s",
              lease->claim.id, lease->claim.attempt, err_kind_name(why->kind),
              log_quote(why->msg, quoted));
    give_back(s, lease, why, &again);
    s->broken = why->kind == ERR_SYS;
    if (again)
        wake_send(s->w->conf.store_data_dir, WAKE_QUEUE, "");
    wake_send(s->w->conf.store_data_dir, WAKE_PROGRESS, lease->claim.id);
}

static void judge_claim(struct slot *s, const struct claim *claim)
{
    struct judge j = {
        .conf = &s->w->conf,
        .store = s->store,
        .box = s->box,
        .artifacts = s->artifacts,
        .languages = &s->languages,
        .isolation_json = s->isolation_json,
    };
    struct lease lease;
    struct err e;
    enum judge_end end = JUDGE_LOST;
    enum verdict verdict = VERDICT_NONE;
    int64_t from_ns = clock_mono_ns();
    lease_init(&lease, s->store, &s->events, claim, s->w->conf.worker_lease_ms);
    if (judge_submission(&j, &lease, &end, &verdict, &e) != 0) {
        judge_failed(s, &lease, &e);
        return;
    }
    switch (end) {
    case JUDGE_DONE:
        log_event(&s->w->log, LOG_INFO, "judged",
                  "id=%s slot=%" PRId64 " verdict=%s took_ms=%" PRId64, claim->id, s->w->slot,
                  verdict_name(verdict), (clock_mono_ns() - from_ns) / NS_PER_MS);
        break;
    case JUDGE_LOST:
        log_event(&s->w->log, LOG_INFO, "discarded", "id=%s slot=%" PRId64, claim->id, s->w->slot);
        break;
    case JUDGE_STOPPED:
        hand_over(s, &lease);
        wake_send(s->w->conf.store_data_dir, WAKE_QUEUE, "");
        log_event(&s->w->log, LOG_INFO, "given_back", "id=%s slot=%" PRId64, claim->id, s->w->slot);
        break;
    }
}

/* One slot does it for all. */
static void begin_groundwork(struct slot *s)
{
    const struct groundwork_tools tools = { .conf = &s->w->conf,
                                            .log = &s->w->log,
                                            .languages = &s->languages,
                                            .artifacts = s->artifacts,
                                            .box = s->box,
                                            .events = &s->events };
    groundwork_init(&s->groundwork, &tools, s->held != NULL ? &s->held->groundwork_next : NULL);
    s->does_groundwork = s->w->slot == 0 && s->w->conf.worker_groundwork;
}

static bool groundwork(struct slot *s)
{
    struct err e;
    if (!s->does_groundwork || !groundwork_left(&s->groundwork))
        return false;
    held_work(s->held);
    if (groundwork_step(&s->groundwork, &e) != 0) {
        log_error(&s->w->log, "groundwork_failed", &e);
        s->broken = true;
    }
    return true;
}

static void rest(struct slot *s)
{
    if (!groundwork(s))
        events_wait(&s->events, box_fd(s->box), TICK_MS);
}

/* What is claimed for a keeper that has ended meanwhile would lose an attempt. */
static bool keeper_waits(struct slot *s)
{
    struct err e;
    if (box_check(s->box, &e) == 0)
        return true;
    log_error(&s->w->log, "keeper_gone", &e);
    s->broken = true;
    return false;
}

/* Others have rested for longer and are woken, too: each takes one. */
static bool others_take_it(struct slot *s)
{
    struct err ignored;
    int64_t waiting_count = 0;
    size_t others = held_before(s->all, (size_t)s->w->slot);
    return others > 0 && queue_waiting(s->store, &waiting_count, &ignored) == 0 &&
           waiting_count <= (int64_t)others;
}

static void serve(struct slot *s)
{
    const struct conf *c = &s->w->conf;
    bool waited = false;
    while (!s->events.stopping && !s->events.retiring && !s->broken) {
        struct claim claim;
        struct err e;
        bool found = false;
        /* Wake-ups are taken before the look at the queue: one that comes after it wakes us. */
        events_take(&s->events, NULL);
        if (s->events.stopping || s->events.retiring || !keeper_waits(s))
            break;
        held_rest(s->held);
        if (!waited && others_take_it(s)) {
            waited = true;
            events_wait(&s->events, -1, OTHERS_MS);
            continue;
        }
        waited = false;
        if (queue_claim(s->store, s->owner, c->worker_lease_ms, c->worker_attempts, &claim, &found,
                        &e) != 0) {
            log_error(&s->w->log, "claim_failed", &e);
            events_wait(&s->events, -1, TICK_MS);
        } else if (found) {
            held_work(s->held);
            held_note(s->held, &claim);
            judge_claim(s, &claim);
            held_clear(s->held);
            if (s->does_groundwork && groundwork_overdue(&s->groundwork))
                (void)groundwork(s);
        } else {
            rest(s);
        }
    }
}

int slot_run(const struct worker *w)
{
    prctl(PR_SET_NAME, "minos-worker"); /* it was started as /proc/self/exe */
    struct slot s = { .w = w, .events = { .epoll_fd = -1, .signal_fd = -1, .timer_fd = -1 } };
    struct err e;
    if (slot_open(&s, &e) != 0) {
        log_error(&w->log, "slot_cannot_start", &e);
        slot_close(&s);
        return WORKER_EXIT_FAILED;
    }
    ready_tell(w->ready_fd, s.owner);
    if (w->ready_fd >= 0)
        close(w->ready_fd); /* nothing more to say */
    begin_groundwork(&s);
    malloc_trim(0); /* what reading the language files took */
    serve(&s);
    int status = !s.broken                ? WORKER_EXIT_OK
                 : box_keeper_died(s.box) ? WORKER_EXIT_KEEPER_DIED
                                          : WORKER_EXIT_FAILED;
    slot_close(&s);
    return status;
}
