/* list.c - `minos list` and `minos languages`; the `minos` process. */
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "server/cli/api.h"
#include "server/cli/cli.h"
#include "server/cli/term.h"
#include "server/cli/text.h"

struct args {
    struct common common;
    const char *status, *verdict, *language, *cursor;
    int64_t count;
};

static const struct opt_row list_rows[] = {
    { "count", 'n', OPT_INT, offsetof(struct args, count), "N", "how many at most (default: 20)", 1,
      1000 },
    { "status", 's', OPT_TEXT, offsetof(struct args, status), "STATUS",
      "only those that are queued, claimed, compiling,\nrunning, done or cancelled", 0, 0 },
    { "verdict", 0, OPT_TEXT, offsetof(struct args, verdict), "VERDICT",
      "only those with this verdict", 0, 0 },
    { "language", 'l', OPT_TEXT, offsetof(struct args, language), "ID",
      "only those in this language", 0, 0 },
    { "cursor", 0, OPT_TEXT, offsetof(struct args, cursor), "CURSOR",
      "go on where an earlier list ended (it said how)", 0, 0 },
    CLI_COMMON_ROWS,
};

static const struct opt_spec list_spec = {
    .usage = "minos list [OPTION]...",
    .about = "Lists submissions, newest first.",
    .rows = list_rows,
    .row_count = ARRAY_COUNT(list_rows),
    .after = CLI_EXIT_HELP,
};

static void add_query(struct buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_printf(path, "&%s=", name);
    api_escape(value, path);
}

static const char *language_of(const json_t *row)
{
    const json_t *language = json_object_get(row, "language");
    return json_is_string(language) ? json_string_value(language) : text_member(language, "id");
}

static void list_table(const json_t *root, const struct term *term, struct buf *b)
{
    static const char *const headings[] = { "ID", "CREATED", "LANGUAGE", "STATUS", "VERDICT" };
    auto_table_ struct term_table t;
    term_table_init(&t, "lllll", headings);
    size_t i;
    const json_t *row;
    json_array_foreach(api_list(root, "submissions"), i, row)
    {
        const char *verdict = text_member(row, "verdict");
        term_cell(&t, TERM_PLAIN, text_member(row, "id"));
        term_cellf(&t, TERM_PLAIN, "%.19s", text_member(row, "created_at"));
        term_cell(&t, TERM_PLAIN, language_of(row));
        term_cell(&t, TERM_PLAIN, text_member(row, "status"));
        term_cell(&t, term_verdict_tint(verdict), verdict);
    }
    term_table_print(&t, term, b);
    const char *next = text_member(root, "next_cursor");
    if (next[0] != '\0')
        buf_printf(b, "more: minos list --cursor %s\n", next);
}

static const struct opt_row languages_rows[] = { CLI_COMMON_ROWS };
static const struct opt_spec languages_spec = {
    .usage = "minos languages [OPTION]...",
    .about = "Lists the languages of the judge, with the version that was found, or the package "
             "to install.",
    .rows = languages_rows,
    .row_count = ARRAY_COUNT(languages_rows),
    .after = CLI_EXIT_HELP,
};

static void languages_table(const json_t *root, const struct term *term, struct buf *b)
{
    static const char *const headings[] = { "ID", "NAME", "FILE", "VERSION" };
    auto_table_ struct term_table t;
    term_table_init(&t, "llll", headings);
    size_t i;
    const json_t *row;
    json_array_foreach(api_list(root, "languages"), i, row)
    {
        bool available = json_is_true(json_object_get(row, "available"));
        term_cell(&t, available ? TERM_BOLD : TERM_FAINT, text_member(row, "id"));
        term_cell(&t, TERM_PLAIN, text_member(row, "name"));
        term_cell(&t, TERM_PLAIN, text_member(row, "source_file"));
        if (available)
            term_cell(&t, TERM_GOOD, text_member(row, "version"));
        else
            term_cellf(&t, TERM_ODD, "not here: install %s", text_member(row, "package"));
    }
    term_table_print(&t, term, b);
}

/* GET `path` and print it, as JSON or by `table`. */
static int show_list(const struct common *c, const char *path,
                     void (*table)(const json_t *, const struct term *, struct buf *),
                     struct err *e)
{
    struct api *api = NULL;
    json_t *root = NULL;
    auto_buf_ struct buf b = { 0 };
    int r = api_open(c, &api, e);
    if (r == 0)
        r = api_get(api, path, &root, e);
    api_close(api);
    if (r == 0 && c->json) {
        r = text_print_json(root, e);
    } else if (r == 0) {
        struct term term = term_of(STDOUT_FILENO);
        table(root, &term, &b);
        r = cli_print(buf_text(&b), e);
    }
    json_decref(root);
    return r;
}

int command_list(int argc, char **argv)
{
    struct args args = { .count = 20 };
    int first, status;
    struct err e;
    if (!cli_begin(&list_spec, argc, argv, &args, &first, &status))
        return status;
    if (first != argc) {
        err_input(&e, "unexpected \"%.64s\"", argv[first]);
        return cli_fail("list", &e);
    }
    auto_buf_ struct buf path = { 0 };
    buf_printf(&path, "/v1/submissions?limit=%lld", (long long)args.count);
    add_query(&path, "status", args.status);
    add_query(&path, "verdict", args.verdict);
    add_query(&path, "language", args.language);
    add_query(&path, "cursor", args.cursor);
    return show_list(&args.common, buf_text(&path), list_table, &e) < 0 ? cli_fail("list", &e)
                                                                        : CLI_OK;
}

int command_languages(int argc, char **argv)
{
    struct common args = { 0 };
    int first, status;
    struct err e;
    if (!cli_begin(&languages_spec, argc, argv, &args, &first, &status))
        return status;
    if (first != argc) {
        err_input(&e, "unexpected \"%.64s\"", argv[first]);
        return cli_fail("languages", &e);
    }
    return show_list(&args, "/v1/languages", languages_table, &e) < 0 ? cli_fail("languages", &e)
                                                                      : CLI_OK;
}
