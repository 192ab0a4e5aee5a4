/* rejudge.c - `minos rejudge`: judging again, call by call until the list is at its end; the
 * `minos` process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "server/cli/api.h"
#include "server/cli/cli.h"
#include "server/cli/term.h"
#include "server/cli/text.h"

enum { CALL_MOST = 50, IDS_MOST = 100 };

struct args {
    struct common common;
    const char *status, *verdict, *language, *from, *before, *cursor, *once;
    struct opt_list metadata;
    int64_t key_id, priority, count;
    bool all, dry_run;
};

static const struct opt_row rows[] = {
    { "verdict", 0, OPT_TEXT, offsetof(struct args, verdict), "VERDICT", "those with this verdict",
      0, 0 },
    { "language", 'l', OPT_TEXT, offsetof(struct args, language), "ID", "those in this language", 0,
      0 },
    { "key", 0, OPT_INT, offsetof(struct args, key_id), "N",
      "those that were handed in with this key (0: without)", 0, INT64_MAX },
    { "from", 0, OPT_TEXT, offsetof(struct args, from), "INSTANT",
      "those accepted then or later: 2026-11-26T12:00:00Z", 0, 0 },
    { "before", 0, OPT_TEXT, offsetof(struct args, before), "INSTANT", "those accepted before then",
      0, 0 },
    { "metadata", 'm', OPT_LIST, offsetof(struct args, metadata), "NAME=JSON",
      "those whose metadata has this member, as often as needed", 0, 0 },
    { "status", 's', OPT_TEXT, offsetof(struct args, status), "STATUS",
      "done (the default), or cancelled", 0, 0 },
    { "all", 0, OPT_FLAG, offsetof(struct args, all), NULL, "all that have ended", 0, 0 },
    { "priority", 'p', OPT_INT, offsetof(struct args, priority), "N",
      "of the new ones (default: -100, behind all others)", -100, 100 },
    { "count", 'n', OPT_INT, offsetof(struct args, count), "N", "how many at most (default: all)",
      1, INT64_MAX },
    { "dry-run", 0, OPT_FLAG, offsetof(struct args, dry_run), NULL,
      "say which ones, and change nothing", 0, 0 },
    { "once", 0, OPT_TEXT, offsetof(struct args, once), "NAME",
      "a name for this: repeated under it after an\ninterruption, it goes on, and nothing is "
      "judged "
      "twice",
      0, 0 },
    { "cursor", 0, OPT_TEXT, offsetof(struct args, cursor), "CURSOR",
      "go on where an earlier one ended (it said how)", 0, 0 },
    CLI_COMMON_ROWS,
};

static const struct opt_spec spec = {
    .usage = "minos rejudge [OPTION]... [ID]...",
    .about = "Judges submissions again that have ended: those named, or those that all options "
             "fit. A verdict\nnever changes: each becomes a new submission, linked to the old one "
             "(rejudge_of). They are made\nfifty at a time and wait behind what others hand "
             "in. Needs a key with the scope admin.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = CLI_EXIT_HELP,
};

/* ---- the request */

static void set_text(json_t *o, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(o, name, json_string(value));
}

/* NAME=JSON; what is no JSON is a string. */
static int add_metadata(json_t *o, const char *pair, struct err *e)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair)
        return err_input(e, "--metadata: expected NAME=VALUE, got \"%.64s\"", pair);
    auto_free_ char *name = xstrndup(pair, (size_t)(equals - pair));
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    if (json_object_set_new(o, name, value != NULL ? value : json_string(equals + 1)) != 0)
        return err_input(e, "--metadata: expected UTF-8");
    return 0;
}

static int make_filter(const struct args *a, json_t *filter, struct err *e)
{
    set_text(filter, "status", a->status);
    set_text(filter, "verdict", a->verdict);
    set_text(filter, "language", a->language);
    set_text(filter, "created_from", a->from);
    set_text(filter, "created_before", a->before);
    if (a->key_id >= 0)
        json_object_set_new(filter, "key_id", json_integer(a->key_id));
    json_t *metadata = json_object();
    for (size_t i = 0; i < a->metadata.count; i++) {
        if (add_metadata(metadata, a->metadata.items[i], e) < 0) {
            json_decref(metadata);
            return -1;
        }
    }
    if (a->metadata.count > 0)
        json_object_set(filter, "metadata", metadata);
    json_decref(metadata);
    return 0;
}

/* What all calls have in common; ids or a filter. */
static int make_request(const struct args *a, int count, char **ids, json_t *request, struct err *e)
{
    json_t *filter = json_object();
    json_object_set_new(request, "priority", json_integer(a->priority));
    if (a->dry_run)
        json_object_set_new(request, "dry_run", json_true());
    int r = make_filter(a, filter, e);
    bool filtered = json_object_size(filter) > 0 || a->all;
    if (r == 0 && filtered == (count > 0))
        r = err_input(e, "expected either ids, or options that choose; --all for all");
    if (r == 0 && count > IDS_MOST)
        r = err_input(e, "expected at most %d ids, got %d", IDS_MOST, count);
    if (r == 0 && filtered)
        json_object_set(request, "filter", filter);
    for (int i = 0; r == 0 && i < count; i++) {
        if (i == 0)
            json_object_set_new(request, "ids", json_array());
        json_array_append_new(json_object_get(request, "ids"), json_string(ids[i]));
    }
    json_decref(filter);
    return r;
}

/* ---- the calls */

struct progress {
    json_t *pairs; /* of all calls */
    int64_t left;
    char *cursor; /* NULL: at the end */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The name of a repeatable call: the whole's, and where in the list it begins. */
static char *call_name(const struct args *a, const struct progress *p)
{
    if (a->once == NULL || a->dry_run)
        return NULL;
    return xasprintf("%s.%s", a->once, p->cursor != NULL ? p->cursor : "first");
}

static int call(struct api *api, const struct args *a, json_t *request, struct progress *p,
                struct err *e)
{
    auto_free_ char *name = call_name(a, p);
    json_t *answer = NULL;
    if (json_object_get(request, "filter") != NULL) {
        json_object_set_new(request, "limit", json_integer(smaller(p->left, CALL_MOST)));
        set_text(request, "cursor", p->cursor);
    }
    if (api_post_once(api, "/v1/rejudge", request, name, &answer, e) < 0)
        return -1;
    json_array_extend(p->pairs, json_object_get(answer, "submissions"));
    p->left -= json_integer_value(json_object_get(answer, "count"));
    free(take_ptr(&p->cursor));
    const char *next = text_member(answer, "next_cursor");
    if (next[0] != '\0')
        p->cursor = xstrdup(next);
    json_decref(answer);
    return 0;
}

static int call_all(struct api *api, const struct args *a, json_t *request, struct progress *p,
                    struct err *e)
{
    if (a->cursor != NULL)
        p->cursor = xstrdup(a->cursor);
    do {
        if (call(api, a, request, p, e) < 0)
            return p->cursor == NULL ? -1
                                     : err_wrap(e, "%zu are made; go on with --cursor %s",
                                                json_array_size(p->pairs), p->cursor);
    } while (p->cursor != NULL && p->left > 0);
    return 0;
}

/* ---- the answer */

static int show_json(const struct progress *p, const struct args *a, struct err *e)
{
    json_t *o = json_pack("{s:b, s:I, s:I, s:O, s:s?}", "dry_run", a->dry_run, "priority",
                          (json_int_t)a->priority, "count", (json_int_t)json_array_size(p->pairs),
                          "submissions", p->pairs, "next_cursor", p->cursor);
    int r = text_print_json(o, e);
    json_decref(o);
    return r;
}

static int show(const struct progress *p, const struct args *a, struct err *e)
{
    static const char *const headings[] = { "OF", "NEW" };
    auto_table_ struct term_table t;
    auto_buf_ struct buf b = { 0 };
    struct term term = term_of(STDOUT_FILENO);
    size_t i;
    const json_t *pair;
    term_table_init(&t, "ll", headings);
    json_array_foreach(p->pairs, i, pair)
    {
        term_cell(&t, TERM_PLAIN, text_member(pair, "rejudge_of"));
        term_cell(&t, TERM_PLAIN, text_member(pair, "id"));
    }
    term_table_print(&t, &term, &b);
    buf_printf(&b, "%zu %s, at priority %" PRId64 "\n", json_array_size(p->pairs),
               a->dry_run ? "would be judged again" : "are judged again", a->priority);
    if (p->cursor != NULL)
        buf_printf(&b, "more: --cursor %s\n", p->cursor);
    return cli_print(buf_text(&b), e);
}

static int rejudge(const struct args *a, int count, char **ids, struct err *e)
{
    struct progress p = { .pairs = json_array(), .left = a->count };
    json_t *request = json_object();
    struct api *api = NULL;
    int r = make_request(a, count, ids, request, e);
    if (r == 0)
        r = api_open(&a->common, &api, e);
    if (r == 0)
        r = call_all(api, a, request, &p, e);
    if (r == 0)
        r = a->common.json ? show_json(&p, a, e) : show(&p, a, e);
    api_close(api);
    json_decref(request);
    json_decref(p.pairs);
    free(p.cursor);
    return r;
}

int command_rejudge(int argc, char **argv)
{
    struct args args = { .key_id = -1, .priority = -100, .count = INT64_MAX };
    int first, status;
    struct err e;
    if (!cli_begin(&spec, argc, argv, &args, &first, &status))
        return status;
    return rejudge(&args, argc - first, argv + first, &e) < 0 ? cli_fail("rejudge", &e) : CLI_OK;
}
