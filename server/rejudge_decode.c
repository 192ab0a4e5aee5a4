/* rejudge_decode.c - which submissions a request wants judged again; minos-server. */
#include "server/rejudge_decode.h"

#include <string.h>

#include "sandbox/base/cleanup.h"
#include "server/cursor.h"
#include "server/decode.h"
#include "server/instant.h"
#include "server/walk.h"

enum { TEXT_MAX = 255, WAY_MS = 3600 * 1000 /* from its id to its acceptance, at most */ };

struct raw {
    json_t *ids, *filter;
    const char *cursor;
    struct walk_int limit, priority;
    struct walk_bool dry_run;
};

static const struct walk_row raw_rows[] = {
    { "ids", WALK_STRINGS, offsetof(struct raw, ids), 1, REJUDGE_IDS_MAX },
    { "filter", WALK_OBJECT, offsetof(struct raw, filter), 0, 0 },
    { "limit", WALK_INT, offsetof(struct raw, limit), 1, REJUDGE_LIMIT_MAX },
    { "cursor", WALK_TEXT, offsetof(struct raw, cursor), 1, TEXT_MAX },
    { "priority", WALK_INT, offsetof(struct raw, priority), -DECODE_PRIORITY_MAX,
      DECODE_PRIORITY_MAX },
    { "dry_run", WALK_BOOL, offsetof(struct raw, dry_run), 0, 0 },
};

struct raw_filter {
    const char *status, *verdict, *language, *created_from, *created_before;
    struct walk_int key_id;
    json_t *metadata;
};

static const struct walk_row filter_rows[] = {
    { "status", WALK_TEXT, offsetof(struct raw_filter, status), 1, TEXT_MAX },
    { "verdict", WALK_TEXT, offsetof(struct raw_filter, verdict), 1, TEXT_MAX },
    { "language", WALK_TEXT, offsetof(struct raw_filter, language), 1, TEXT_MAX },
    { "key_id", WALK_INT, offsetof(struct raw_filter, key_id), 0, INT64_MAX },
    { "created_from", WALK_TEXT, offsetof(struct raw_filter, created_from), 1, TEXT_MAX },
    { "created_before", WALK_TEXT, offsetof(struct raw_filter, created_before), 1, TEXT_MAX },
    { "metadata", WALK_OBJECT, offsetof(struct raw_filter, metadata), 0, 0 },
};

void rejudge_want_done(struct rejudge_want *w)
{
    json_decref(w->root);
    *w = (struct rejudge_want){ 0 };
}

/* ---- a list of ids */

static bool seen_before(const json_t *ids, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (json_equal(json_array_get(ids, k), json_array_get(ids, i)))
            return true;
    return false;
}

static void check_ids(const json_t *ids, struct problem *p)
{
    for (size_t i = 0; i < json_array_size(ids); i++) {
        auto_free_ char *path = xasprintf("ids[%zu]", i);
        const json_t *v = json_array_get(ids, i);
        if (!store_id_valid(json_string_value(v)))
            walk_fault(p, path, v, "the id of a submission");
        else if (seen_before(ids, i))
            walk_fault(p, path, v, "each id once");
    }
}

/* ---- a filter */

static void read_status(const char *text, const json_t *v, struct submission_filter *f,
                        struct problem *p)
{
    if (text == NULL)
        return;
    f->state = submission_state_from_name(text);
    if (f->state != SUBMISSION_DONE && f->state != SUBMISSION_CANCELLED)
        walk_fault(p, "filter.status", json_object_get(v, "status"), "one of: done, cancelled");
}

static void read_verdict(const char *text, const json_t *v, struct submission_filter *f,
                         struct problem *p)
{
    if (text == NULL)
        return;
    f->verdict = verdict_from_name(text);
    if (f->verdict == VERDICT_NONE)
        walk_fault(p, "filter.verdict", json_object_get(v, "verdict"), "one of:"
#define VERDICT(id, name, accepted, severity, help) " " name
#include "schema/verdict.def"
#undef VERDICT
        );
}

/* 0: not given. */
static int64_t read_instant(const char *text, const char *path, const json_t *filter,
                            struct problem *p)
{
    int64_t unix_ms = 0;
    if (text != NULL && !instant_parse(text, &unix_ms))
        walk_fault(p, path, json_object_get(filter, strchr(path, '.') + 1),
                   "an instant such as 2026-11-26T12:00:00Z");
    return unix_ms;
}

/* Ids begin with the time at which they were made, a little before the acceptance: bounds of ids
 * spare us most of the others, and the time itself decides. */
static void bound_ids(struct rejudge_want *w)
{
    if (w->before_unix_ms > 0)
        store_id_at(w->before_unix_ms, w->before_id);
    if (w->from_unix_ms > WAY_MS)
        store_id_at(w->from_unix_ms - WAY_MS, w->from_id);
}

static void read_filter(const json_t *v, struct rejudge_want *w, struct problem *p)
{
    struct raw_filter raw = { 0 };
    walk_object(p, v, "filter", filter_rows, ARRAY_COUNT(filter_rows), &raw);
    read_status(raw.status, v, &w->filter, p);
    read_verdict(raw.verdict, v, &w->filter, p);
    w->from_unix_ms = read_instant(raw.created_from, "filter.created_from", v, p);
    w->before_unix_ms = read_instant(raw.created_before, "filter.created_before", v, p);
    bound_ids(w);
    w->filter.language = raw.language;
    w->metadata = raw.metadata;
    if (raw.key_id.given)
        w->filter.key_id = raw.key_id.value;
}

static void read_cursor(const char *text, const json_t *root, struct rejudge_want *w,
                        struct problem *p)
{
    char id[STORE_ID_BYTES];
    if (text == NULL)
        return;
    if (!cursor_read(text, id))
        walk_fault(p, "cursor", json_object_get(root, "cursor"),
                   "the next_cursor of an earlier answer");
    else if (w->before_id[0] == '\0' || strcmp(id, w->before_id) < 0)
        memcpy(w->before_id, id, sizeof w->before_id);
}

static void read_want(const struct raw *raw, struct rejudge_want *w, struct problem *p)
{
    w->filter.key_id = -1;
    w->limit = raw->limit.given ? raw->limit.value : REJUDGE_LIMIT_DEFAULT;
    w->priority = raw->priority.given ? raw->priority.value : REJUDGE_PRIORITY;
    w->dry_run = raw->dry_run.value;
    w->ids = raw->ids;
    if (raw->ids != NULL)
        check_ids(raw->ids, p);
    if (raw->filter != NULL)
        read_filter(raw->filter, w, p);
    read_cursor(raw->cursor, w->root, w, p);
    if (w->before_id[0] != '\0')
        w->filter.before_id = w->before_id;
    if (raw->ids != NULL && (raw->filter != NULL || raw->limit.given || raw->cursor != NULL))
        problem_fault(p, "ids", NULL, "not together with \"filter\", \"limit\" or \"cursor\"");
}

int rejudge_decode(const char *body, size_t len, struct rejudge_want *ret, struct problem *p)
{
    struct raw raw = { 0 };
    *ret = (struct rejudge_want){ .root = decode_parse(body, len, p) };
    if (ret->root == NULL)
        return -1;
    walk_object(p, ret->root, "", raw_rows, ARRAY_COUNT(raw_rows), &raw);
    read_want(&raw, ret, p);
    if (p->id == PROBLEM_NONE && raw.ids == NULL && raw.filter == NULL)
        problem_fault(p, "filter", NULL, "\"ids\" or \"filter\" is needed; {} means all");
    if (p->id == PROBLEM_NONE)
        return 0;
    rejudge_want_done(ret);
    return -1;
}

bool rejudge_metadata_fits(const json_t *wanted, const char *metadata_json)
{
    const char *name;
    json_t *value;
    if (wanted == NULL)
        return true;
    json_t *has = metadata_json != NULL ? json_loads(metadata_json, 0, NULL) : NULL;
    bool fits = has != NULL;
    json_object_foreach((json_t *)(uintptr_t)wanted, name, value)
    {
        fits = fits && json_equal(value, json_object_get(has, name));
    }
    json_decref(has);
    return fits;
}
