/* keys.c - making, listing, changing and revoking API keys; minos-server. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"
#include "schema/wake.h"
#include "server/decode.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/walk.h"

static const struct {
    const char *name;
    unsigned bit;
} scopes[] = { { "submit", KEY_SUBMIT }, { "read", KEY_READ }, { "admin", KEY_ADMIN } };

/* Its own quotas; null: the configuration's default. */
static void write_quotas(struct jsonw *w, const struct quotas *q)
{
    jsonw_object(w, "quotas");
    for (size_t i = 0; i < quotas_count; i++) {
        int64_t v = quotas_get(q, &quotas_table[i]);
        if (v == QUOTA_UNSET)
            jsonw_raw(w, quotas_table[i].name, "null");
        else
            jsonw_int(w, quotas_table[i].name, v);
    }
    jsonw_end_object(w);
}

static void write_use(struct jsonw *w, const struct key_use *u)
{
    jsonw_object(w, "use");
    jsonw_int(w, "queued_count", u->queued_count);
    jsonw_int(w, "queued_bytes", u->queued_bytes);
    jsonw_int(w, "running_count", u->running_count);
    jsonw_int(w, "cpu_seconds_last_hour", u->cpu_hour_ns / NS_PER_S);
    jsonw_int(w, "cpu_seconds_total", u->cpu_total_ns / NS_PER_S);
    jsonw_end_object(w);
}

/* `use` and `secret` may be NULL. */
static void write_key(struct jsonw *w, const struct api_key *k, const struct key_use *use,
                      const char *secret)
{
    jsonw_object(w, NULL);
    jsonw_int(w, "id", k->id);
    jsonw_text(w, "name", k->name);
    jsonw_array(w, "scopes");
    for (size_t i = 0; i < ARRAY_COUNT(scopes); i++)
        if ((k->scopes & scopes[i].bit) != 0)
            jsonw_text(w, NULL, scopes[i].name);
    jsonw_end_array(w);
    jsonw_instant(w, "created_at", k->created_unix_ms);
    jsonw_instant(w, "revoked_at", k->revoked_unix_ms);
    write_quotas(w, &k->quotas);
    if (use != NULL)
        write_use(w, use);
    if (secret != NULL)
        jsonw_text(w, "key", secret);
    jsonw_end_object(w);
}

/* One change to the keys, on its way through the writer. */
struct change {
    struct writer_job job;
    struct request *request;
    char *name; /* to change: NULL as it is */
    unsigned scopes;
    struct quotas quotas;
    bool named[QUOTA_END]; /* to change: these quotas, the others stay */
    struct api_key key;
    struct key_use use;
    char *secret;
    int64_t id;
    bool found, last;
};

static void change_free(void *p)
{
    struct change *c = p;
    free(c->name);
    if (c->secret != NULL) {
        explicit_bzero(c->secret, strlen(c->secret));
        free(c->secret);
    }
    api_key_done(&c->key);
    free(c);
}

static void done(struct writer_job *j)
{
    request_resume(((struct change *)j)->request);
}

static struct change *start(struct request *r,
                            int (*apply)(struct writer_job *, struct store *, struct err *))
{
    struct change *c = xcalloc(1, sizeof *c);
    r->state = c;
    r->state_free = change_free;
    c->request = r;
    c->job = (struct writer_job){ .apply = apply, .done = done };
    return c;
}

struct raw_key {
    const char *name;
    json_t *scopes, *quotas;
};

static const struct walk_row key_rows[] = {
    { "name", WALK_TEXT, offsetof(struct raw_key, name), 1, DECODE_NAME_MAX },
    { "quotas", WALK_OBJECT, offsetof(struct raw_key, quotas), 0, 0 },
    { "scopes", WALK_STRINGS, offsetof(struct raw_key, scopes), 1, ARRAY_COUNT(scopes) },
};
enum { ROWS_TO_SET = 2 }; /* of them, those that can be changed later */

/* {"queued_count": 100, "cpu_seconds_per_hour": null}: null is the configuration's default. */
static void read_quotas(struct problem *p, json_t *object, struct change *c)
{
    const char *name = NULL;
    json_t *v = NULL;
    char path[WALK_PATH_BYTES];
    json_object_foreach(object, name, v)
    {
        const struct quota_row *row = quotas_find(name);
        walk_join(path, "quotas", name);
        if (row == NULL) {
            walk_fault(p, path, v, "no such quota; see /v1/limits");
            continue;
        }
        int64_t *field = quotas_at(&c->quotas, row);
        *field = QUOTA_UNSET;
        c->named[row->id] = true;
        if (!json_is_null(v))
            (void)walk_integer(p, v, path, row->min, row->max, field);
    }
}

static unsigned read_scopes(struct problem *p, const json_t *list)
{
    unsigned bits = 0;
    if (list == NULL)
        return KEY_SUBMIT | KEY_READ;
    for (size_t n = 0; n < json_array_size(list); n++) {
        const json_t *v = json_array_get(list, n);
        size_t i = 0;
        while (i < ARRAY_COUNT(scopes) && strcmp(scopes[i].name, json_string_value(v)) != 0)
            i++;
        if (i == ARRAY_COUNT(scopes))
            walk_fault(p, "scopes", v, "one of: submit, read, admin");
        else
            bits |= scopes[i].bit;
    }
    return bits;
}

static int apply_new(struct writer_job *j, struct store *s, struct err *e)
{
    struct change *c = (struct change *)j;
    api_key_done(&c->key); /* of a first try that was rolled back */
    free(take_ptr(&c->secret));
    c->key = (struct api_key){ 0 };
    return key_new(s, c->name, c->scopes, &c->quotas, &c->key, &c->secret, e);
}

static void reply_new(struct request *r)
{
    const struct change *c = r->state;
    if (c->job.rc != 0) {
        request_error(r, &c->job.err);
        return;
    }
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    write_key(&w, &c->key, NULL, c->secret);
    buf_puts(&r->reply.body, "\n");
    request_header(r, "Location", xasprintf("/v1/keys/%" PRId64, c->key.id));
    request_reply(r, 201, REQUEST_JSON);
}

/* Read the body's first `row_count` members into a change; NULL: the reply is a problem. */
static struct change *read_change(struct request *r, size_t row_count, bool needs_name,
                                  int (*apply)(struct writer_job *, struct store *, struct err *))
{
    json_t *root = decode_parse(buf_text(&r->body), r->body.len, &r->problem);
    struct change *c = start(r, apply);
    struct raw_key raw = { 0 };
    c->quotas = quotas_unset();
    if (root != NULL) {
        walk_object(&r->problem, root, "", key_rows, row_count, &raw);
        c->scopes = read_scopes(&r->problem, raw.scopes);
        read_quotas(&r->problem, raw.quotas, c);
        const json_t *name = json_object_get(root, "name");
        if (needs_name && (name == NULL || json_is_null(name)))
            problem_fault(&r->problem, "name", NULL, "a name for the key");
    }
    c->name = raw.name != NULL ? xstrdup(raw.name) : NULL;
    json_decref(root);
    if (r->problem.id == PROBLEM_NONE)
        return c;
    request_problem(r);
    return NULL;
}

void keys_new(struct request *r)
{
    struct change *c = read_change(r, ARRAY_COUNT(key_rows), true, apply_new);
    if (c == NULL)
        return;
    request_suspend(r, reply_new);
    writer_push(r->srv->writer, &c->job);
}

static int apply_set(struct writer_job *j, struct store *s, struct err *e)
{
    struct change *c = (struct change *)j;
    api_key_done(&c->key); /* of a first try that was rolled back */
    if (key_get(s, c->id, &c->key, &c->found, e) != 0)
        return -1;
    if (!c->found)
        return 0;
    if (c->name != NULL) {
        free(c->key.name);
        c->key.name = xstrdup(c->name);
    }
    for (size_t i = 0; i < quotas_count; i++)
        if (c->named[quotas_table[i].id])
            *quotas_at(&c->key.quotas, &quotas_table[i]) = quotas_get(&c->quotas, &quotas_table[i]);
    return key_set(s, &c->key, &c->found, e) != 0 ? -1 : key_use_get(s, c->id, &c->use, e);
}

static void reply_set(struct request *r)
{
    const struct change *c = r->state;
    if (c->job.rc != 0) {
        request_error(r, &c->job.err);
        return;
    }
    if (!c->found) {
        request_refuse(r, PROBLEM_NOT_FOUND, "there is no key with this id");
        return;
    }
    auth_forget(r->srv->auth);
    wake_send(r->srv->conf->store_data_dir, WAKE_QUEUE, ""); /* what waited may go on */
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    write_key(&w, &c->key, &c->use, NULL);
    buf_puts(&r->reply.body, "\n");
    request_reply(r, 200, REQUEST_JSON);
}

static bool read_id(struct request *r, int64_t *ret)
{
    struct err e;
    if (units_parse_int(r->params.text[0], 1, INT64_MAX, ret, &e) == 0)
        return true;
    request_refuse(r, PROBLEM_NOT_FOUND, "there is no key with this id");
    return false;
}

void keys_set(struct request *r)
{
    int64_t id = 0;
    if (!read_id(r, &id))
        return;
    struct change *c = read_change(r, ROWS_TO_SET, false, apply_set);
    if (c == NULL)
        return;
    c->id = id;
    request_suspend(r, reply_set);
    writer_push(r->srv->writer, &c->job);
}

void keys_list(struct request *r)
{
    auto_reader_ struct reader_loan loan = { r->srv->readers, NULL };
    struct api_key *keys = NULL;
    size_t count = 0;
    struct err e;
    if (readers_take(r->srv->readers, &loan.store, &e) != 0 ||
        key_list(loan.store, &keys, &count, &e) != 0) {
        request_error(r, &e);
        return;
    }
    struct key_use use = { 0 };
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    jsonw_array(&w, "keys");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = key_use_get(loan.store, keys[i].id, &use, &e);
        if (rc == 0)
            write_key(&w, &keys[i], &use, NULL);
    }
    jsonw_end_array(&w);
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
    api_keys_free(keys, count);
    if (rc == 0)
        request_reply(r, 200, REQUEST_JSON);
    else
        request_error(r, &e);
}

/* Whether `id` is the only key left that can make others. */
static int is_last_admin(struct store *s, int64_t id, bool *ret, struct err *e)
{
    struct api_key *keys = NULL;
    size_t count = 0, others = 0;
    bool admin = false;
    if (key_list(s, &keys, &count, e) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        bool active = keys[i].revoked_unix_ms == 0 && (keys[i].scopes & KEY_ADMIN) != 0;
        others += active && keys[i].id != id;
        admin = admin || (active && keys[i].id == id);
    }
    api_keys_free(keys, count);
    *ret = admin && others == 0;
    return 0;
}

static int apply_revoke(struct writer_job *j, struct store *s, struct err *e)
{
    struct change *c = (struct change *)j;
    if (is_last_admin(s, c->id, &c->last, e) != 0)
        return -1;
    return c->last ? 0 : key_revoke(s, c->id, &c->found, e);
}

static void reply_revoked(struct request *r)
{
    const struct change *c = r->state;
    if (c->job.rc != 0) {
        request_error(r, &c->job.err);
    } else if (c->last) {
        request_refuse(r, PROBLEM_LAST_KEY, "make another admin key first");
    } else if (!c->found) {
        request_refuse(r, PROBLEM_NOT_FOUND, "there is no key with this id");
    } else {
        auth_forget(r->srv->auth);
        request_reply(r, 204, NULL);
    }
}

void keys_revoke(struct request *r)
{
    int64_t id = 0;
    if (!read_id(r, &id))
        return;
    struct change *c = start(r, apply_revoke);
    c->id = id;
    request_suspend(r, reply_revoked);
    writer_push(r->srv->writer, &c->job);
}
