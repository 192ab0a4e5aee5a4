/* keys.c - making, listing and revoking API keys; minos-server. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/units.h"
#include "server/decode.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/walk.h"

static const struct {
    const char *name;
    unsigned bit;
} scopes[] = { { "submit", KEY_SUBMIT }, { "read", KEY_READ }, { "admin", KEY_ADMIN } };

static void write_key(struct jsonw *w, const struct api_key *k, const char *secret)
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
    if (secret != NULL)
        jsonw_text(w, "key", secret);
    jsonw_end_object(w);
}

/* One change to the keys, on its way through the writer. */
struct change {
    struct writer_job job;
    struct request *request;
    char *name;
    unsigned scopes;
    struct api_key key;
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
    json_t *scopes;
};

static const struct walk_row key_rows[] = {
    { "name", WALK_TEXT, offsetof(struct raw_key, name), 1, DECODE_NAME_MAX },
    { "scopes", WALK_STRINGS, offsetof(struct raw_key, scopes), 1, ARRAY_COUNT(scopes) },
};

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
    return key_new(s, c->name, c->scopes, NULL, &c->key, &c->secret, e);
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
    write_key(&w, &c->key, c->secret);
    buf_puts(&r->reply.body, "\n");
    request_header(r, "Location", xasprintf("/v1/keys/%" PRId64, c->key.id));
    request_reply(r, 201, REQUEST_JSON);
}

void keys_new(struct request *r)
{
    json_t *root = decode_parse(buf_text(&r->body), r->body.len, &r->problem);
    struct raw_key raw = { 0 };
    unsigned bits = 0;
    if (root != NULL) {
        walk_object(&r->problem, root, "", key_rows, ARRAY_COUNT(key_rows), &raw);
        bits = read_scopes(&r->problem, raw.scopes);
        const json_t *name = json_object_get(root, "name");
        if (name == NULL || json_is_null(name))
            problem_fault(&r->problem, "name", NULL, "a name for the key");
    }
    if (r->problem.id != PROBLEM_NONE) {
        request_problem(r);
    } else {
        struct change *c = start(r, apply_new);
        c->name = xstrdup(raw.name);
        c->scopes = bits;
        request_suspend(r, reply_new);
        writer_push(r->srv->writer, &c->job);
    }
    json_decref(root);
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
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    jsonw_array(&w, "keys");
    for (size_t i = 0; i < count; i++)
        write_key(&w, &keys[i], NULL);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
    api_keys_free(keys, count);
    request_reply(r, 200, REQUEST_JSON);
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
    struct err e;
    if (units_parse_int(r->params.text[0], 1, INT64_MAX, &id, &e) != 0) {
        request_refuse(r, PROBLEM_NOT_FOUND, "there is no key with this id");
        return;
    }
    struct change *c = start(r, apply_revoke);
    c->id = id;
    request_suspend(r, reply_revoked);
    writer_push(r->srv->writer, &c->job);
}
