/* hello.c - `minos hello`: one small program in every available language, through the whole
 * service; the `minos` process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "server/cli/api.h"
#include "server/cli/cli.h"
#include "server/cli/show.h"
#include "server/cli/text.h"
#include "server/cli/watch.h"

struct args {
    struct common common;
    bool introduce;
};

static const struct opt_row rows[] = {
    { "introduce", 0, OPT_FLAG, offsetof(struct args, introduce), NULL,
      "also print the URL, the API key and a curl line to try", 0, 0 },
    CLI_COMMON_ROWS,
};

static const struct opt_spec spec = {
    .usage = "minos hello [OPTION]...",
    .about = "Submits a hello program in every language that is available, waits for the verdicts "
             "and prints them\nas a table with time and memory. 0 when all of them are accepted.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = CLI_EXIT_HELP,
};

static const struct program {
    const char *suffix, *input, *source;
} programs[] = {
#define HELLO(suffix, input, source) { suffix, input, source },
#include "server/cli/hello.def"
#undef HELLO
};

/* The program for a language, by its source file; NULL when there is none. */
static const struct program *program_for(const json_t *language)
{
    const char *dot = strrchr(text_member(language, "source_file"), '.');
    for (size_t i = 0; dot != NULL && i < ARRAY_COUNT(programs); i++)
        if (strcmp(dot + 1, programs[i].suffix) == 0)
            return &programs[i];
    return NULL;
}

/* Submit for each available language; `answers` gets what the server said, language by language. */
static int submit_all(struct api *api, const json_t *languages, json_t *answers, struct err *e)
{
    size_t i;
    const json_t *language;
    json_array_foreach(languages, i, language)
    {
        const struct program *p = program_for(language);
        const char *id = text_member(language, "id");
        if (p == NULL || !json_is_true(json_object_get(language, "available")))
            continue;
        json_t *answer = NULL;
        json_t *request = json_pack("{s:s, s:s, s:s, s:s}", "language", id, "source", p->source,
                                    "stdin", p->input, "expected_output", "Hello, Minos\n");
        int r = api_post(api, "/v1/submissions", request, &answer, e);
        json_decref(request);
        if (r < 0)
            return err_wrap(e, "%s", id);
        json_array_append_new(answers, answer);
    }
    return 0;
}

/* Wait for each; `results` gets them in the same order. */
static int wait_all(struct api *api, const json_t *answers, json_t *results, struct err *e)
{
    size_t i;
    const json_t *answer;
    json_array_foreach(answers, i, answer)
    {
        json_t *result = NULL;
        if (watch_submission(api, text_member(answer, "id"), true, &result, e) < 0)
            return -1;
        json_array_append_new(results, result);
    }
    return 0;
}

static void add_row(struct term_table *t, const json_t *result)
{
    const json_t *language = json_object_get(result, "language");
    const json_t *first = json_array_get(json_object_get(result, "tests"), 0);
    bool ran = strcmp(text_member(first, "verdict"), "skipped") != 0;
    const json_t *test = ran ? first : NULL;
    const json_t *compile = json_object_get(result, "compile");
    const char *verdict = text_member(result, "verdict"), *id = text_member(language, "id");
    const json_t *const numbers[] = { json_object_get(compile, "cpu_time_ms"),
                                      json_object_get(test, "cpu_time_ms"),
                                      json_object_get(test, "wall_time_ms") };
    term_cell(t, TERM_PLAIN, json_is_string(language) ? json_string_value(language) : id);
    term_cell(t, TERM_FAINT, text_member(language, "version"));
    term_cell(t, term_verdict_tint(verdict), verdict);
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        auto_buf_ struct buf b = { 0 };
        show_ms(numbers[i], &b);
        term_cell(t, TERM_PLAIN, buf_text(&b));
    }
    auto_buf_ struct buf b = { 0 };
    show_bytes(json_object_get(test, "memory_peak_bytes"), &b);
    term_cell(t, TERM_PLAIN, buf_text(&b));
}

/* The reasons below the table: a failure nobody can see the cause of is no help. */
static void add_reasons(const json_t *results, const struct term *term, struct buf *b)
{
    size_t i;
    const json_t *result;
    json_array_foreach(results, i, result)
    {
        if (show_exit_status(result) == CLI_OK)
            continue;
        buf_puts(b, "\n");
        show_result(result, term, b);
    }
}

static void table_of(const json_t *results, const struct term *term, struct buf *b)
{
    static const char *const headings[] = { "LANGUAGE", "VERSION",  "VERDICT", "COMPILE CPU",
                                            "RUN CPU",  "RUN WALL", "MEMORY" };
    auto_table_ struct term_table t;
    term_table_init(&t, "lllrrrr", headings);
    size_t i;
    const json_t *result;
    json_array_foreach(results, i, result)
    {
        add_row(&t, result);
    }
    term_table_print(&t, term, b);
    if (json_array_size(results) == 0)
        buf_puts(b, "no language is available: `minos languages` says what to install\n");
    add_reasons(results, term, b);
}

static void introduce(const struct api *api, const struct args *a, struct buf *b)
{
    const char *key = api_key_text(api);
    buf_printf(b, "\nURL      %s\n", api_url(api));
    if (key != NULL)
        buf_printf(b, "API key  %s\n", key);
    if (key != NULL && a->common.key_file != NULL)
        buf_printf(b, "         (in %s)\n", a->common.key_file);
    buf_printf(b, "\nTry it:\n  curl -s '%s/v1/submissions?wait=10'", api_url(api));
    if (key != NULL)
        buf_printf(b, " -H 'Authorization: Bearer %s'", key);
    buf_puts(b, " -H 'Content-Type: application/json'"
                " -d '{\"language\": \"python3\", \"source\": \"print(6 * 7)\"}'\n");
}

/* The first exit status that is not 0, or CLI_SERVICE when nothing could be tried. */
static int worst(const json_t *results)
{
    size_t i;
    const json_t *result;
    json_array_foreach(results, i, result)
    {
        int status = show_exit_status(result);
        if (status != CLI_OK)
            return status;
    }
    return json_array_size(results) > 0 ? CLI_OK : CLI_SERVICE;
}

static int print_all(const struct api *api, const struct args *a, const json_t *results,
                     struct err *e)
{
    if (a->common.json)
        return text_print_json(results, e);
    auto_buf_ struct buf b = { 0 };
    struct term term = term_of(STDOUT_FILENO);
    table_of(results, &term, &b);
    if (a->introduce)
        introduce(api, a, &b);
    return cli_print(buf_text(&b), e);
}

static int hello(const struct args *a, int *ret_exit, struct err *e)
{
    struct api *api = NULL;
    json_t *languages = NULL, *answers = json_array(), *results = json_array();
    int r = api_open(&a->common, &api, e);
    if (r == 0)
        r = api_get(api, "/v1/languages", &languages, e);
    if (r == 0)
        r = submit_all(api, api_list(languages, "languages"), answers, e);
    if (r == 0)
        r = wait_all(api, answers, results, e);
    if (r == 0)
        r = print_all(api, a, results, e);
    *ret_exit = worst(results);
    json_decref(languages);
    json_decref(answers);
    json_decref(results);
    api_close(api);
    return r;
}

int command_hello(int argc, char **argv)
{
    struct args args = { 0 };
    int first, status;
    struct err e;
    if (!cli_begin(&spec, argc, argv, &args, &first, &status))
        return status;
    return hello(&args, &status, &e) < 0 ? cli_fail("hello", &e) : status;
}
