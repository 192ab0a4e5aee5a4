/* key.c - `minos key`: making, listing, changing and revoking API keys, through the API; the
 * `minos` process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/quotas.h"
#include "sandbox/base/units.h"
#include "server/cli/api.h"
#include "server/cli/cli.h"
#include "server/cli/term.h"
#include "server/cli/text.h"

struct args {
    struct common common;
    const char *scopes, *name;
    struct opt_list quotas;
};

static const struct opt_row rows[] = {
    { "scopes", 's', OPT_TEXT, offsetof(struct args, scopes), "LIST",
      "new: what it may do, of submit, read and admin,\nwith commas (default: submit,read)", 0, 0 },
    { "quota", 'q', OPT_LIST, offsetof(struct args, quotas), "NAME=N",
      "new, set: one of its quotas, or NAME=default for that of\nthe configuration; may be "
      "repeated",
      0, 0 },
    { "name", 'n', OPT_TEXT, offsetof(struct args, name), "NAME", "set: its new name", 0, 0 },
    CLI_COMMON_ROWS,
};

#define QUOTA(id, name, kind, min, max, def, help) "  " #name "\n      " help "\n"
static const char after[] = "Quotas:\n"
#include "sandbox/base/quotas.def"
                            "\n" CLI_EXIT_HELP;
#undef QUOTA

static const struct opt_spec spec = {
    .usage = "minos key new NAME [--scopes LIST] [--quota NAME=N]... | list |\n"
             "                 set ID [--name NAME] [--quota NAME=N]... | revoke ID",
    .about =
        "Makes, lists, changes and revokes API keys; needs a key with the scope admin. The service "
        "makes the first\nof them itself and leaves it in admin.key in its data directory. "
        "A new key is shown once\nand stored only as a hash.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = after,
};

static json_t *scope_list(const char *text)
{
    json_t *list = json_array();
    auto_free_ char *copy = xstrdup(text);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, ",")) != NULL;)
        if (word[0] != '\0')
            json_array_append_new(list, json_string(word));
    return list;
}

/* "queued_count=100" or "queued_count=default" into the object. */
static int add_quota(json_t *quotas, const char *pair, struct err *e)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair)
        return err_input(e, "--quota: expected NAME=N or NAME=default, got \"%.64s\"", pair);
    auto_free_ char *name = xstrndup(pair, (size_t)(equals - pair));
    const struct quota_row *row = quotas_find(name);
    int64_t v = 0;
    if (row == NULL)
        return err_input(e, "--quota: there is no quota \"%.64s\"; see `minos key --help`", name);
    if (strcmp(equals + 1, "default") == 0) {
        json_object_set_new(quotas, name, json_null());
        return 0;
    }
    if (units_parse_int(equals + 1, row->min, row->max, &v, e) < 0)
        return err_wrap(e, "--quota %s", name);
    json_object_set_new(quotas, name, json_integer(v));
    return 0;
}

/* Add the quotas of the command line to a request, if there are any. */
static int add_quotas(json_t *request, const struct args *a, struct err *e)
{
    json_t *quotas = json_object();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->quotas.count; i++)
        rc = add_quota(quotas, a->quotas.items[i], e);
    if (a->quotas.count > 0)
        json_object_set(request, "quotas", quotas);
    json_decref(quotas);
    return rc;
}

static int key_new(struct api *api, const struct args *a, const char *name, struct err *e)
{
    json_t *answer = NULL;
    json_t *request = json_pack("{s:s, s:o}", "name", name, "scopes",
                                scope_list(a->scopes != NULL ? a->scopes : "submit,read"));
    if (request == NULL)
        return err_input(e, "the name is not UTF-8");
    int r = add_quotas(request, a, e);
    if (r == 0)
        r = api_post(api, "/v1/keys", request, &answer, e);
    json_decref(request);
    if (r == 0 && a->common.json) {
        r = text_print_json(answer, e);
    } else if (r == 0) {
        const char *secret = text_member(answer, "secret");
        auto_free_ char *line =
            xasprintf("%s\n", secret[0] != '\0' ? secret : text_member(answer, "key"));
        r = cli_print(line, e);
        fprintf(stderr, "This is shown once. Use it as `Authorization: Bearer ...`.\n");
    }
    json_decref(answer);
    return r;
}

static json_int_t use_of(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(row, "use"), name));
}

/* "queued_count=100 priority_max=0": what is set. */
static void put_quotas(const json_t *row, struct buf *b)
{
    const char *name = NULL;
    json_t *v = NULL;
    json_object_foreach(json_object_get(row, "quotas"), name, v)
    {
        if (json_is_integer(v))
            buf_printf(b, "%s%s=%lld", b->len > 0 ? " " : "", name,
                       (long long)json_integer_value(v));
    }
}

static void key_row(struct term_table *t, const json_t *row)
{
    auto_buf_ struct buf quotas = { 0 };
    auto_buf_ struct buf scopes = { 0 };
    size_t i;
    const json_t *scope;
    json_array_foreach(json_object_get(row, "scopes"), i, scope)
    {
        const char *word = json_string_value(scope);
        buf_printf(&scopes, "%s%s", i > 0 ? "," : "", word != NULL ? word : "?");
    }
    const char *revoked = text_member(row, "revoked_at");
    const json_t *id = json_object_get(row, "id");
    if (json_is_integer(id))
        term_cellf(t, TERM_PLAIN, "%lld", (long long)json_integer_value(id));
    else
        term_cell(t, TERM_PLAIN, text_member(row, "id"));
    term_cell(t, TERM_PLAIN, text_member(row, "name"));
    term_cell(t, TERM_PLAIN, buf_text(&scopes));
    term_cellf(t, TERM_PLAIN, "%.19s", text_member(row, "created_at"));
    term_cellf(t, TERM_PLAIN, "%lld", (long long)use_of(row, "queued_count"));
    term_cellf(t, TERM_PLAIN, "%lld", (long long)use_of(row, "running_count"));
    term_cellf(t, TERM_PLAIN, "%lld s", (long long)use_of(row, "cpu_seconds_last_hour"));
    put_quotas(row, &quotas);
    term_cell(t, TERM_PLAIN, buf_text(&quotas));
    term_cellf(t, TERM_ODD, "%s%.19s", revoked[0] != '\0' ? "revoked " : "", revoked);
}

static int key_list(struct api *api, const struct args *a, const char *unused, struct err *e)
{
    static const char *const headings[] = { "ID",      "NAME",     "SCOPES", "CREATED", "QUEUED",
                                            "RUNNING", "CPU/HOUR", "QUOTAS", "" };
    (void)unused;
    json_t *root = NULL;
    if (api_get(api, "/v1/keys", &root, e) < 0)
        return -1;
    auto_table_ struct term_table t;
    auto_buf_ struct buf b = { 0 };
    struct term term = term_of(STDOUT_FILENO);
    term_table_init(&t, "rlllrrrll", headings);
    size_t i;
    const json_t *row;
    json_array_foreach(api_list(root, "keys"), i, row)
    {
        key_row(&t, row);
    }
    term_table_print(&t, &term, &b);
    int r = a->common.json ? text_print_json(root, e) : cli_print(buf_text(&b), e);
    json_decref(root);
    return r;
}

static int key_set(struct api *api, const struct args *a, const char *id, struct err *e)
{
    auto_buf_ struct buf path = { 0 };
    json_t *answer = NULL;
    buf_puts(&path, "/v1/keys/");
    api_escape(id, &path);
    if (a->name == NULL && a->quotas.count == 0)
        return err_input(e, "set: expected --name or --quota");
    json_t *request = json_object();
    int r = add_quotas(request, a, e);
    if (r == 0 && a->name != NULL &&
        json_object_set_new(request, "name", json_string(a->name)) != 0)
        r = err_input(e, "the name is not UTF-8");
    if (r == 0)
        r = api_patch(api, buf_text(&path), request, &answer, e);
    json_decref(request);
    if (r == 0 && a->common.json) {
        r = text_print_json(answer, e);
    } else if (r == 0) {
        auto_buf_ struct buf b = { 0 };
        put_quotas(answer, &b);
        buf_puts(&b, b.len > 0 ? "\n" : "no quotas of its own\n");
        r = cli_print(buf_text(&b), e);
    }
    json_decref(answer);
    return r;
}

static int key_revoke(struct api *api, const struct args *a, const char *id, struct err *e)
{
    auto_buf_ struct buf path = { 0 };
    buf_puts(&path, "/v1/keys/");
    api_escape(id, &path);
    if (api_delete(api, buf_text(&path), e) < 0)
        return -1;
    return cli_print(a->common.json ? "{\"revoked\": true}\n" : "revoked\n", e);
}

static const struct action {
    const char *name, *operand; /* operand NULL: takes none */
    int (*run)(struct api *, const struct args *, const char *operand, struct err *);
} actions[] = {
    { "new", "the name of the key", key_new },
    { "list", NULL, key_list },
    { "set", "the id of the key", key_set },
    { "revoke", "the id of the key", key_revoke },
};

static int act(const struct args *args, int count, char **operands, struct err *e)
{
    const struct action *found = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
        if (count > 0 && strcmp(operands[0], actions[i].name) == 0)
            found = &actions[i];
    if (found == NULL)
        return err_input(e, "expected new, list, set or revoke");
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

int command_key(int argc, char **argv)
{
    struct args args = { 0 };
    int first, status;
    struct err e;
    if (!cli_begin(&spec, argc, argv, &args, &first, &status))
        return status;
    return act(&args, argc - first, argv + first, &e) < 0 ? cli_fail("key", &e) : CLI_OK;
}
