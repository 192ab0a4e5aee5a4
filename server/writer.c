/* writer.c - group commit: one thread, one store connection; minos-server. */
#include "server/writer.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "sandbox/base/clock.h"
#include "schema/wake.h"
#include "server/wallclock.h"

enum {
    BATCH_JOBS_MAX = 512,
    BATCH_BYTES_MAX = 32 << 20,
    PRUNE_EVERY_MS = 60000,  /* for a short retention more often: a tenth of it, ... */
    PRUNE_SOONEST_MS = 1000, /* ... but not more often than so */
    PRUNE_BACKLOG_MS = 100,  /* while there is more to delete */
    PROBE_EVERY_MS = 1000,   /* while the store cannot be written */
    STALE_MS = 5000,         /* a success so old says nothing about now */
    SLOW_MS = 400,           /* a commit that takes so long is told of, ... */
    SLOW_EVERY_MS = 60000,   /* ... so often at most */
};

struct writer {
    struct writer_options opt;
    struct store *store;
    struct quotas quotas; /* of keys without their own; the writer's thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t pushed;
    struct writer_job *first, **last;
    bool stopping, ended;
    struct writer_stats stats;
    struct err failure;        /* kind 0: the last commit succeeded */
    int64_t committed_mono_ns; /* the last success */
    bool asked;                /* somebody wants to know whether the store can be written */
    struct wallclock clock;
    int64_t slow_mono_ns; /* when a slow commit was told of; 0: never */
};

static void job_finish(struct writer_job *j, int rc, const struct err *e)
{
    j->rc = rc;
    if (rc != 0)
        j->err = *e;
}

static int commit(struct writer *w, struct err *e)
{
    int64_t from_ns = clock_mono_ns();
    int rc = store_commit(w->store, e);
    int64_t now_ns = clock_mono_ns(), took_ms = (now_ns - from_ns) / NS_PER_MS;
    if (rc == 0 && took_ms >= SLOW_MS &&
        (w->slow_mono_ns == 0 || now_ns - w->slow_mono_ns > SLOW_EVERY_MS * NS_PER_MS)) {
        w->slow_mono_ns = now_ns;
        log_event(
            w->opt.log, LOG_WARN, "store_slow",
            "commit_ms=%lld mend=\"each submission waits for the disk below %s: look for what "
            "else it is busy with, or move the data\"",
            (long long)took_ms, w->opt.data_dir);
    }
    return rc;
}

/* Apply `count` jobs in one transaction; -1, everything undone, when one of them or the commit
 * fails. */
static int apply_now(struct writer *w, struct writer_job *const *jobs, size_t count, struct err *e)
{
    if (store_begin(w->store, STORE_DURABLE, e) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->apply(jobs[i], w->store, e) != 0) {
            store_rollback(w->store);
            return -1;
        }
    }
    if (commit(w, e) != 0) {
        store_rollback(w->store);
        return -1;
    }
    return 0;
}

/* What a commit, or the try of one, says about the store. A refusal of ours says nothing. */
static void note_outcome(struct writer *w, int rc, const struct err *e)
{
    if (rc != 0 && e->kind != ERR_SYS)
        return;
    pthread_mutex_lock(&w->lock);
    bool was_well = w->failure.kind == 0;
    w->failure = rc != 0 ? *e : (struct err){ 0 };
    w->asked = false;
    if (rc == 0)
        w->committed_mono_ns = clock_mono_ns();
    pthread_mutex_unlock(&w->lock);
    if (rc != 0 && was_well)
        log_error(w->opt.log, "store_cannot_be_written", e);
    else if (rc == 0 && !was_well)
        log_event(w->opt.log, LOG_INFO, "store_can_be_written_again", "data=%s", w->opt.data_dir);
}

static int apply_all(struct writer *w, struct writer_job *const *jobs, size_t count, struct err *e)
{
    int rc = apply_now(w, jobs, count, e);
    note_outcome(w, rc, e);
    return rc;
}

static void probe(struct writer *w)
{
    struct err e;
    int rc = store_probe(w->store, &e);
    note_outcome(w, rc, &e);
}

bool writer_is_well(struct writer *w, struct err *ret_why)
{
    pthread_mutex_lock(&w->lock);
    bool well = w->failure.kind == 0;
    if (!well)
        *ret_why = w->failure;
    if (clock_mono_ns() - w->committed_mono_ns > STALE_MS * NS_PER_MS && !w->asked) {
        w->asked = true;
        pthread_cond_signal(&w->pushed);
    }
    pthread_mutex_unlock(&w->lock);
    return well;
}

static void apply_batch(struct writer *w, struct writer_job *const *jobs, size_t count)
{
    struct err e = { 0 };
    int rc = apply_all(w, jobs, count, &e);
    int64_t commits = 1;
    for (size_t i = 0; i < count; i++) {
        if (rc != 0 && count > 1) {
            int alone = apply_all(w, &jobs[i], 1, &e);
            job_finish(jobs[i], alone, &e);
            commits++;
        } else {
            job_finish(jobs[i], rc, &e);
        }
    }
    pthread_mutex_lock(&w->lock);
    w->stats.jobs += (int64_t)count;
    w->stats.commits += commits;
    pthread_mutex_unlock(&w->lock);
    bool feeds = false;
    for (size_t i = 0; i < count; i++) {
        feeds = feeds || (jobs[i]->feeds_queue && jobs[i]->rc == 0);
        jobs[i]->done(jobs[i]); /* first: it registers who waits for the result */
    }
    if (feeds)
        wake_tell(w->store, WAKE_QUEUE, "");
}

/* Under the lock: take the jobs of the next batch. */
static size_t take_batch(struct writer *w, struct writer_job *jobs[BATCH_JOBS_MAX])
{
    size_t count = 0;
    int64_t bytes = 0;
    while (w->first != NULL && count < BATCH_JOBS_MAX && bytes < BATCH_BYTES_MAX) {
        struct writer_job *j = w->first;
        w->first = j->next;
        if (w->first == NULL)
            w->last = &w->first;
        bytes += j->weight_bytes;
        jobs[count++] = j;
    }
    w->stats.waiting_count -= (int64_t)count;
    return count;
}

static void look_at_clock(struct writer *w)
{
    int64_t by_ms = wallclock_look(&w->clock);
    if (by_ms != 0)
        log_event(
            w->opt.log, LOG_WARN, "clock_was_set",
            "by_ms=%lld mend=\"see what sets this host's clock; nothing is deleted for its age "
            "for %lld minutes\"",
            (long long)by_ms, (long long)WALLCLOCK_HOLD_MS / 60000);
}

static int64_t prune_every_ms(const struct writer *w)
{
    int64_t tenth_ms = w->opt.retention_ms / 10;
    bool bounded =
        w->opt.keep.count_max > 0 || w->opt.keep.key_count_max > 0 || w->opt.keep.bytes_max > 0;
    if (bounded)
        return PRUNE_SOONEST_MS; /* what comes in pushes something out */
    if (w->opt.retention_ms == 0 || tenth_ms > PRUNE_EVERY_MS)
        return PRUNE_EVERY_MS;
    return tenth_ms > PRUNE_SOONEST_MS ? tenth_ms : PRUNE_SOONEST_MS;
}

/* Delete what is older than the retention, and bytes that nobody needs, a bounded piece at a time;
 * after how long to do so again. */
static int64_t prune(struct writer *w)
{
    struct err e;
    struct retention r = w->opt.keep;
    int64_t deleted = 0, keep_ms = w->opt.retention_ms;
    bool more = false;
    bool by_age = keep_ms != 0 && wallclock_trusted(&w->clock);
    r.before_unix_ms = by_age ? clock_unix_ms() - keep_ms : 0;
    if (store_retain(w->store, &r, &deleted, &more, &e) != 0)
        log_error(w->opt.log, "prune_failed", &e);
    else if (deleted > 0)
        log_event(w->opt.log, LOG_INFO, "pruned", "submissions=%lld", (long long)deleted);
    return more ? PRUNE_BACKLOG_MS : prune_every_ms(w);
}

/* Under the lock: wait for jobs until then; false when it is time to stop. */
static bool wait_for_jobs(struct writer *w, int64_t until_mono_ns)
{
    const struct timespec until = { until_mono_ns / NS_PER_S, until_mono_ns % NS_PER_S };
    while (w->first == NULL && !w->stopping && !w->asked)
        if (pthread_cond_timedwait(&w->pushed, &w->lock, &until) != 0)
            break;
    return w->first != NULL || !w->stopping;
}

static void *run(void *arg)
{
    struct writer *w = arg;
    struct writer_job *jobs[BATCH_JOBS_MAX];
    int64_t prune_mono_ns = clock_mono_ns();
    for (;;) {
        look_at_clock(w);
        if (clock_mono_ns() >= prune_mono_ns) {
            int64_t again_ms = prune(w);
            prune_mono_ns = clock_mono_ns() + again_ms * NS_PER_MS;
        }
        pthread_mutex_lock(&w->lock);
        int64_t probe_mono_ns = clock_mono_ns() + PROBE_EVERY_MS * NS_PER_MS;
        bool failing = w->failure.kind != 0;
        bool more = wait_for_jobs(w, failing && probe_mono_ns < prune_mono_ns ? probe_mono_ns
                                                                              : prune_mono_ns);
        size_t count = take_batch(w, jobs);
        bool try = count == 0 && (w->asked || failing);
        w->ended = !more;
        pthread_mutex_unlock(&w->lock);
        if (!more)
            return NULL;
        if (count > 0)
            apply_batch(w, jobs, count);
        else if (try)
            probe(w);
    }
}

int writer_new(const struct writer_options *opt, struct writer **ret, struct err *e)
{
    struct writer *w = xcalloc(1, sizeof *w);
    w->opt = *opt;
    w->quotas = *opt->quotas;
    w->last = &w->first;
    wallclock_init(&w->clock);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->pushed, &attr);
    pthread_condattr_destroy(&attr);
    const struct store_options so = { .data_dir = opt->data_dir,
                                      .queue_count_max = opt->queue_count_max,
                                      .queue_bytes_max = opt->queue_bytes_max,
                                      .quotas = opt->quotas };
    if (store_open(&so, &w->store, e) != 0 || queue_set_quotas(w->store, opt->quotas, e) != 0) {
        store_close(w->store);
        free(w);
        return -1;
    }
    int rc = pthread_create(&w->thread, NULL, run, w);
    if (rc != 0) {
        store_close(w->store);
        free(w);
        return err_set(e, ERR_SYS, rc, "start the writer thread");
    }
    *ret = w;
    return 0;
}

void writer_stop(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->pushed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
}

void writer_free(struct writer *w)
{
    if (w == NULL)
        return;
    store_close(w->store);
    pthread_cond_destroy(&w->pushed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void writer_push(struct writer *w, struct writer_job *j)
{
    j->next = NULL;
    pthread_mutex_lock(&w->lock);
    bool ended = w->ended;
    if (!ended) {
        *w->last = j;
        w->last = &j->next;
        w->stats.waiting_count++;
        pthread_cond_signal(&w->pushed);
    }
    pthread_mutex_unlock(&w->lock);
    if (ended) {
        j->rc = err_busy(&j->err, "the service is stopping");
        j->done(j);
    }
}

/* ---- quotas */

struct quotas_job {
    struct writer_job job; /* first: the writer hands it back */
    struct writer *w;
    const struct quotas *to;
    sem_t over;
};

static int quotas_apply(struct writer_job *j, struct store *s, struct err *e)
{
    return queue_set_quotas(s, ((struct quotas_job *)j)->to, e);
}

/* The rows are as they were after a failure, and so are the quotas then. */
static void quotas_done(struct writer_job *j)
{
    struct quotas_job *q = (struct quotas_job *)j;
    if (j->rc == 0)
        q->w->quotas = *q->to;
    else
        store_set_quotas(q->w->store, &q->w->quotas);
    sem_post(&q->over);
}

int writer_set_quotas(struct writer *w, const struct quotas *to, struct err *e)
{
    struct quotas_job q = {
        .job = { .apply = quotas_apply, .done = quotas_done, .feeds_queue = true }, .w = w, .to = to
    };
    sem_init(&q.over, 0, 0);
    writer_push(w, &q.job);
    while (sem_wait(&q.over) != 0)
        ;
    sem_destroy(&q.over);
    if (q.job.rc != 0)
        *e = q.job.err;
    return q.job.rc;
}

int writer_stage(const struct writer *w, const void *data, size_t len, struct blob *ret,
                 struct err *e)
{
    return blob_stage(w->store, data, len, ret, e);
}

struct writer_stats writer_stats(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct writer_stats s = w->stats;
    pthread_mutex_unlock(&w->lock);
    return s;
}
