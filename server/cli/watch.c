/* watch.c - following a submission by its event stream; the `minos` process. */
#include "server/cli/watch.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "server/cli/show.h"
#include "server/cli/term.h"
#include "server/cli/text.h"

struct progress {
    struct term term;
    bool shown;
    char status[32];
    char last_verdict[32];
    size_t tests_done, tests_total;
};

static void draw(struct progress *p)
{
    auto_buf_ struct buf b = { 0 };
    if (!p->term.live)
        return;
    buf_printf(&b, "\r\033[K%s", p->status[0] != '\0' ? p->status : "waiting");
    if (p->tests_done > 0 && p->tests_total > 0)
        buf_printf(&b, "  test %zu of %zu  ", p->tests_done, p->tests_total);
    else if (p->tests_done > 0)
        buf_printf(&b, "  test %zu  ", p->tests_done);
    term_text(&p->term, term_verdict_tint(p->last_verdict), p->last_verdict, &b);
    (void)!fputs(buf_text(&b), stderr);
    (void)!fflush(stderr);
    p->shown = true;
}

static void copy_word(const json_t *event, const char *member, char *to, size_t cap)
{
    const char *word = text_member(event, member);
    auto_buf_ struct buf seen = { 0 };
    text_visible(word, strlen(word), &seen);
    if (seen.len > 0)
        snprintf(to, cap, "%s", buf_text(&seen));
}

/* An event either tells of the submission (it has a status) or of one of its tests. */
static int on_event(void *ctx, const char *event, const char *data)
{
    struct progress *p = ctx;
    json_t *o = json_loads(data, JSON_ALLOW_NUL, NULL);
    bool of_test = strcmp(event, "test") == 0;
    if (of_test) {
        p->tests_done++;
        copy_word(o, "verdict", p->last_verdict, sizeof p->last_verdict);
    } else {
        copy_word(o, "status", p->status, sizeof p->status);
    }
    const json_t *total = json_object_get(o, "test_count");
    if (json_is_integer(total))
        p->tests_total = (size_t)json_integer_value(total);
    bool finished = !of_test && show_finished(o);
    json_decref(o);
    draw(p);
    return finished || strcmp(event, "done") == 0;
}

static void rest_ms(long ms)
{
    struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS };
    nanosleep(&ts, NULL);
}

/* Streams end early when a server restarts: look, and if it is not over, follow again. */
static int follow(struct api *a, const char *id, struct progress *p, json_t **ret, struct err *e)
{
    auto_free_ char *path = xasprintf("/v1/submissions/%s", id);
    auto_free_ char *events = xasprintf("%s/events", path);
    enum { FAILURES_MAX = 20, REST_MS = 250 };
    for (int failures = 0;;) {
        bool stopped = false;
        p->tests_done = 0;
        int streamed = api_events(a, events, on_event, p, &stopped, e);
        if (streamed < 0 && e->kind == ERR_INPUT)
            return -1;
        json_t *result = NULL;
        if (api_get(a, path, &result, e) == 0) {
            if (show_finished(result)) {
                *ret = result;
                return 0;
            }
            json_decref(result);
            failures = streamed < 0 ? failures + 1 : 0;
        } else if (e->kind == ERR_INPUT) {
            return -1;
        } else {
            failures++;
        }
        if (failures > FAILURES_MAX)
            return err_wrap(e, "waiting for %s", id);
        rest_ms(REST_MS);
    }
}

int watch_submission(struct api *a, const char *id, bool quiet, json_t **ret, struct err *e)
{
    struct progress p = { .term = term_of(STDERR_FILENO) };
    p.term.live = p.term.live && !quiet;
    draw(&p);
    int r = follow(a, id, &p, ret, e);
    if (p.shown)
        (void)!fputs("\r\033[K", stderr);
    return r;
}
