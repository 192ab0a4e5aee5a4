/* fake.c - what stands in for threads and sockets in a server that is fuzzed; see fake.h. */
#include "tests/fuzz/fake.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "sandbox/base/clock.h"
#include "server/slow.h"

enum { RESUMES_MAX = 4, STREAM_BLOCK_BYTES = 16384 };

/* One process has one of them, as libmicrohttpd calls back into the one program it is part of. */
static struct {
    struct store *store;
    bool writing;
    MHD_AccessHandlerCallback ask;
    void *ask_ctx;
    MHD_RequestCompletedCallback completed;
    void *completed_ctx;
    size_t (*unescape)(void *ctx, struct MHD_Connection *c, char *text);
    void *unescape_ctx;
} fake;

void fake_use(struct store *s)
{
    fake.store = s;
}

void fake_forget(void)
{
    if (fake.writing)
        store_rollback(fake.store);
    fake.writing = false;
}

/* --- libmicrohttpd: what the server asks it --------------------------------------------------- */

const char *MHD_lookup_connection_value(struct MHD_Connection *c, enum MHD_ValueKind kind,
                                        const char *name)
{
    for (size_t i = 0; i < c->pair_count; i++)
        if (c->pairs[i].kind == kind && strcasecmp(c->pairs[i].name, name) == 0)
            return c->pairs[i].value;
    return NULL;
}

int MHD_get_connection_values(struct MHD_Connection *c, enum MHD_ValueKind kind,
                              MHD_KeyValueIterator each, void *ctx)
{
    int count = 0;
    for (size_t i = 0; i < c->pair_count; i++) {
        if (c->pairs[i].kind != kind)
            continue;
        count++;
        if (each != NULL && each(ctx, kind, c->pairs[i].name, c->pairs[i].value) != MHD_YES)
            break;
    }
    return count;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *c,
                                                        enum MHD_ConnectionInfoType what, ...)
{
    static union MHD_ConnectionInfo info;
    if (what == MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
        info.header_size = c->head_bytes;
    else if (what == MHD_CONNECTION_INFO_CLIENT_ADDRESS)
        info.client_addr = (struct sockaddr *)(uintptr_t)c->peer;
    else
        return NULL;
    return &info;
}

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *d, enum MHD_DaemonInfoType what,
                                                ...)
{
    (void)d, (void)what;
    return NULL;
}

void MHD_suspend_connection(struct MHD_Connection *c)
{
    c->suspended++;
}

void MHD_resume_connection(struct MHD_Connection *c)
{
    c->suspended--;
}

/* --- libmicrohttpd: answers ------------------------------------------------------------------- */

static struct MHD_Response *response_new(char *body, size_t len)
{
    struct MHD_Response *r = xcalloc(1, sizeof *r);
    *r = (struct MHD_Response){ .users = 1, .body = { .data = body, .len = len } };
    return r;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *buffer,
                                                     enum MHD_ResponseMemoryMode mode)
{
    assert(mode == MHD_RESPMEM_MUST_FREE);
    return response_new(buffer, size);
}

struct MHD_Response *MHD_create_response_from_fd64(uint64_t size, int fd)
{
    char *body = xmalloc(size + 1);
    ssize_t n = pread(fd, body, size, 0);
    assert(n >= 0 && (uint64_t)n == size);
    close(fd);
    return response_new(body, size);
}

struct MHD_Response *MHD_create_response_from_callback(uint64_t size, size_t block,
                                                       MHD_ContentReaderCallback reader, void *ctx,
                                                       MHD_ContentReaderFreeCallback drop)
{
    struct MHD_Response *r = response_new(NULL, 0);
    (void)size, (void)block;
    r->read = reader;
    r->drop = drop;
    r->stream = ctx;
    return r;
}

/* All of it: the hub has told it that the service stops, so it ends. */
static void read_stream(struct MHD_Response *r)
{
    char block[STREAM_BLOCK_BYTES];
    struct err e;
    ssize_t n = 0;
    while ((n = r->read(r->stream, r->body.len, block, sizeof block)) > 0) {
        int added = buf_add(&r->body, block, (size_t)n, &e);
        assert(added == 0);
    }
    assert(n == MHD_CONTENT_READER_END_OF_STREAM);
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *r, const char *name, const char *value)
{
    assert(r->header_count < FAKE_HEADERS_MAX);
    r->headers[r->header_count].name = xstrdup(name);
    r->headers[r->header_count++].value = xstrdup(value);
    return MHD_YES;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *c, unsigned status,
                                   struct MHD_Response *r)
{
    assert(c->status == 0 && c->suspended == 0);
    c->status = status;
    c->response = r;
    r->users++;
    if (r->read != NULL)
        read_stream(r);
    return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *r)
{
    if (--r->users > 0)
        return;
    if (r->drop != NULL)
        r->drop(r->stream);
    for (size_t i = 0; i < r->header_count; i++) {
        free(r->headers[i].name);
        free(r->headers[i].value);
    }
    buf_done(&r->body);
    free(r);
}

/* --- libmicrohttpd: the daemon ---------------------------------------------------------------- */

static void take_option(const struct MHD_OptionItem *item)
{
    if (item->option == MHD_OPTION_NOTIFY_COMPLETED) {
        fake.completed = (MHD_RequestCompletedCallback)item->value;
        fake.completed_ctx = item->ptr_value;
    } else if (item->option == MHD_OPTION_UNESCAPE_CALLBACK) {
        fake.unescape = (size_t(*)(void *, struct MHD_Connection *, char *))item->value;
        fake.unescape_ctx = item->ptr_value;
    }
}

void fake_unescape(char *text)
{
    size_t len = fake.unescape(fake.unescape_ctx, NULL, text);
    assert(strlen(text) == len);
}

struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accepts,
                                    void *accepts_ctx, MHD_AccessHandlerCallback ask, void *ask_ctx,
                                    ...)
{
    static char daemon;
    va_list ap;
    (void)flags, (void)port, (void)accepts, (void)accepts_ctx;
    fake.ask = ask;
    fake.ask_ctx = ask_ctx;
    va_start(ap, ask_ctx);
    for (int option = va_arg(ap, int); option != MHD_OPTION_END; option = va_arg(ap, int)) {
        const struct MHD_OptionItem *item = va_arg(ap, void *);
        if (option == MHD_OPTION_EXTERNAL_LOGGER)
            (void)va_arg(ap, void *);
        for (; option == MHD_OPTION_ARRAY && item->option != MHD_OPTION_END; item++)
            take_option(item);
    }
    va_end(ap);
    assert(fake.completed != NULL && fake.unescape != NULL);
    return (struct MHD_Daemon *)&daemon;
}

int MHD_quiesce_daemon(struct MHD_Daemon *d)
{
    (void)d;
    return -1;
}

void MHD_stop_daemon(struct MHD_Daemon *d)
{
    (void)d;
}

static void ask_once(struct MHD_Connection *c, const char *method, const char *url,
                     const char *body, size_t *len, void **state)
{
    enum MHD_Result r =
        fake.ask(fake.ask_ctx, c, url, method, MHD_HTTP_VERSION_1_1, body, len, state);
    assert(r == MHD_YES && c->suspended == 0);
}

void fake_ask(struct MHD_Connection *c, const char *method, const char *url, const char *body,
              size_t len, size_t piece)
{
    void *state = NULL;
    size_t none = 0;
    ask_once(c, method, url, NULL, &none, &state);
    for (size_t at = 0; c->status == 0 && at < len;) {
        size_t n = len - at < piece ? len - at : piece, left = n;
        ask_once(c, method, url, body + at, &left, &state);
        assert(left == 0);
        at += n;
    }
    for (int i = 0; c->status == 0 && i < RESUMES_MAX; i++)
        ask_once(c, method, url, NULL, &none, &state);
    assert(c->status != 0);
    fake.completed(fake.completed_ctx, c, &state, MHD_REQUEST_TERMINATED_COMPLETED_OK);
    assert(state == NULL);
}

void fake_end(struct MHD_Connection *c)
{
    if (c->response != NULL)
        MHD_destroy_response(c->response);
    c->response = NULL;
}

const char *fake_header(const struct MHD_Connection *c, const char *name)
{
    for (size_t i = 0; i < c->response->header_count; i++)
        if (strcasecmp(c->response->headers[i].name, name) == 0)
            return c->response->headers[i].value;
    return NULL;
}

/* --- connections that are slow: none -----------------------------------------------------------
 */

int slow_new(int64_t limit_ms, int64_t connections_max, struct slow **ret, struct err *e)
{
    (void)limit_ms, (void)connections_max, (void)e;
    *ret = NULL;
    return 0;
}

void slow_free(struct slow *s)
{
    (void)s;
}

void slow_notify(void *slow, struct MHD_Connection *conn, void **socket_context,
                 enum MHD_ConnectionNotificationCode code)
{
    (void)slow, (void)conn, (void)socket_context, (void)code;
}

void slow_reply(struct slow *s, struct MHD_Connection *conn, int64_t limit_ms)
{
    (void)s, (void)conn, (void)limit_ms;
}

int64_t slow_count(struct slow *s)
{
    (void)s;
    return 1;
}

void slow_begin(struct slow *s, struct MHD_Connection *conn)
{
    (void)s, (void)conn;
}

void slow_end(struct slow *s, struct MHD_Connection *conn)
{
    (void)s, (void)conn;
}

/* --- other threads: the caller ------------------------------------------------------------------
 */

void writer_push(struct writer *w, struct writer_job *j)
{
    (void)w;
    struct err e;
    int r = fake.writing ? 0 : store_begin(fake.store, STORE_RELAXED, &e);
    assert(r == 0);
    fake.writing = true;
    j->rc = j->apply(j, fake.store, &j->err);
    if (j->rc != 0)
        fake_forget();
    j->done(j);
}

int writer_stage(const struct writer *w, const void *data, size_t len, struct blob *ret,
                 struct err *e)
{
    (void)w;
    return blob_stage(fake.store, data, len, ret, e);
}

bool writer_is_well(struct writer *w, struct err *ret_why)
{
    (void)w, (void)ret_why;
    return true;
}

struct writer_stats writer_stats(struct writer *w)
{
    (void)w;
    return (struct writer_stats){ 0 };
}

void offload_push(struct offload *o, struct offload_task *t)
{
    (void)o;
    t->run(t);
}

bool hub_is_final(enum submission_state s)
{
    return s == SUBMISSION_DONE || s == SUBMISSION_CANCELLED;
}

/* Tell it what the store has, and then that the service stops. */
void hub_add(struct hub *h, struct hub_node *n)
{
    struct submission_status status = { 0 };
    struct hub_view v = { .store = fake.store, .changed = true };
    struct err e;
    (void)h;
    int r = submission_status(fake.store, n->id, &status, &v.found, &e);
    assert(r == 0);
    v.state = status.state;
    v.now_mono_ns = clock_mono_ns();
    if (!n->tell(n, &v))
        return;
    v.stopping = true;
    bool kept = n->tell(n, &v);
    assert(!kept);
}

int readers_take(struct readers *r, struct store **ret, struct err *e)
{
    (void)r, (void)e;
    *ret = fake.store;
    return 0;
}

void readers_give(struct readers *r, struct store *s)
{
    (void)r, (void)s;
}
