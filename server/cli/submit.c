/* submit.c - `minos submit`: from files to a request, and on to the verdict; the `minos` process.
 */
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/base/limits.h"
#include "sandbox/base/units.h"
#include "server/cli/api.h"
#include "server/cli/cli.h"
#include "server/cli/pairs.h"
#include "server/cli/show.h"
#include "server/cli/suffix.h"
#include "server/cli/text.h"
#include "server/cli/watch.h"

enum { INPUT_BYTES_MAX = 1 << 30 };

struct args {
    struct common common;
    const char *language, *tests, *stdin_file, *expected, *entry_point, *comparer, *metadata;
    const char *absolute, *relative;
    struct opt_list limits;
    const char *callback_url;
    int64_t priority;
    bool wait, all, ignore_case;
};

static const struct opt_row rows[] = {
    { "language", 'l', OPT_TEXT, offsetof(struct args, language), "ID",
      "language (default: by the file's suffix; see\n`minos languages`)", 0, 0 },
    { "tests", 't', OPT_TEXT, offsetof(struct args, tests), "DIR",
      "folder of tests: NAME.in with NAME.out or NAME.ans,\ninputN with outputN, or folders input* "
      "and output*",
      0, 0 },
    { "stdin", 'i', OPT_TEXT, offsetof(struct args, stdin_file), "FILE",
      "standard input of the one test", 0, 0 },
    { "expected", 'e', OPT_TEXT, offsetof(struct args, expected), "FILE",
      "what the one test must print", 0, 0 },
    { "wait", 'w', OPT_FLAG, offsetof(struct args, wait), NULL, "wait for the verdict and show it",
      0, 0 },
    { "all", 'a', OPT_FLAG, offsetof(struct args, all), NULL,
      "run every test, also after one has failed", 0, 0 },
    { "comparer", 'c', OPT_TEXT, offsetof(struct args, comparer), "TYPE",
      "lines (default: trailing blanks do not count),\nexact, tokens or floats", 0, 0 },
    { "ignore-case", 0, OPT_FLAG, offsetof(struct args, ignore_case), NULL,
      "lines, tokens: capitals do not matter", 0, 0 },
    { "absolute", 0, OPT_TEXT, offsetof(struct args, absolute), "NUMBER",
      "floats: absolute error that is accepted", 0, 0 },
    { "relative", 0, OPT_TEXT, offsetof(struct args, relative), "NUMBER",
      "floats: relative error that is accepted", 0, 0 },
    { "limit", 'L', OPT_LIST, offsetof(struct args, limits), "NAME=VALUE",
      "a limit, as often as needed: cpu_time=1s,\nmemory=64M, process_count=1 ...", 0, 0 },
    { "entry-point", 0, OPT_TEXT, offsetof(struct args, entry_point), "NAME",
      "the file to start with, when there are several", 0, 0 },
    { "callback", 0, OPT_TEXT, offsetof(struct args, callback_url), "URL",
      "where to POST that it has ended (see minos callback)", 0, 0 },
    { "priority", 'p', OPT_INT, offsetof(struct args, priority), "N", "-100 (bulk) to 100 (urgent)",
      -100, 100 },
    { "metadata", 0, OPT_TEXT, offsetof(struct args, metadata), "JSON",
      "an object of your own that is kept with it", 0, 0 },
    CLI_COMMON_ROWS,
};

static const struct opt_spec spec = {
    .usage = "minos submit FILE [MORE-FILES]... [OPTION]...",
    .about = "Hands in a program. Without --wait it prints the id of the submission and ends; "
             "with --wait it\nshows progress on a terminal, then the verdict, a table of the tests "
             "and, for a single test, its output.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after =
        "Examples:\n"
        "  minos submit hello.c --wait\n"
        "  minos submit solve.py --tests samples/ --wait --limit cpu_time=1s\n\n" CLI_EXIT_HELP,
};

/* The file as a text field. */
static json_t *file_field(const char *path, struct err *e)
{
    auto_buf_ struct buf b = { 0 };
    if (io_read_file(AT_FDCWD, path, INPUT_BYTES_MAX, &b, e) < 0) {
        e->kind = ERR_INPUT;
        return NULL;
    }
    return text_to_json(buf_text(&b), b.len);
}

/* Set request[member] to the file's text, if there is a path. */
static int add_file(json_t *request, const char *member, const char *path, struct err *e)
{
    if (path == NULL)
        return 0;
    json_t *field = file_field(path, e);
    if (field == NULL)
        return -1;
    if (json_object_set_new(request, member, field) < 0)
        return err_input(e, "%s: the name is not UTF-8", path);
    return 0;
}

static int add_sources(json_t *request, char **paths, size_t count, struct err *e)
{
    if (count == 1)
        return add_file(request, "source", paths[0], e);
    json_t *files = json_object();
    json_object_set_new(request, "files", files);
    for (size_t i = 0; i < count; i++) {
        auto_free_ char *copy = xstrdup(paths[i]);
        const char *name = basename(copy);
        if (json_object_get(files, name) != NULL)
            return err_input(e, "%s: there are two files of the name %s", paths[i], name);
        if (add_file(files, name, paths[i], e) < 0)
            return -1;
    }
    return 0;
}

static int add_tests(json_t *request, const char *dir, struct err *e)
{
    auto_pairs_ struct pairs found = { 0 };
    if (pairs_find(dir, &found, e) < 0)
        return -1;
    json_t *tests = json_array();
    json_object_set_new(request, "tests", tests);
    for (size_t i = 0; i < found.count; i++) {
        json_t *test = json_pack("{s:s}", "name", found.items[i].name);
        json_array_append_new(tests, test);
        if (test == NULL)
            return err_input(e, "%s: the name is not UTF-8", found.items[i].input);
        if (add_file(test, "stdin", found.items[i].input, e) < 0 ||
            add_file(test, "expected_output", found.items[i].output, e) < 0)
            return -1;
    }
    return 0;
}

/* The row of limits.def for "memory_bytes" or, shorter, "memory". */
static const struct limit_row *find_limit(const char *name, size_t len)
{
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        size_t stem = strlen(row->name) - strlen(row->unit) - 1;
        if (strncmp(row->name, name, len) == 0 && (row->name[len] == '\0' || len == stem))
            return row;
    }
    return NULL;
}

static int parse_limit_value(const struct limit_row *row, const char *text, int64_t *ret,
                             struct err *e)
{
    int64_t ns;
    switch (row->kind) {
    case LIMIT_COUNT:
        return units_parse_int(text, 0, INT64_MAX, ret, e);
    case LIMIT_BYTES:
        return units_parse_bytes(text, ret, e);
    case LIMIT_TIME:
        if (units_parse_duration(text, &ns, e) < 0)
            return -1;
        *ret = ns / 1000000;
        return 0;
    }
    return err_bug(e, "limit of unknown kind");
}

static int add_limits(json_t *request, const struct opt_list *limits, struct err *e)
{
    json_t *o = json_object();
    if (limits->count > 0)
        json_object_set(request, "limits", o);
    int r = 0;
    for (size_t i = 0; i < limits->count && r == 0; i++) {
        const char *text = limits->items[i], *equals = strchr(text, '=');
        const struct limit_row *row =
            equals != NULL ? find_limit(text, (size_t)(equals - text)) : NULL;
        int64_t value = 0;
        if (row == NULL)
            r = err_input(e,
                          "--limit: expected NAME=VALUE with a name of `minos help config`'s "
                          "limits, got \"%.64s\"",
                          text);
        else if (parse_limit_value(row, equals + 1, &value, e) < 0)
            r = err_wrap(e, "--limit %s", row->name);
        else
            json_object_set_new(o, row->name, json_integer(value));
    }
    json_decref(o);
    return r;
}

static int add_number(json_t *o, const char *member, const char *text, struct err *e)
{
    char *end;
    if (text == NULL)
        return 0;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !(v >= 0) || v > 1e300)
        return err_input(e, "--%s: expected a number such as 1e-6, got \"%.64s\"", member, text);
    return json_object_set_new(o, member, json_real(v));
}

static int add_comparer(json_t *request, const struct args *a, struct err *e)
{
    bool any = a->comparer != NULL || a->absolute != NULL || a->relative != NULL || a->ignore_case;
    if (!any)
        return 0;
    bool floats = a->absolute != NULL || a->relative != NULL;
    const char *type = a->comparer != NULL ? a->comparer : floats ? "floats" : "lines";
    json_t *o = json_pack("{s:s}", "type", type);
    if (o == NULL)
        return err_input(e, "--comparer: expected lines, exact, tokens or floats");
    json_object_set_new(request, "comparer", o);
    if (a->ignore_case)
        json_object_set_new(o, "case_sensitive", json_false());
    if (add_number(o, "absolute", a->absolute, e) < 0)
        return -1;
    return add_number(o, "relative", a->relative, e);
}

static int add_metadata(json_t *request, const char *text, struct err *e)
{
    if (text == NULL)
        return 0;
    json_error_t why;
    json_t *o = json_loads(text, 0, &why);
    if (!json_is_object(o)) {
        json_decref(o);
        return err_input(e, "--metadata: expected a JSON object: %s", why.text);
    }
    return json_object_set_new(request, "metadata", o);
}

static int add_all(struct api *api, const struct args *a, char **files, size_t count,
                   json_t *request, struct err *e)
{
    auto_free_ char *language = NULL;
    if (a->tests != NULL && (a->stdin_file != NULL || a->expected != NULL))
        return err_input(e, "--tests cannot go with --stdin or --expected");
    if (a->language != NULL)
        language = xstrdup(a->language);
    else if (suffix_language(api, files[0], &language, e) < 0)
        return -1;
    json_object_set_new(request, "language", json_string(language));
    json_object_set_new(request, "stop_on_failure", json_boolean(!a->all));
    if (a->entry_point != NULL || count > 1) {
        auto_free_ char *copy = xstrdup(files[0]);
        const char *entry = a->entry_point != NULL ? a->entry_point : basename(copy);
        json_object_set_new(request, "entry_point", json_string(entry));
    }
    if (a->callback_url != NULL)
        json_object_set_new(request, "callback_url", json_string(a->callback_url));
    if (a->priority != 0)
        json_object_set_new(request, "priority", json_integer(a->priority));
    if (add_sources(request, files, count, e) < 0 ||
        add_file(request, "stdin", a->stdin_file, e) < 0 ||
        add_file(request, "expected_output", a->expected, e) < 0 ||
        (a->tests != NULL && add_tests(request, a->tests, e) < 0) ||
        add_limits(request, &a->limits, e) < 0 || add_comparer(request, a, e) < 0 ||
        add_metadata(request, a->metadata, e) < 0)
        return -1;
    return 0;
}

/* Print what the server said; *ret_exit is what it means. */
static int show(const struct args *a, const json_t *answer, int *ret_exit, struct err *e)
{
    *ret_exit = show_exit_status(answer);
    if (a->common.json)
        return text_print_json(answer, e);
    auto_buf_ struct buf b = { 0 };
    struct term term = term_of(1);
    if (a->wait)
        show_result(answer, &term, &b);
    else
        buf_printf(&b, "%s\n", text_member(answer, "id"));
    return cli_print(buf_text(&b), e);
}

static int submit(struct api *api, const struct args *a, char **files, size_t count, int *ret_exit,
                  struct err *e)
{
    json_t *request = json_object(), *answer = NULL, *result = NULL;
    int r = add_all(api, a, files, count, request, e);
    if (r == 0)
        r = api_post(api, "/v1/submissions", request, &answer, e);
    json_decref(request);
    if (r == 0 && a->wait)
        r = watch_submission(api, text_member(answer, "id"), a->common.json, &result, e);
    if (r == 0)
        r = show(a, result != NULL ? result : answer, ret_exit, e);
    json_decref(answer);
    json_decref(result);
    return r;
}

int command_submit(int argc, char **argv)
{
    struct args args = { 0 };
    int first, status;
    struct err e;
    struct api *api = NULL;
    if (!cli_begin(&spec, argc, argv, &args, &first, &status))
        return status;
    if (first == argc) {
        err_input(&e, "expected the file to submit");
        return cli_fail("submit", &e);
    }
    if (api_open(&args.common, &api, &e) < 0)
        return cli_fail("submit", &e);
    int r = submit(api, &args, argv + first, (size_t)(argc - first), &status, &e);
    api_close(api);
    return r < 0 ? cli_fail("submit", &e) : status;
}
