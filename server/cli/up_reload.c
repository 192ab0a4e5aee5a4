/*
 * up_reload.c - a reload, asked for by SIGHUP or `minos reload`; the `minos up` process.
 *
 *     `minos-worker --check-languages` reads everything as the service would, as its user
 *        | it finds something wrong: refused, nobody else has heard of it
 *        v
 *     each child is told to read it too, and says on its ready descriptor what came of that
 *        | all have said so, have ended (who starts anew reads the new), or are late
 *        v
 *     who asked is told
 *
 * One reading at a time. Who asks while one is under way is answered by the next, which begins when
 * this one is over: what is being read may be out of date.
 */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "server/cli/text.h"
#include "server/cli/up_loop.h"

enum { RELOAD_MS = 120000 }; /* for children; looking for languages takes its time */

static unsigned bit_of(const struct loop *l, const struct up_child *c)
{
    return 1U << (c - l->up->children);
}

/* ---- the report */

static void forget(struct up_reload *r)
{
    json_decref(r->changed);
    json_decref(r->needs_restart);
    free(r->languages);
    buf_done(&r->error);
    *r = (struct up_reload){ .again = r->again };
}

static bool has(const json_t *list, const char *word)
{
    size_t i;
    const json_t *v;
    json_array_foreach(list, i, v) if (strcmp(json_string_value(v), word) == 0) return true;
    return false;
}

/* Children name the same keys, unless one was started in between. */
static void add_words(json_t *list, char *words)
{
    for (char *word; (word = strsep(&words, " ")) != NULL;)
        if (word[0] != '\0' && !has(list, word))
            json_array_append_new(list, json_string(word));
}

static void add_error(struct up_reload *r, const char *name, const char *text)
{
    if (r->error.len > 0)
        buf_puts(&r->error, "; ");
    if (name != NULL)
        buf_printf(&r->error, "%s: ", name);
    text_visible(text, strlen(text), &r->error);
}

static void answer(struct loop *l, const char *outcome)
{
    struct up_reload *r = &l->reload;
    json_t *o = json_pack("{s:s, s:s?, s:O?, s:O?, s:s?}", "outcome", outcome, "error",
                          r->error.len > 0 ? buf_text(&r->error) : NULL, "changed", r->changed,
                          "needs_restart", r->needs_restart, "languages", r->languages);
    auto_free_ char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    up_control_answer(&l->control, l->phase != SERVING, text != NULL ? text : "{}");
    forget(r);
}

/* ---- its steps */

static void begin_again(struct loop *l)
{
    if (!l->reload.again)
        return;
    l->reload.again = false;
    up_reload_begin(l);
}

static void refuse(struct loop *l, const char *outcome, const char *event, const char *text)
{
    char quoted[LOG_QUOTE_BYTES];
    if (text != NULL || l->reload.error.len == 0)
        add_error(&l->reload, NULL, text != NULL ? text : "minos-worker could not read them");
    log_event(&l->up->log, LOG_ERROR, event, "reason=%s",
              log_quote(buf_text(&l->reload.error), quoted));
    answer(l, outcome);
}

void up_reload_begin(struct loop *l)
{
    struct up_child *check = &l->up->children[UP_CHECK];
    struct err e;
    if (l->phase != SERVING) {
        refuse(l, "failed", "reload_ignored",
               l->phase < SERVING ? "the service has not started yet" : "the service is stopping");
        return;
    }
    if (check->pid != 0 || l->reload.waiting != 0) {
        l->reload.again = true;
        return;
    }
    up_control_cover(&l->control);
    l->reload.changed = json_array();
    l->reload.needs_restart = json_array();
    if (up_start(l, check, &e) < 0)
        refuse(l, "failed", "reload_failed", e.msg);
}

/* All who were told have answered. */
static void finish(struct loop *l)
{
    char quoted[LOG_QUOTE_BYTES];
    bool whole = l->reload.error.len == 0;
    if (!whole)
        log_event(&l->up->log, LOG_ERROR, "reload_incomplete", "reason=%s",
                  log_quote(buf_text(&l->reload.error), quoted));
    answer(l, whole ? "reloaded" : "failed");
    begin_again(l);
}

static void settle(struct loop *l, const struct up_child *c)
{
    unsigned bit = bit_of(l, c);
    if ((l->reload.waiting & bit) == 0)
        return;
    l->reload.waiting &= ~bit;
    if (l->reload.waiting == 0)
        finish(l);
}

/* The box first: slots that come anew bring keepers that should have the new settings. */
static void tell_children(struct loop *l)
{
    static const enum up_role order[] = { UP_BOX, UP_SERVER, UP_COURIER, UP_WORKER };
    log_event(&l->up->log, LOG_INFO, "reloading", "phase=%d", (int)l->phase);
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        const struct up_child *c = &l->up->children[order[i]];
        if (c->pid > 0 && c->ready && kill(c->pid, SIGHUP) == 0)
            l->reload.waiting |= bit_of(l, c);
    }
    l->reload.deadline_mono_ns = clock_mono_ns() + RELOAD_MS * NS_PER_MS;
    if (l->reload.waiting == 0)
        finish(l);
}

void up_reload_checked(struct loop *l, bool fine)
{
    if (l->reload.again) {
        forget(&l->reload);
        begin_again(l);
    } else if (!fine) {
        refuse(l, "refused", "reload_refused", NULL);
    } else {
        tell_children(l);
    }
}

/* "reloaded CHANGED<tab>NEED A RESTART<tab>DETAIL" or "refused REASON". */
void up_reload_heard(struct loop *l, struct up_child *c, char *line)
{
    struct up_reload *r = &l->reload;
    bool check = c == &l->up->children[UP_CHECK];
    char *rest = line;
    const char *word = strsep(&rest, " ");
    if (rest == NULL || r->changed == NULL || (!check && (r->waiting & bit_of(l, c)) == 0))
        return;
    if (strcmp(word, "refused") == 0) {
        add_error(r, check ? NULL : c->name, rest);
    } else if (strcmp(word, "reloaded") == 0) {
        add_words(r->changed, strsep(&rest, "\t"));
        char *needs = strsep(&rest, "\t");
        if (needs != NULL)
            add_words(r->needs_restart, needs);
        if (rest != NULL && rest[0] != '\0' && r->languages == NULL)
            r->languages = xstrdup(rest);
    }
    if (!check)
        settle(l, c);
}

void up_reload_lost(struct loop *l, const struct up_child *c)
{
    settle(l, c);
}

void up_reload_look(struct loop *l)
{
    struct up_reload *r = &l->reload;
    if (r->waiting == 0 || clock_mono_ns() < r->deadline_mono_ns)
        return;
    for (size_t i = 0; i < UP_ROLE_COUNT; i++)
        if ((r->waiting & (1U << i)) != 0)
            add_error(r, l->up->children[i].name, "it has not answered in time");
    r->waiting = 0;
    finish(l);
}

void up_reload_done(struct loop *l)
{
    l->reload.again = false;
    forget(&l->reload);
}
