/*
 * writer.h - the one thread that writes: it takes whatever jobs wait, applies them in one durable
 * transaction and answers them all after its commit. While one commit is on its way to the disk the
 * next jobs gather, so the cost of an fsync is shared by all that came meanwhile.
 *
 * One job's failure is not another's: when any job of a batch fails the batch is rolled back and
 * each is done again in a transaction of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/base/log.h"
#include "schema/store.h"

struct writer_job {
    /* Do it, in the writer's thread, within its transaction; may be called twice. */
    int (*apply)(struct writer_job *j, struct store *s, struct err *e);
    /* Called once, in the writer's thread, after commit or failure; the job may be gone after. */
    void (*done)(struct writer_job *j);
    bool feeds_queue;     /* workers are woken after the commit */
    int64_t weight_bytes; /* rough size, to keep batches bounded */
    int rc;               /* 0, or -1 with err */
    struct err err;
    struct writer_job *next;
};

struct writer_options {
    const char *data_dir;
    int64_t queue_count_max, queue_bytes_max, retention_ms;
    struct retention keep;       /* its before_unix_ms comes of retention_ms */
    const struct quotas *quotas; /* of keys without their own; borrowed for writer_new */
    const struct log *log;       /* borrowed */
};

struct writer;

must_check_ int writer_new(const struct writer_options *opt, struct writer **ret, struct err *e);
/* Finish what waits, then end the thread; jobs that come later fail at once with ERR_BUSY. */
void writer_stop(struct writer *w);
void writer_free(struct writer *w); /* after writer_stop; accepts NULL */

/* Hand over a job: it must live until its done is called. */
void writer_push(struct writer *w, struct writer_job *j);

/* blob_stage on the writer's store, in any thread: so that hashing, and writing and syncing large
 * bytes, happen before the job is pushed and hold up nobody else's. */
must_check_ int writer_stage(const struct writer *w, const void *data, size_t len, struct blob *ret,
                             struct err *e);

/* Other quotas for keys without their own, once the jobs before it are done; waits for it. On an
 * error the old ones stay. Not in the writer's thread. */
must_check_ int writer_set_quotas(struct writer *w, const struct quotas *q, struct err *e);

/* Whether what is handed over can be stored: false while the last commit failed for the host's sake
 * (the disk is full or fails), with the error. The writer then tries by itself once a second; when
 * nothing was written of late, asking lets it try, for the next one who asks. Any thread. */
bool writer_is_well(struct writer *w, struct err *ret_why);

struct writer_stats {
    int64_t jobs, commits; /* since the start */
    int64_t waiting_count;
};
struct writer_stats writer_stats(struct writer *w);
