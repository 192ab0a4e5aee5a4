/* launch_http.c - a submission over HTTP as a contestant, to its verdict or only to its durable
 * accept; in a lane. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/bench/contestant.h"
#include "tests/bench/http.h"
#include "tests/bench/http_jobs.h"

enum { STATUS_DONE = 200, STATUS_ACCEPTED = 202 };

struct client {
    struct http *http;
    const struct job *job;
    struct buf answer;
};

static const struct job *find_job(const char *name)
{
    const struct job *job = http_jobs;
    while (job->source != NULL && strcmp(job->name, name) != 0)
        job++;
    return job;
}

static int client_open(const struct bench *b, const struct contestant *c, size_t lane,
                       void **ret_state, struct err *e)
{
    struct http *http;
    (void)lane;
    if (b->service.url == NULL)
        return err_set(e, ERR_SYS, 0, "the service does not run");
    if (http_open(b->service.url, b->service.key, &http, e) < 0)
        return -1;
    struct client *client = xcalloc(1, sizeof *client);
    *client = (struct client){ .http = http, .job = find_job(c->job) };
    *ret_state = client;
    return 0;
}

static void client_close(void *state)
{
    struct client *c = state;
    http_close(c->http);
    buf_done(&c->answer);
    free(c);
}

/* The request. */
static char *make_body(const struct job *job)
{
    auto_buf_ struct buf source = { 0 };
    if (job->fresh)
        buf_printf(&source, "/* %d %" PRId64 " */\n", (int)getpid(), clock_mono_ns());
    buf_puts(&source, job->source);
    json_t *body = json_pack("{s:s s:s s:i s:[]}", "language", job->language, "source",
                             buf_text(&source), "priority", job->priority, "tests");
    for (int i = 0; i == 0 || i < job->tests; i++)
        json_array_append_new(
            json_object_get(body, "tests"),
            json_pack("{s:s s:s}", "stdin", "19 23\n", "expected_output", "42\n"));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

/* The time that the answer says was spent in cells. */
static int64_t cells_ns(const json_t *result)
{
    size_t i;
    const json_t *test, *compile = json_object_get(result, "compile");
    double ms = 0;
    json_array_foreach(json_object_get(result, "tests"), i, test) ms +=
        json_number_value(json_object_get(test, "wall_time_ms"));
    if (!json_is_true(json_object_get(compile, "cached")))
        ms += json_number_value(json_object_get(compile, "wall_time_ms"));
    return (int64_t)(ms * NS_PER_MS);
}

static int check_answer(const struct client *c, long status, int64_t *ret_cells_ns, struct err *e)
{
    json_t *result = json_loadb(buf_text(&c->answer), c->answer.len, JSON_ALLOW_NUL, NULL);
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    bool good = c->job->wait
                    ? status == STATUS_DONE && verdict != NULL && strcmp(verdict, "accepted") == 0
                    : status == STATUS_ACCEPTED;
    *ret_cells_ns = cells_ns(result);
    json_decref(result);
    return good ? 0
                : err_set(e, ERR_SYS, 0, "%s: answered %ld: %.300s", c->job->name, status,
                          buf_text(&c->answer));
}

static int client_turn(void *state, int64_t ret_ns[SERIES_MAX], struct err *e)
{
    struct client *c = state;
    auto_free_ char *body = make_body(c->job);
    int64_t spent_ns;
    long status;
    int64_t start_mono_ns = clock_mono_ns();
    if (http_post(c->http, c->job->wait ? "/v1/submissions?wait=60" : "/v1/submissions", body,
                  &status, &c->answer, e) < 0)
        return -1;
    ret_ns[0] = clock_mono_ns() - start_mono_ns;
    if (check_answer(c, status, &spent_ns, e) < 0)
        return -1;
    ret_ns[1] = ret_ns[0] - spent_ns;
    return 0;
}

const struct launcher launcher_http = { .series = { "submit to answer", "without the cells" },
                                        .open = client_open,
                                        .turn = client_turn,
                                        .close = client_close };
