/*
 * fuzz_request.c - any request to the HTTP API: libFuzzer's entry.
 *
 * The bytes are a request as it comes over the wire, with plain line ends: "GET /v1/limits?x=1",
 * headers, an empty line, the body. "$a" and "$u" stand for the keys of an admin and a user, "$d"
 * for a submission of the user's that has ended, "$w" for one of the admin's that waits, "$c" for a
 * cursor. The real route, checks, decoders and handlers answer, with the real store, whose changes
 * are rolled back (fake.h). Whatever it is: there is one answer, with a status that the OpenAPI
 * document has for the operation and that is not 500; JSON is JSON, a problem says its status, and
 * who must come again is told when; no header can be broken into two; and nobody is told of what is
 * not his.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <jansson.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/units.h"
#include "server/http.h"
#include "server/openapi.h"
#include "server/route.h"
#include "tests/fuzz/fake.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scene.h"

enum { TEXT_BYTES_MAX = 1 << 16, METHOD_BYTES = 16, PIECE_BYTES = 61 };

struct ground {
    struct scene scene;
    struct conf conf;
    struct server srv;
    json_t *paths; /* of the OpenAPI document */
};

struct asked {
    char *text;
    char method[METHOD_BYTES];
    char *url, *body;
    size_t body_len;
    struct MHD_Connection conn;
    struct sockaddr_in peer;
    bool user;      /* the user's key is what it shows */
    bool coded_nul; /* in its path: nothing has such a name */
};

/* --- once a process ------------------------------------------------------------------------------
 */

static void load_document(struct ground *g)
{
    size_t len = 0;
    const char *text = openapi_text(&len);
    json_t *doc = json_loadb(text, len, 0, NULL);
    g->paths = json_incref(json_object_get(doc, "paths"));
    json_decref(doc);
    assert(json_is_object(g->paths));
}

static struct ground *make_ground(void)
{
    struct ground *g = xcalloc(1, sizeof *g);
    struct err e;
    scene_make(&g->scene);
    load_document(g);
    fake_use(g->scene.s);
    conf_init(&g->conf);
    int r = conf_set(&g->conf, "store.data_dir", g->scene.dir, "fuzz", &e) |
            conf_set(&g->conf, "server.allow_anonymous", "true", "fuzz", &e) |
            /* a fuzzer that is stopped for a while is not a slow client */
            conf_set(&g->conf, "server.idle_timeout_ms", "1h", "fuzz", &e);
    assert(r == 0);
    g->srv = (struct server){ .conf = &g->conf,
                              .log = { "fuzz", LOG_ERROR },
                              .bodies_max_bytes = 1 << 20,
                              .auth = auth_new(NULL, &g->conf.quotas),
                              .catalog = catalog_new(NULL),
                              .metrics = metrics_new(),
                              .rate = rate_new() };
    r = http_start(&g->srv, -1, &g->srv.http, &e);
    assert(r == 0);
    return g;
}

static struct ground *ground(void)
{
    static struct ground *made;
    if (made == NULL)
        made = make_ground();
    return made;
}

/* --- reading the request as libmicrohttpd does ---------------------------------------------------
 */

/* The input with its names replaced; no NUL within. */
static char *expand(const struct scene *sc, const uint8_t *data, size_t len)
{
    auto_buf_ struct buf b = { 0 };
    for (size_t i = 0; i < len && b.len < TEXT_BYTES_MAX; i++) {
        const char *stands = NULL;
        switch (data[i] == '$' && i + 1 < len ? data[i + 1] : 0) {
        case 'a':
            stands = sc->admin;
            break;
        case 'u':
            stands = sc->user;
            break;
        case 'd':
            stands = sc->done_id;
            break;
        case 'w':
            stands = sc->waiting_id;
            break;
        case 'c':
            stands = sc->cursor;
            break;
        }
        if (stands != NULL)
            buf_puts(&b, stands);
        else if (data[i] != '\0')
            buf_printf(&b, "%c", data[i]);
        i += stands != NULL;
    }
    return buf_take(&b);
}

/* A parameter's name or value. */
static void unescape(char *text)
{
    for (char *plus = strchr(text, '+'); plus != NULL; plus = strchr(plus, '+'))
        *plus = ' ';
    fake_unescape(text);
}

static void add_pair(struct MHD_Connection *c, enum MHD_ValueKind kind, char *name, char *value)
{
    if (c->pair_count < FAKE_PAIRS_MAX)
        c->pairs[c->pair_count++] = (struct fake_pair){ kind, name, value };
}

/* Cut `text` at the first of `end`; what comes behind, NULL when there is none. */
static char *cut(char *text, const char *end)
{
    char *at = strpbrk(text, end);
    if (at != NULL)
        *at++ = '\0';
    return at;
}

static void read_query(struct asked *a, char *query)
{
    while (query != NULL) {
        char *next = cut(query, "&"), *value = cut(query, "=");
        unescape(query);
        if (value != NULL)
            unescape(value);
        if (query[0] != '\0' || value != NULL)
            add_pair(&a->conn, MHD_GET_ARGUMENT_KIND, query, value);
        query = next;
    }
}

static void read_headers(struct asked *a, const struct scene *sc, char *line)
{
    a->peer = (struct sockaddr_in){ .sin_family = AF_INET };
    a->peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a->conn.peer = (const struct sockaddr *)&a->peer;
    while (line != NULL && line[0] != '\n' && line[0] != '\0') {
        char *next = cut(line, "\n"), *value = cut(line, ":");
        while (value != NULL && *value == ' ')
            value++;
        if (value != NULL) {
            add_pair(&a->conn, MHD_HEADER_KIND, line, value);
            if (strcasecmp(line, "X-Far") == 0)
                a->peer.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
            if (strcasecmp(line, "Authorization") == 0 && strstr(value, sc->user) != NULL)
                a->user = true;
        }
        line = next;
    }
    if (line != NULL && line[0] == '\n')
        a->body = line + 1;
}

static void read_request(struct asked *a, const struct scene *sc, const uint8_t *data, size_t len)
{
    *a = (struct asked){ .text = expand(sc, data, len) };
    a->conn.head_bytes = strlen(a->text);
    char *headers = cut(a->text, "\n"), *url = cut(a->text, " ");
    snprintf(a->method, sizeof a->method, "%s", a->text);
    a->url = url != NULL ? url : a->text + strlen(a->text);
    (void)cut(a->url, " ");
    read_query(a, cut(a->url, "?"));
    a->coded_nul = strstr(a->url, "%00") != NULL;
    fake_unescape(a->url);
    a->body = a->text + strlen(a->text);
    read_headers(a, sc, headers);
    a->body_len = strlen(a->body);
    a->conn.head_bytes -= a->body_len;
}

/* --- the answer
 * ------------------------------------------------------------------------------------ */

static bool documented(const struct ground *g, const struct asked *a)
{
    struct route_params params;
    bool known = false;
    const struct route *r = route_find(a->method, a->url, &params, &known);
    unsigned status = a->conn.status;
    if (a->coded_nul && status >= 200 && status < 300 && status != 204)
        return false;
    if (r == NULL)
        return status == (known ? strcmp(a->method, "OPTIONS") == 0 ? 204 : 405 : 404) ||
               status == 400 || status == 431;
    char method[METHOD_BYTES], number[8];
    for (size_t i = 0; i <= strlen(r->method); i++)
        method[i] = (char)(r->method[i] | (r->method[i] != '\0' ? 32 : 0));
    snprintf(number, sizeof number, "%u", status);
    const json_t *operation = json_object_get(json_object_get(g->paths, r->path), method);
    return json_object_get(json_object_get(operation, "responses"), number) != NULL;
}

static void check_headers(const struct MHD_Connection *c)
{
    for (size_t i = 0; i < c->response->header_count; i++)
        for (const char *p = c->response->headers[i].value; *p != '\0'; p++)
            assert((unsigned char)*p >= 0x20 && *p != 0x7f);
    int64_t seconds = 0;
    struct err e;
    const char *retry = fake_header(c, "Retry-After");
    if (c->status == 503 || c->status == 429)
        assert(retry != NULL && units_parse_int(retry, 1, 1 << 30, &seconds, &e) == 0);
    const char *where = fake_header(c, "Location");
    assert(where == NULL || strncmp(where, "/v1/", 4) == 0);
}

static void check_json(const struct MHD_Connection *c)
{
    const char *type = fake_header(c, "Content-Type");
    if (type == NULL || strstr(type, "json") == NULL)
        return;
    json_error_t je;
    json_t *root = json_loadb(buf_text(&c->response->body), c->response->body.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
    assert(json_is_object(root));
    if (strcmp(type, "application/problem+json") == 0) {
        const json_t *errors = json_object_get(root, "errors");
        assert(json_integer_value(json_object_get(root, "status")) == c->status);
        assert(json_string_length(json_object_get(root, "title")) > 0);
        assert(json_string_length(json_object_get(root, "detail")) > 0);
        assert(errors == NULL || json_array_size(errors) > 0);
    }
    json_decref(root);
}

/* The user hears of the admin's submission only what he said himself. */
static void check_secrets(const struct ground *g, const struct asked *a, const char *said)
{
    const struct buf *body = &a->conn.response->body;
    const char *text = buf_text(body), *id = g->scene.waiting_id;
    if (a->user && body->len > 0 && strstr(said, id) == NULL)
        assert(memmem(text, body->len, id, strlen(id)) == NULL);
    assert(body->len == 0 ||
           memmem(text, body->len, g->scene.admin, strlen(g->scene.admin)) == NULL ||
           strstr(said, g->scene.admin) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ground *g = ground();
    struct asked a;
    auto_free_ char *said = expand(&g->scene, data, len);
    read_request(&a, &g->scene, data, len);
    fake_ask(&a.conn, a.method, a.url, a.body, a.body_len, PIECE_BYTES);
    assert(a.conn.status != 500);
    assert(documented(g, &a));
    check_headers(&a.conn);
    check_json(&a.conn);
    check_secrets(g, &a, said);
    fake_end(&a.conn);
    fake_forget();
    auth_forget(g->srv.auth);
    assert(g->srv.active_count == 0 && g->srv.bodies_bytes == 0 && g->srv.replies_bytes == 0 &&
           g->srv.stream_count == 0);
    free(a.text);
    return 0;
}
