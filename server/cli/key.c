/* key.c - `minos key`: making, listing and revoking API keys, through the API; the `minos` process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "server/cli/api.h"
#include "server/cli/cli.h"
#include "server/cli/term.h"
#include "server/cli/text.h"

struct args {
    struct common common;
    const char *scopes;
};

static const struct opt_row rows[] = {
    { "scopes", 's', OPT_TEXT, offsetof(struct args, scopes), "LIST",
      "new: what it may do, of submit, read and admin,\nwith commas (default: submit,read)", 0, 0 },
    CLI_COMMON_ROWS,
};

static const struct opt_spec spec = {
    .usage = "minos key new NAME [--scopes LIST] | list | revoke ID",
    .about = "Makes, lists and revokes API keys; needs a key with the scope admin. The service "
             "makes the first\nof them itself and leaves it in admin.key in its data directory. "
             "A new key is shown once\nand stored only as a hash.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = CLI_EXIT_HELP,
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

static int key_new(struct api *api, const struct args *a, const char *name, struct err *e)
{
    json_t *answer = NULL;
    json_t *request = json_pack("{s:s, s:o}", "name", name, "scopes",
                                scope_list(a->scopes != NULL ? a->scopes : "submit,read"));
    if (request == NULL)
        return err_input(e, "the name is not UTF-8");
    int r = api_post(api, "/v1/keys", request, &answer, e);
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

static void key_row(struct term_table *t, const json_t *row)
{
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
    term_cellf(t, TERM_ODD, "%s%.19s", revoked[0] != '\0' ? "revoked " : "", revoked);
}

static int key_list(struct api *api, const struct args *a, const char *unused, struct err *e)
{
    static const char *const headings[] = { "ID", "NAME", "SCOPES", "CREATED", "" };
    (void)unused;
    json_t *root = NULL;
    if (api_get(api, "/v1/keys", &root, e) < 0)
        return -1;
    auto_table_ struct term_table t;
    auto_buf_ struct buf b = { 0 };
    struct term term = term_of(STDOUT_FILENO);
    term_table_init(&t, "rllll", headings);
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
    { "revoke", "the id of the key", key_revoke },
};

static int act(const struct args *args, int count, char **operands, struct err *e)
{
    const struct action *found = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
        if (count > 0 && strcmp(operands[0], actions[i].name) == 0)
            found = &actions[i];
    if (found == NULL)
        return err_input(e, "expected new, list or revoke");
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
