/*
 * courier.c - takes callbacks that are due, orders them, records what came of them; minos-courier,
 * one thread, one loop.
 *
 * Invariants
 *   1. One courier for each store: it holds a lock on DATA/run/courier.lock. What it finds taken at
 *      its start was taken by one that died.
 *   2. A callback is in one slot at most: it is taken, and so not due, until its slot is free
 * again.
 *   3. Nothing is delivered but what the store was told of, and the store is told after the
 *      receiver has answered: a death in between sends it twice, never not at all.
 *   4. No host has more than callbacks.per_host slots, so one that does not answer holds up nobody
 *      but itself.
 */
#include "server/courier/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/conf_reload.h"
#include "sandbox/base/ready.h"
#include "schema/callback.h"
#include "schema/wake.h"
#include "server/courier/message.h"
#include "server/courier/order.h"
#include "server/courier/outcome.h"

enum {
    TICK_MS = 1000,        /* how long a lost wake-up can delay a callback */
    HOLD_MORE_MS = 10000,  /* beyond the time-out of a try, before it counts as lost */
    STOP_MS = 5000,        /* for answers to come when stopping */
    STORE_PAUSE_MS = 1000, /* after the store failed */
    LOCK_TRIES = 100,      /* for a predecessor that was killed to be gone, ... */
    LOCK_PAUSE_MS = 100,   /* ... each so long */
};

struct slot {
    bool taken;
    struct callback cb;
    int64_t since_mono_ns;
};

struct courier {
    struct courier_options opt;
    struct store *store;
    struct wake *wake;
    int signal_fd, lock_fd, sock_fd;
    struct slot slots[ORDER_SLOTS_MAX];
    size_t taken_count;
    struct target_rules rules;
    struct order *order; /* room for one, while it is made */
    int64_t pause_until_mono_ns;
    int64_t stop_mono_ns; /* 0: not stopping */
    bool runner_gone;
};

/* ---- slots */

static struct slot *free_slot(struct courier *c)
{
    const struct conf *conf = c->opt.conf;
    if (c->taken_count >= (size_t)conf->callbacks_concurrent)
        return NULL;
    for (size_t i = 0; i < ORDER_SLOTS_MAX; i++)
        if (!c->slots[i].taken)
            return &c->slots[i];
    return NULL;
}

static void slot_free(struct courier *c, struct slot *s)
{
    callback_done(&s->cb);
    s->taken = false;
    c->taken_count--;
}

/* The hosts that have as many as they may have. */
static size_t busy_hosts(const struct courier *c, const char *ret[ORDER_SLOTS_MAX])
{
    size_t busy = 0;
    for (size_t i = 0; i < ORDER_SLOTS_MAX; i++) {
        int64_t same = 0;
        bool first = c->slots[i].taken;
        for (size_t j = 0; first && j < ORDER_SLOTS_MAX; j++) {
            bool equal = c->slots[j].taken && strcmp(c->slots[i].cb.host, c->slots[j].cb.host) == 0;
            same += equal;
            first = !(equal && j < i);
        }
        if (first && same >= c->opt.conf->callbacks_per_host)
            ret[busy++] = c->slots[i].cb.host;
    }
    return busy;
}

/* ---- what came of one */

static void log_outcome(const struct courier *c, const struct slot *s, const struct order_reply *r,
                        const struct outcome *o)
{
    char quoted[LOG_QUOTE_BYTES];
    const char *event = o->state == CALLBACK_DELIVERED ? "callback_sent"
                        : o->state == CALLBACK_PENDING ? "callback_retry"
                                                       : "callback_failed";
    log_event(&c->opt.log, o->state == CALLBACK_DELIVERED ? LOG_INFO : LOG_WARN, event,
              "id=%s host=%s attempt=%" PRId64 " status=%" PRId64 " took_ms=%" PRId64
              " next_ms=%" PRId64 " said=%s",
              s->cb.id, s->cb.host, s->cb.attempts, r->http_status,
              (clock_mono_ns() - s->since_mono_ns) / NS_PER_MS,
              o->state == CALLBACK_PENDING ? o->due_unix_ms - clock_unix_ms() : 0,
              log_quote(r->message, quoted));
}

static int record(struct courier *c, const struct slot *s, const struct order_reply *r,
                  const struct outcome *o, struct err *e)
{
    const struct callback *cb = &s->cb;
    switch (o->state) {
    case CALLBACK_DELIVERED:
        return callback_sent(c->store, cb->id, cb->attempts, r->http_status, e);
    case CALLBACK_PENDING:
        return callback_retry(c->store, cb->id, cb->attempts, o->due_unix_ms, r->http_status,
                              r->message, e);
    case CALLBACK_FAILED:
        return callback_failed(c->store, cb->id, cb->attempts, r->http_status, r->message, e);
    case CALLBACK_NONE:
        break;
    }
    return err_bug(e, "an outcome without a state");
}

/* What cannot be recorded comes back by itself, and is sent once more. */
static void settle(struct courier *c, struct slot *s, const struct order_reply *r)
{
    struct err e;
    uint32_t chance = 0;
    (void)!getrandom(&chance, sizeof chance, 0);
    struct outcome o = outcome_decide(c->opt.conf, &s->cb, r, clock_unix_ms(), chance);
    log_outcome(c, s, r, &o);
    if (record(c, s, r, &o, &e) != 0) {
        log_error(&c->opt.log, "callback_not_recorded", &e);
        c->pause_until_mono_ns = clock_mono_ns() + STORE_PAUSE_MS * NS_PER_MS;
    }
    slot_free(c, s);
}

bool order_reply_ok(struct order_reply *r, size_t len)
{
    if (len != sizeof *r || r->slot >= ORDER_SLOTS_MAX || (int)r->end < ORDER_ANSWERED ||
        r->end > ORDER_UNREACHED || r->http_status < 0 || r->http_status > 999)
        return false;
    r->message[sizeof r->message - 1] = '\0';
    for (char *p = r->message; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
            *p = '?';
    return true;
}

static void take_replies(struct courier *c)
{
    for (;;) {
        struct order_reply r;
        ssize_t n = recv(c->sock_fd, &r, sizeof r, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0 || !order_reply_ok(&r, (size_t)n) || !c->slots[r.slot].taken) {
            c->runner_gone = true;
            return;
        }
        settle(c, &c->slots[r.slot], &r);
    }
}

/* ---- ordering one */

static uint32_t add_text(struct order *o, const char *text, size_t len)
{
    uint32_t at = o->text_len;
    memcpy(o->text + at, text, len);
    o->text[at + len] = '\0';
    o->text_len += (uint32_t)len + 1;
    return at;
}

/* Fill c->order for slot `s`; *ret_reason is set instead when it cannot be sent at all. */
static int make_order(struct courier *c, const struct slot *s, const char **ret_reason,
                      struct err *e)
{
    const struct conf *conf = c->opt.conf;
    const struct callback *cb = &s->cb;
    struct callback_secrets secrets;
    auto_buf_ struct buf body = { 0 }, headers = { 0 };
    bool found = false;
    if (callback_secrets_load(c->store, cb->key_id, &secrets, e) != 0 ||
        message_body(c->store, cb->id, &body, &found, e) != 0)
        return -1;
    *ret_reason = !secrets.found ? "its key has no secret to sign with"
                  : !found       ? "the submission is not there any more"
                                 : NULL;
    message_headers(&secrets, cb->id, clock_unix_ms(), buf_text(&body), body.len, &headers);
    explicit_bzero(&secrets, sizeof secrets);
    size_t url_len = strlen(cb->url);
    if (*ret_reason == NULL && url_len + headers.len + body.len + 3 > ORDER_TEXT_BYTES)
        *ret_reason = "what it has to say is too long";
    if (*ret_reason != NULL)
        return 0;
    struct order *o = c->order;
    o->slot = (uint32_t)(s - c->slots);
    o->timeout_ms = conf->callbacks_timeout_ms;
    o->response_bytes = conf->callbacks_response_bytes;
    o->rules = c->rules;
    snprintf(o->ca_file, sizeof o->ca_file, "%s", conf->callbacks_ca_file);
    o->text_len = 0;
    o->url_at = add_text(o, cb->url, url_len);
    o->headers_at = add_text(o, buf_text(&headers), headers.len);
    o->body_at = add_text(o, buf_text(&body), body.len);
    o->body_len = (uint32_t)body.len;
    return 0;
}

static void refuse(struct courier *c, struct slot *s, const char *reason)
{
    struct order_reply r = { .end = ORDER_REFUSED, .retry_after_ms = -1 };
    snprintf(r.message, sizeof r.message, "%.*s", ORDER_MESSAGE_BYTES - 1, reason);
    settle(c, s, &r);
}

static void order_one(struct courier *c, struct slot *s)
{
    struct err e;
    const char *reason = NULL;
    char expected[TARGET_REASON_BYTES], text[TARGET_REASON_BYTES + 16];
    if (make_order(c, s, &reason, &e) != 0) {
        log_error(&c->opt.log, "callback_not_made", &e); /* it comes back by itself */
        c->pause_until_mono_ns = clock_mono_ns() + STORE_PAUSE_MS * NS_PER_MS;
        slot_free(c, s);
        return;
    }
    if (reason == NULL && s->cb.attempts > c->opt.conf->callbacks_attempts)
        reason = "each of its tries ended without an outcome: whoever made them died";
    if (reason == NULL && target_check(s->cb.url, &c->rules, expected) != 0) {
        snprintf(text, sizeof text, "expected %s", expected); /* the rules were others then */
        reason = text;
    }
    if (reason != NULL) {
        refuse(c, s, reason);
        return;
    }
    size_t len = order_len(c->order);
    if (send(c->sock_fd, c->order, len, MSG_NOSIGNAL) != (ssize_t)len)
        c->runner_gone = true;
}

/* Fill free slots with what is due; when the next is due, in unix ms. */
static int64_t order_due(struct courier *c)
{
    const struct conf *conf = c->opt.conf;
    int64_t next_unix_ms = INT64_MAX;
    struct err e;
    bool may = conf->callbacks_enabled && c->stop_mono_ns == 0;
    while (may && !c->runner_gone && clock_mono_ns() >= c->pause_until_mono_ns) {
        const char *busy[ORDER_SLOTS_MAX];
        bool found = false;
        struct slot *s = free_slot(c);
        if (s == NULL)
            return INT64_MAX;
        if (callback_take(c->store, conf->callbacks_timeout_ms + HOLD_MORE_MS, busy,
                          busy_hosts(c, busy), &s->cb, &found, &e) != 0 ||
            (!found && callback_next(c->store, &next_unix_ms, &e) != 0)) {
            log_error(&c->opt.log, "callbacks_not_read", &e);
            c->pause_until_mono_ns = clock_mono_ns() + STORE_PAUSE_MS * NS_PER_MS;
            return INT64_MAX;
        }
        if (!found)
            return next_unix_ms;
        s->taken = true;
        s->since_mono_ns = clock_mono_ns();
        c->taken_count++;
        order_one(c, s);
    }
    return INT64_MAX;
}

/* ---- the loop */

static int load_rules(struct courier *c, struct err *e)
{
    return target_rules_of(c->opt.conf, &c->rules, e);
}

/* Tries that are on their way keep the rules that they were ordered with. */
static void reload(struct courier *c)
{
    struct conf next;
    auto_conf_change_ struct conf_change change = { 0 };
    struct err e;
    if (conf_reload(c->opt.conf, c->opt.config_file, c->opt.sets, &next, &change, &e) != 0) {
        conf_reload_refuse(&c->opt.log, c->opt.ready_fd, &e);
        return;
    }
    conf_done(c->opt.conf);
    *c->opt.conf = next;
    if (load_rules(c, &e) != 0) /* conf_check has read them */
        log_error(&c->opt.log, "rules_not_read", &e);
    conf_reload_say(&c->opt.log, c->opt.ready_fd, &change, "");
}

static void take_signals(struct courier *c)
{
    struct signalfd_siginfo s;
    while (read(c->signal_fd, &s, sizeof s) == (ssize_t)sizeof s) {
        if (s.ssi_signo == SIGHUP)
            reload(c);
        else if (c->stop_mono_ns == 0)
            c->stop_mono_ns = clock_mono_ns() + STOP_MS * NS_PER_MS;
    }
}

static void take_wakes(struct courier *c)
{
    struct wake_event ev;
    bool found = true;
    struct err ignored;
    while (wake_next(c->wake, &ev, &found, &ignored) == 0 && found)
        ;
}

/* A row that is due although nothing could be taken waits for its host; a landing wakes us. */
static int timeout_ms(const struct courier *c, int64_t next_unix_ms)
{
    int64_t left = next_unix_ms == INT64_MAX ? TICK_MS : next_unix_ms - clock_unix_ms();
    if (left <= 0 || left > TICK_MS || c->stop_mono_ns != 0)
        return c->stop_mono_ns != 0 ? TICK_MS / 10 : TICK_MS;
    return (int)left;
}

static void wait_events(struct courier *c, int64_t next_unix_ms)
{
    struct pollfd p[] = { { .fd = c->signal_fd, .events = POLLIN },
                          { .fd = wake_fd(c->wake), .events = POLLIN },
                          { .fd = c->sock_fd, .events = POLLIN } };
    if (poll(p, ARRAY_COUNT(p), timeout_ms(c, next_unix_ms)) <= 0)
        return;
    if (p[0].revents != 0)
        take_signals(c);
    if (p[1].revents != 0)
        take_wakes(c);
    if (p[2].revents != 0)
        take_replies(c);
}

static bool over(const struct courier *c)
{
    bool stopping = c->stop_mono_ns != 0;
    return c->runner_gone ||
           (stopping && (c->taken_count == 0 || clock_mono_ns() >= c->stop_mono_ns));
}

/* What had no answer is due again at once, for whoever comes next. */
static void put_back(struct courier *c)
{
    for (size_t i = 0; i < ORDER_SLOTS_MAX; i++) {
        struct err e;
        struct slot *s = &c->slots[i];
        if (!s->taken)
            continue;
        if (callback_put_back(c->store, s->cb.id, s->cb.attempts, &e) != 0)
            log_error(&c->opt.log, "callback_not_put_back", &e);
        slot_free(c, s);
    }
}

static int take_lock(struct courier *c, struct err *e)
{
    const struct timespec pause = { 0, LOCK_PAUSE_MS * NS_PER_MS };
    auto_free_ char *path = xasprintf("%s/run/courier.lock", c->opt.conf->store_data_dir);
    c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->lock_fd < 0)
        return err_sys(e, "open %s", path);
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        nanosleep(&pause, NULL);
    }
    return err_busy(e, "%s: another minos-courier serves this store", path);
}

static int open_all(struct courier *c, struct err *e)
{
    const char *dir = c->opt.conf->store_data_dir;
    const struct store_options so = { .data_dir = dir };
    int64_t recovered = 0;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (c->signal_fd < 0)
        return err_sys(e, "signalfd");
    if (store_open(&so, &c->store, e) != 0 || take_lock(c, e) != 0 || load_rules(c, e) != 0 ||
        wake_open(dir, WAKE_CALLBACK, &c->wake, e) != 0 ||
        callback_recover(c->store, &recovered, e) != 0)
        return -1;
    if (recovered > 0)
        log_event(&c->opt.log, LOG_WARN, "recovered", "callbacks=%" PRId64, recovered);
    return 0;
}

/* The runner says one byte when it is ready, or ends. */
static int await_runner(const struct courier *c, struct err *e)
{
    char hello = 0;
    if (recv(c->sock_fd, &hello, 1, 0) != 1)
        return err_set(e, ERR_SYS, 0, "the runner could not start");
    return 0;
}

static int serve(struct courier *c, struct err *e)
{
    if (open_all(c, e) != 0 || await_runner(c, e) != 0)
        return -1;
    log_event(&c->opt.log, LOG_INFO, "ready", "data=%s enabled=%d", c->opt.conf->store_data_dir,
              c->opt.conf->callbacks_enabled);
    ready_keep(c->opt.ready_fd);
    ready_tell(c->opt.ready_fd, "callbacks");
    while (!over(c)) {
        int64_t next_unix_ms = order_due(c);
        wait_events(c, next_unix_ms);
    }
    put_back(c);
    return c->runner_gone ? err_set(e, ERR_SYS, 0, "the runner ended") : 0;
}

int courier_run(const struct courier_options *opt, struct err *e)
{
    struct courier *c = xcalloc(1, sizeof *c);
    *c = (struct courier){ .opt = *opt, .signal_fd = -1, .lock_fd = -1, .sock_fd = opt->sock_fd };
    c->order = xcalloc(1, sizeof *c->order);
    int rc = serve(c, e);
    wake_close(c->wake);
    store_close(c->store);
    close_fd(&c->signal_fd);
    close_fd(&c->lock_fd);
    close_fd(&c->sock_fd);
    free(c->order);
    free(c);
    return rc;
}
