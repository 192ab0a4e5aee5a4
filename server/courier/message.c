/* message.c - what a callback says, and its signature; minos-courier, the process that reads the
 * store. */
#include "server/courier/message.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include <nettle/hmac.h>

#include "sandbox/base/clock.h"
#include "server/base64.h"
#include "server/encode.h"

static const char data_members[] = "id,status,verdict,message,language,created_at,started_at,"
                                   "finished_at,attempts,priority,metadata,test_count,usage,links";

int message_body(struct store *s, const char *id, struct buf *b, bool *ret_found, struct err *e)
{
    struct submission_report report = { 0 };
    struct fields only;
    char bad[FIELDS_NAME_BYTES];
    auto_buf_ struct buf data = { 0 };
    bool parsed = fields_parse(data_members, &only, bad);
    assert(parsed);
    (void)parsed;
    if (report_load(s, id, &report, ret_found, e) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    int rc = encode_report(s, &report, &only, &data, e);
    struct jsonw w;
    jsonw_init(&w, b, NULL);
    jsonw_object(&w, NULL);
    bool cancelled = report.sub.state == SUBMISSION_CANCELLED;
    jsonw_text(&w, "type", cancelled ? "submission.cancelled" : "submission.done");
    jsonw_instant(&w, "timestamp", report.sub.finished_unix_ms);
    if (rc == 0)
        data.data[data.len - 1] = '\0'; /* its newline */
    jsonw_raw(&w, "data", rc == 0 ? data.data : NULL);
    jsonw_end_object(&w);
    report_done(&report);
    return rc;
}

static void sign(const uint8_t *secret, const struct buf *content, struct buf *b)
{
    struct hmac_sha256_ctx hmac;
    uint8_t mac[SHA256_DIGEST_SIZE];
    hmac_sha256_set_key(&hmac, CALLBACK_SECRET_BYTES, secret);
    hmac_sha256_update(&hmac, content->len, (const uint8_t *)content->data);
    hmac_sha256_digest(&hmac, sizeof mac, mac);
    explicit_bzero(&hmac, sizeof hmac);
    buf_puts(b, "v1,");
    base64_encode(b, mac, sizeof mac);
}

void message_headers(const struct callback_secrets *secrets, const char *id, int64_t now_unix_ms,
                     const char *body, size_t body_len, struct buf *b)
{
    auto_buf_ struct buf content = { 0 };
    int64_t now_unix_s = now_unix_ms / 1000;
    struct err ignored; /* a buffer without ceiling does not refuse */
    buf_printf(&content, "msg_%s.%" PRId64 ".", id, now_unix_s);
    (void)!buf_add(&content, body, body_len, &ignored);
    buf_printf(b, "webhook-id: msg_%s\nwebhook-timestamp: %" PRId64 "\nwebhook-signature: ", id,
               now_unix_s);
    sign(secrets->current, &content, b);
    if (secrets->previous_end_unix_ms > now_unix_ms) {
        buf_puts(b, " ");
        sign(secrets->previous, &content, b);
    }
    buf_puts(b, "\n");
}
