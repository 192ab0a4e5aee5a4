/* callback.c - `minos callback`: what was told to whom, telling it again, and the secret that signs
 * it, through the API; the `minos` process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"
#include "server/cli/api.h"
#include "server/cli/cli.h"
#include "server/cli/term.h"
#include "server/cli/text.h"

struct args {
    struct common common;
    const char *state, *grace;
    int64_t limit;
};

static const struct opt_row rows[] = {
    { "state", 's', OPT_TEXT, offsetof(struct args, state), "STATE",
      "list: only those that are pending, delivered or failed", 0, 0 },
    { "limit", 'n', OPT_INT, offsetof(struct args, limit), "N",
      "list: so many at most (default 50)", 1, 500 },
    { "grace", 'g', OPT_TEXT, offsetof(struct args, grace), "TIME",
      "secret: how long the one before it signs as well\n(default 24h; 0s ends it now)", 0, 0 },
    CLI_COMMON_ROWS,
};

static const struct opt_spec spec = {
    .usage = "minos callback list [--state STATE] | show ID | redeliver ID | secret [--grace TIME]",
    .about =
        "Shows callbacks: what was told to the callback_url of a submission when it ended, and "
        "what came of\nit. One that failed stays in the list until it is delivered again "
        "(redeliver) or its submission is\ndeleted. secret makes a new secret for the key in "
        "use, which signs its callbacks from now on; it is\nshown once. IDs are those of "
        "submissions.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = CLI_EXIT_HELP,
};

static void add_row(struct term_table *t, const json_t *row)
{
    const json_t *status = json_object_get(row, "http_status");
    const char *next = text_member(row, "next_attempt_at"), *ended = text_member(row, "ended_at");
    term_cell(t, TERM_PLAIN, text_member(row, "id"));
    term_cell(t, TERM_PLAIN, text_member(row, "state"));
    term_cellf(t, TERM_PLAIN, "%lld",
               (long long)json_integer_value(json_object_get(row, "attempts")));
    if (json_is_integer(status))
        term_cellf(t, TERM_PLAIN, "%lld", (long long)json_integer_value(status));
    else
        term_cell(t, TERM_PLAIN, "");
    term_cellf(t, TERM_PLAIN, "%.19s", next[0] != '\0' ? next : ended);
    term_cell(t, TERM_PLAIN, text_member(row, "url"));
    term_cell(t, TERM_ODD, text_member(row, "message"));
}

static int print_rows(const struct args *a, const json_t *root, const json_t *one, struct err *e)
{
    static const char *const headings[] = { "SUBMISSION",   "STATE", "TRIES", "STATUS",
                                            "NEXT OR LAST", "URL",   "" };
    if (a->common.json)
        return text_print_json(root, e);
    auto_table_ struct term_table t;
    auto_buf_ struct buf b = { 0 };
    struct term term = term_of(STDOUT_FILENO);
    term_table_init(&t, "llrrlll", headings);
    size_t i;
    const json_t *row;
    if (one != NULL)
        add_row(&t, one);
    json_array_foreach(api_list(root, "callbacks"), i, row)
    {
        add_row(&t, row);
    }
    term_table_print(&t, &term, &b);
    return cli_print(buf_text(&b), e);
}

static int callback_list(struct api *api, const struct args *a, const char *unused, struct err *e)
{
    auto_buf_ struct buf path = { 0 };
    json_t *root = NULL;
    (void)unused;
    buf_printf(&path, "/v1/callbacks?limit=%lld", (long long)(a->limit > 0 ? a->limit : 50));
    if (a->state != NULL) {
        buf_puts(&path, "&state=");
        api_escape(a->state, &path);
    }
    if (api_get(api, buf_text(&path), &root, e) < 0)
        return -1;
    int r = print_rows(a, root, NULL, e);
    json_decref(root);
    return r;
}

static int one(struct api *api, const struct args *a, const char *id, bool again, struct err *e)
{
    auto_buf_ struct buf path = { 0 };
    json_t *root = NULL;
    buf_puts(&path, "/v1/callbacks/");
    api_escape(id, &path);
    buf_puts(&path, again ? "/redeliver" : "");
    if ((again ? api_post(api, buf_text(&path), NULL, &root, e)
               : api_get(api, buf_text(&path), &root, e)) < 0)
        return -1;
    int r = print_rows(a, root, root, e);
    json_decref(root);
    return r;
}

static int callback_show(struct api *api, const struct args *a, const char *id, struct err *e)
{
    return one(api, a, id, false, e);
}

static int callback_redeliver(struct api *api, const struct args *a, const char *id, struct err *e)
{
    return one(api, a, id, true, e);
}

static int callback_secret(struct api *api, const struct args *a, const char *unused, struct err *e)
{
    json_t *answer = NULL;
    int64_t grace_ns = 24 * 3600 * NS_PER_S;
    (void)unused;
    if (a->grace != NULL && units_parse_duration(a->grace, &grace_ns, e) < 0)
        return err_wrap(e, "--grace");
    json_t *request = json_pack("{s:I}", "grace_ms", (json_int_t)(grace_ns / NS_PER_MS));
    int r = api_post(api, "/v1/callbacks/secret", request, &answer, e);
    json_decref(request);
    if (r == 0 && a->common.json) {
        r = text_print_json(answer, e);
    } else if (r == 0) {
        auto_free_ char *line = xasprintf("%s\n", text_member(answer, "secret"));
        r = cli_print(line, e);
        fprintf(stderr, "This is shown once. Receivers verify webhook-signature with it.\n");
    }
    json_decref(answer);
    return r;
}

static const struct action {
    const char *name, *operand; /* operand NULL: takes none */
    int (*run)(struct api *, const struct args *, const char *operand, struct err *);
} actions[] = {
    { "list", NULL, callback_list },
    { "show", "the id of a submission", callback_show },
    { "redeliver", "the id of a submission", callback_redeliver },
    { "secret", NULL, callback_secret },
};

static int act(const struct args *args, int count, char **operands, struct err *e)
{
    const struct action *found = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
        if (count > 0 && strcmp(operands[0], actions[i].name) == 0)
            found = &actions[i];
    if (found == NULL)
        return err_input(e, "expected list, show, redeliver or secret");
    if (count != 1 + (found->operand != NULL))
        return err_input(e, "%s: expected %s", found->name,
                         found->operand != NULL ? found->operand : "nothing more");
    struct api *api = NULL;
    int r = api_open(&args->common, &api, e);
    if (r == 0)
        r = found->run(api, args, operands[count - 1], e);
    api_close(api);
    return r;
}

int command_callback(int argc, char **argv)
{
    struct args args = { 0 };
    int first, status;
    struct err e;
    if (!cli_begin(&spec, argc, argv, &args, &first, &status))
        return status;
    return act(&args, argc - first, argv + first, &e) < 0 ? cli_fail("callback", &e) : CLI_OK;
}
