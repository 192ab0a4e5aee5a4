/* admit.c - what queue_accept refuses: repeats, a queue that is full, keys that may not; server. */
#include <string.h>

#include "sandbox/base/clock.h"
#include "schema/inner.h"

enum {
    PRIORITY_MOST = 100,
    FULL_RETRY_MS = 5000, /* places come free as slots go on; nobody knows how soon */
};

/* A submission of this key with this idempotency key: its id, or "". */
static int find_repeat(struct store *s, const struct submission *sub,
                       char ret_existing[STORE_ID_BYTES], struct err *e)
{
    ret_existing[0] = '\0';
    if (sub->idempotency_key == NULL)
        return 0;
    auto_stmt_ struct stmt *q = sql_use(s, "SELECT id, request_sha256 FROM submission "
                                           "WHERE key_id = ? AND idempotency_key = ?");
    sql_bind_int(q, sub->key_id);
    sql_bind_text(q, sub->idempotency_key);
    bool found = false;
    if (sql_row(q, &found, e) < 0)
        return -1;
    if (!found)
        return 0;
    char id[STORE_ID_BYTES];
    size_t len = 0;
    sql_id(q, id);
    const void *sha256 = sql_bytes(q, &len);
    if (len != STORE_SHA256_BYTES || memcmp(sha256, sub->request_sha256, len) != 0)
        return err_input(e, "idempotency_key: was used for another request, submission %s", id);
    memcpy(ret_existing, id, STORE_ID_BYTES);
    return 0;
}

int64_t admit_bytes(const struct submission *sub)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < sub->file_count; i++)
        bytes += sub->files[i].content.bytes;
    for (size_t i = 0; i < sub->test_count; i++)
        bytes += sub->tests[i].stdin_blob.bytes + sub->tests[i].expected_output.bytes;
    return bytes;
}

static int check_room(struct store *s, struct submission *sub, struct err *e)
{
    int64_t queued_count = 0, queued_bytes = 0;
    if (counter_get(s, COUNTER_QUEUED, &queued_count, e) < 0 ||
        counter_get(s, COUNTER_QUEUED_BYTES, &queued_bytes, e) < 0)
        return -1;
    sub->retry_ms = FULL_RETRY_MS;
    if (s->queue_count_max > 0 && queued_count >= s->queue_count_max)
        return err_busy(e, "the queue is full: %lld submissions are waiting",
                        (long long)queued_count);
    if (s->queue_bytes_max > 0 && queued_count > 0 &&
        queued_bytes + admit_bytes(sub) > s->queue_bytes_max)
        return err_busy(e, "the queue is full: %lld bytes are waiting, and %lld may",
                        (long long)queued_bytes, (long long)s->queue_bytes_max);
    return 0;
}

static int refuse(struct submission *sub, enum quota quota, int64_t used, int64_t most,
                  int64_t retry_ms, struct err *e)
{
    sub->refused = quota;
    sub->retry_ms = retry_ms;
    return err_busy(e, "the key's %s is %lld, and %lld are used", quotas_name(quota),
                    (long long)most, (long long)used);
}

static int check_quotas(struct store *s, struct submission *sub, struct err *e)
{
    struct quotas q;
    struct use u;
    int64_t now_unix_ms = clock_unix_ms(), bytes = admit_bytes(sub);
    if (line_quotas(s, sub->key_id, &q, e) < 0 || line_load(s, sub->key_id, &u, e) < 0)
        return -1;
    int64_t cpu_wait_ms = line_cpu_wait_ms(&u, q.cpu_seconds_per_hour, now_unix_ms);
    if (sub->priority > q.priority_max)
        return err_input(e, "priority: this key may ask for %lld at most (priority_max), got %lld",
                         (long long)q.priority_max, (long long)sub->priority);
    if (q.queued_count > 0 && u.queued_count >= q.queued_count)
        return refuse(sub, QUOTA_QUEUED_COUNT, u.queued_count, q.queued_count, FULL_RETRY_MS, e);
    if (q.queued_bytes > 0 && u.queued_count > 0 && u.queued_bytes + bytes > q.queued_bytes)
        return refuse(sub, QUOTA_QUEUED_BYTES, u.queued_bytes, q.queued_bytes, FULL_RETRY_MS, e);
    if (cpu_wait_ms > 0)
        return refuse(sub, QUOTA_CPU_SECONDS_PER_HOUR, line_cpu_ns(&u, now_unix_ms) / NS_PER_S,
                      q.cpu_seconds_per_hour, cpu_wait_ms, e);
    return 0;
}

static int check_request(const struct submission *sub, struct err *e)
{
    if (!store_id_valid(sub->id))
        return err_bug(e, "a submission without an id");
    if (sub->language == NULL || sub->file_count == 0 || sub->test_count == 0)
        return err_bug(e, "a submission without a language, a file or a test");
    if (sub->priority < -PRIORITY_MOST || sub->priority > PRIORITY_MOST)
        return err_input(e, "priority: expected %d to %d, got %lld", -PRIORITY_MOST, PRIORITY_MOST,
                         (long long)sub->priority);
    return 0;
}

int queue_admit(struct store *s, struct submission *sub, char ret_existing[STORE_ID_BYTES],
                struct err *e)
{
    sub->admitted = false;
    sub->refused = QUOTA_NONE;
    if (check_request(sub, e) < 0 || find_repeat(s, sub, ret_existing, e) < 0)
        return -1;
    if (ret_existing[0] != '\0')
        return 0;
    if (check_room(s, sub, e) < 0 || check_quotas(s, sub, e) < 0)
        return -1;
    sub->admitted = true;
    return 0;
}
