/* result.c - `minos result` and `minos cancel`; the `minos` process. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "server/cli/api.h"
#include "server/cli/cli.h"
#include "server/cli/show.h"
#include "server/cli/text.h"
#include "server/cli/watch.h"

struct args {
    struct common common;
    bool wait;
    int64_t out, err;
};

static const struct opt_row rows[] = {
    { "wait", 'w', OPT_FLAG, offsetof(struct args, wait), NULL, "wait until it is finished", 0, 0 },
    { "stdout", 0, OPT_INT, offsetof(struct args, out), "N",
      "print what test N (from 1) wrote to standard output,\nbyte for byte, and nothing else", 1,
      INT32_MAX },
    { "stderr", 0, OPT_INT, offsetof(struct args, err), "N", "the same for standard error", 1,
      INT32_MAX },
    CLI_COMMON_ROWS,
};

static const struct opt_spec result_spec = {
    .usage = "minos result ID [OPTION]...",
    .about = "Shows what became of a submission. One that is not finished yet shows how far it is, "
             "and counts as 0.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after = CLI_EXIT_HELP,
};

/* "/v1/submissions/ID" and more. */
static char *path_of(const char *id, const char *more)
{
    auto_buf_ struct buf b = { 0 };
    buf_puts(&b, "/v1/submissions/");
    api_escape(id, &b);
    buf_puts(&b, more);
    return buf_take(&b);
}

static int print_output(struct api *api, const char *id, int64_t test, const char *stream,
                        struct err *e)
{
    auto_buf_ struct buf bytes = { 0 };
    auto_free_ char *more = xasprintf("/tests/%lld/%s", (long long)test, stream);
    auto_free_ char *path = path_of(id, more);
    if (api_get_raw(api, path, &bytes, e) < 0)
        return -1;
    if (io_write_all(STDOUT_FILENO, buf_text(&bytes), bytes.len) < 0)
        return err_sys(e, "standard output");
    return 0;
}

static int print_result(const struct args *args, const json_t *result, struct err *e)
{
    if (args->common.json)
        return text_print_json(result, e);
    auto_buf_ struct buf b = { 0 };
    struct term term = term_of(STDOUT_FILENO);
    show_result(result, &term, &b);
    return cli_print(buf_text(&b), e);
}

static int show_one(struct api *api, const struct args *args, const char *id, int *ret_exit,
                    struct err *e)
{
    auto_free_ char *path = path_of(id, "");
    json_t *result = NULL;
    *ret_exit = CLI_OK;
    if (args->out > 0)
        return print_output(api, id, args->out, "stdout", e);
    if (args->err > 0)
        return print_output(api, id, args->err, "stderr", e);
    int r = args->wait ? watch_submission(api, id, args->common.json, &result, e)
                       : api_get(api, path, &result, e);
    if (r == 0) {
        *ret_exit = show_exit_status(result);
        r = print_result(args, result, e);
    }
    json_decref(result);
    return r;
}

int command_result(int argc, char **argv)
{
    struct args args = { 0 };
    int first, status;
    struct err e;
    struct api *api = NULL;
    if (!cli_begin(&result_spec, argc, argv, &args, &first, &status))
        return status;
    int r = first + 1 != argc ? err_input(&e, "expected the id of one submission")
                              : api_open(&args.common, &api, &e);
    if (r == 0)
        r = show_one(api, &args, argv[first], &status, &e);
    api_close(api);
    return r < 0 ? cli_fail("result", &e) : status;
}

static const struct opt_row cancel_rows[] = { CLI_COMMON_ROWS };
static const struct opt_spec cancel_spec = {
    .usage = "minos cancel ID [OPTION]...",
    .about = "Cancels a submission, queued or running. Once this says \"cancelled\" it can get no "
             "other verdict.\nOne that was finished before stays as it is, which counts as 1.",
    .rows = cancel_rows,
    .row_count = ARRAY_COUNT(cancel_rows),
    .after = CLI_EXIT_HELP,
};

static int print_cancel(const struct common *c, const json_t *answer, struct err *e)
{
    if (c->json)
        return text_print_json(answer, e);
    auto_buf_ struct buf b = { 0 };
    const char *verdict = text_member(answer, "verdict");
    buf_printf(&b, "%s\n", verdict[0] != '\0' ? verdict : text_member(answer, "status"));
    return cli_print(buf_text(&b), e);
}

int command_cancel(int argc, char **argv)
{
    struct common args = { 0 };
    int first, status;
    struct err e;
    struct api *api = NULL;
    if (!cli_begin(&cancel_spec, argc, argv, &args, &first, &status))
        return status;
    int r = first + 1 != argc ? err_input(&e, "expected the id of one submission")
                              : api_open(&args, &api, &e);
    json_t *answer = NULL;
    if (r == 0) {
        auto_free_ char *path = path_of(argv[first], "/cancel");
        r = api_post(api, path, NULL, &answer, &e);
    }
    if (r == 0)
        r = print_cancel(&args, answer, &e);
    bool too_late = r < 0 && api != NULL && api_status(api) == 409;
    json_decref(answer);
    api_close(api);
    if (r == 0)
        return CLI_OK;
    status = cli_fail("cancel", &e);
    return too_late ? CLI_REJECTED : status;
}
