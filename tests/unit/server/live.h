/* live.h - a whole server within the test's process, a store beside it, and a client of raw
 * sockets. */
#pragma once

#include "tests/unit/schema/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "schema/wake.h"
#include "server/serve.h"
#include "tests/unit/server/unit.h"

struct live {
    struct place place;
    struct conf conf;
    struct server srv;
    bool running;
    char key[64];
};

static inline void live_stop(struct live *l)
{
    if (l->running)
        serve_stop(&l->srv);
    l->running = false;
}

static inline void live_done(struct live *l)
{
    live_stop(l);
    conf_done(&l->conf);
    place_done(&l->place);
}

#define auto_live_ __attribute__((cleanup(live_done)))

static inline void live_set(struct live *l, const char *key, const char *value)
{
    struct err e;
    ck_ok(conf_set(&l->conf, key, value, "test", &e));
}

/* A store with two languages and a configuration; live_start follows. */
static inline void live_prepare(struct live *l)
{
    struct err e;
    *l = (struct live){ .place = place_new() };
    struct language_record languages[] = {
        { TEXT("c17"), TEXT("C17"), TEXT("12"), true, TEXT("gcc"), TEXT("main.c"), NULL },
        { TEXT("cobol"), TEXT("COBOL"), NULL, false, TEXT("gnucobol"), TEXT("main.cob"), NULL },
    };
    ck_ok(languages_replace(l->place.s, languages, ARRAY_COUNT(languages), &e));
    conf_init(&l->conf);
    live_set(l, "store.data_dir", l->place.dir);
    live_set(l, "server.listen", "127.0.0.1:0");
    l->srv = (struct server){
        .conf = &l->conf, .log = { "test", LOG_ERROR }, .unguarded = true, .listen_fd = -1
    };
}

static inline void live_start(struct live *l)
{
    struct err e;
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGPIPE, &ignore, NULL);
    ck_ok(serve_start(&l->srv, &e));
    l->running = true;
    auto_free_ char *path = xasprintf("%s/admin.key", l->place.dir);
    auto_buf_ struct buf b = { 0 };
    if (io_read_file(AT_FDCWD, path, 63, &b, &e) == 0)
        snprintf(l->key, sizeof l->key, "%.*s", (int)strcspn(buf_text(&b), "\n"), buf_text(&b));
}

static inline void started(struct live *l)
{
    live_prepare(l);
    live_start(l);
}

/* ---- the client */

static inline int dial(const struct live *l)
{
    const char *colon = strrchr(l->srv.url, ':');
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

struct answer {
    long status;
    struct buf all;
    const char *body; /* within all */
};

static inline void answer_done(struct answer *a)
{
    buf_done(&a->all);
}

#define auto_answer_ __attribute__((cleanup(answer_done)))

/* Read to the end of the connection. */
static inline struct answer hear(int fd)
{
    struct answer a = { 0 };
    struct err e;
    ck_ok(io_read_to_buf(fd, &a.all, &e));
    close(fd);
    ck_assert_msg(strncmp(buf_text(&a.all), "HTTP/1.1 ", 9) == 0, "no answer: \"%.40s\"",
                  buf_text(&a.all));
    a.status = strtol(a.all.data + 9, NULL, 10);
    const char *end = strstr(a.all.data, "\r\n\r\n");
    a.body = end != NULL ? end + 4 : "";
    return a;
}

/* `head` holds further header lines, each with its \r\n; key "" sends none. */
static inline int say(const struct live *l, const char *key, const char *method, const char *path,
                      const char *head, const char *body)
{
    auto_buf_ struct buf b = { 0 };
    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", method, path,
               head);
    if (key[0] != '\0')
        buf_printf(&b, "Authorization: Bearer %s\r\n", key);
    if (body != NULL)
        buf_printf(&b, "Content-Length: %zu\r\n", strlen(body));
    buf_printf(&b, "\r\n%s", body != NULL ? body : "");
    int fd = dial(l);
    ck_assert_int_eq(io_write_all(fd, b.data, b.len), 0);
    return fd;
}

static inline struct answer ask(const struct live *l, const char *method, const char *path,
                                const char *head, const char *body)
{
    return hear(say(l, l->key, method, path, head, body));
}

static inline struct answer get(const struct live *l, const char *path)
{
    return ask(l, "GET", path, "", NULL);
}

/* It has this status and, anywhere, this part; it is freed. */
static inline void ck_status(struct answer a, long status, const char *part)
{
    ck_assert_msg(a.status == status, "wanted %ld: %s", status, buf_text(&a.all));
    ck_assert_has(buf_text(&a.all), part);
    answer_done(&a);
}

static inline json_t *parsed(const struct answer *a)
{
    json_t *j = json_loads(a->body, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(j != NULL, "%s", buf_text(&a->all));
    return j;
}

static inline const char *text_of(const json_t *j, const char *name)
{
    const char *s = json_string_value(json_object_get(j, name));
    return s != NULL ? s : "";
}

#define SMALL "{\"language\":\"c17\",\"source\":\"int main(){}\"}"

/* Submit; the id. */
static inline void submit(const struct live *l, const char *body, char ret_id[STORE_ID_BYTES])
{
    auto_answer_ struct answer a = ask(l, "POST", "/v1/submissions", "", body);
    ck_assert_msg(a.status == 202, "%s", buf_text(&a.all));
    auto_json_ json_t *j = parsed(&a);
    ck_assert_uint_eq(strlen(text_of(j, "id")), STORE_ID_BYTES - 1);
    memcpy(ret_id, text_of(j, "id"), STORE_ID_BYTES);
}

/* ---- the worker's part, by the store's own calls */

static inline void record(struct live *l, const struct claim *c, int64_t index)
{
    struct err e;
    bool mine = false;
    struct test_result t = { .index = index,
                             .verdict = VERDICT_ACCEPTED,
                             .cause = TEXT("none"),
                             .usage = { .cpu_time_ns = 1000000, .wall_time_ns = 2000000 },
                             .stdout_kept = { put(l->place.s, "out\n"), 9, 2, true } };
    ck_ok(record_one_test(l->place.s, c, &t, &mine, &e));
    ck_assert(mine);
    wake_send(l->place.dir, WAKE_PROGRESS, c->id);
}

static inline void advance(struct live *l, const struct claim *c, enum submission_state s)
{
    struct err e;
    bool mine = false;
    ck_ok(queue_advance(l->place.s, c, s, &mine, &e));
    wake_send(l->place.dir, WAKE_PROGRESS, c->id);
}

static inline void conclude(struct live *l, const struct claim *c)
{
    struct err e;
    bool mine = false;
    const struct phases phases = { true, 3000000, 0, 2000000, 1000000 };
    const struct attempt a = { .verdict = VERDICT_ACCEPTED,
                               .isolation_json = "{\"mode\":\"root\"}",
                               .phases = &phases };
    ck_ok(queue_record(l->place.s, c, &a, &mine, &e));
    ck_assert(mine);
    wake_send(l->place.dir, WAKE_PROGRESS, c->id);
}

/* Claim what waits and judge its first test. */
static inline void judge_one(struct live *l)
{
    struct claim c;
    ck_assert(claim_one(l->place.s, &c));
    advance(l, &c, SUBMISSION_RUNNING);
    record(l, &c, 0);
    conclude(l, &c);
}
