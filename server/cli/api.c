/* api.c - requests to minos-server by libcurl; the `minos` process. */
#include "server/cli/api.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "server/cli/exact.h"
#include "server/cli/sse.h"
#include "server/cli/text.h"

enum { ANSWER_BYTES_MAX = 512 << 20, KEY_FILE_BYTES_MAX = 4096 };

struct api {
    CURL *curl;
    struct curl_slist *headers;
    char *url, *key, *key_origin; /* key NULL: none was found; key_origin: where it was sought */
    long status;
    char curl_message[CURL_ERROR_SIZE];
    bool exact; /* answers are printed as they are: their numbers are marked (exact.h) */
};

static void trim_end(char *text, const char *set)
{
    size_t len = strlen(text);
    while (len > 0 && strchr(set, text[len - 1]) != NULL)
        text[--len] = '\0';
}

/* The key in the file at `path`. */
static int read_key(const char *path, char **ret, struct err *e)
{
    auto_buf_ struct buf b = { 0 };
    if (io_read_file(AT_FDCWD, path, KEY_FILE_BYTES_MAX, &b, e) < 0)
        return err_wrap(e, "API key");
    auto_free_ char *key = buf_take(&b);
    trim_end(key, " \t\r\n");
    for (const char *p = key; *p != '\0'; p++)
        if (!isgraph((unsigned char)*p))
            return err_input(e, "API key: %s: expected one word", path);
    if (key[0] == '\0')
        return err_input(e, "API key: %s is empty", path);
    *ret = take_ptr(&key);
    return 0;
}

static int find_key(struct api *a, const struct common *c, struct err *e)
{
    const char *env = getenv("MINOS_KEY");
    if (c->key_file != NULL) {
        a->key_origin = xstrdup(c->key_file);
        int r = read_key(c->key_file, &a->key, e);
        if (r < 0)
            e->kind = ERR_INPUT; /* the file was named on the command line */
        return r;
    }
    if (env != NULL && env[0] != '\0') {
        a->key_origin = xstrdup("$MINOS_KEY");
        a->key = xstrdup(env);
        return 0;
    }
    a->key_origin = xasprintf("%s/admin.key", cli_data_dir(c));
    /* A server may serve without keys, so none is no error yet: see explain_refusal. */
    if (access(a->key_origin, R_OK) == 0 && read_key(a->key_origin, &a->key, e) < 0)
        return -1;
    return 0;
}

int api_open(const struct common *c, struct api **ret, struct err *e)
{
    const char *env = getenv("MINOS_URL");
    const char *url = c->url != NULL ? c->url : env != NULL && env[0] != '\0' ? env : NULL;
    struct api *a = xcalloc(1, sizeof *a);
    a->url = xstrdup(url != NULL ? url : CLI_DEFAULT_URL);
    trim_end(a->url, "/");
    a->exact = c->json;
    a->curl = curl_easy_init();
    if (find_key(a, c, e) < 0 || a->curl == NULL) {
        int r = a->curl == NULL ? err_set(e, ERR_SYS, 0, "libcurl cannot start") : -1;
        api_close(a);
        return r;
    }
    if (a->key != NULL) {
        auto_free_ char *line = xasprintf("Authorization: Bearer %s", a->key);
        a->headers = curl_slist_append(a->headers, line);
    }
    a->headers = curl_slist_append(a->headers, "Content-Type: application/json");
    a->headers = curl_slist_append(a->headers, "Expect:"); /* no round trip before large bodies */
    *ret = a;
    return 0;
}

void api_close(struct api *a)
{
    if (a == NULL)
        return;
    curl_slist_free_all(a->headers);
    if (a->curl != NULL)
        curl_easy_cleanup(a->curl);
    free(a->url);
    free(a->key);
    free(a->key_origin);
    free(a);
}

const char *api_url(const struct api *a)
{
    return a->url;
}

const char *api_key_text(const struct api *a)
{
    return a->key;
}

long api_status(const struct api *a)
{
    return a->status;
}

/* Where the bytes of an answer go: events only while the status is 200, else they are a problem
 * document. */
struct answer {
    CURL *curl;
    struct buf body;
    struct sse *sse;
    int sse_result;
    bool failed;
    struct err err;
};

static size_t take_bytes(char *data, size_t size, size_t count, void *ctx)
{
    struct answer *in = ctx;
    size_t len = size * count;
    long status = 0;
    curl_easy_getinfo(in->curl, CURLINFO_RESPONSE_CODE, &status);
    if (in->sse != NULL && status == 200) {
        in->sse_result = sse_feed(in->sse, data, len, &in->err);
        in->failed = in->sse_result < 0;
        return in->sse_result != 0 ? 0 : len; /* 0 ends the transfer */
    }
    in->failed = buf_add(&in->body, data, len, &in->err) < 0;
    return in->failed ? 0 : len;
}

/* "; tests[0].limits: expected ..." for each row of the problem's list. */
static void append_fields(const json_t *errors, struct buf *b)
{
    size_t i;
    const json_t *row;
    json_array_foreach(errors, i, row)
    {
        auto_free_ char *value =
            json_dumps(json_object_get(row, "value"), JSON_ENCODE_ANY | JSON_COMPACT);
        buf_printf(b, "%s%s: expected %s", b->len > 0 ? "; " : "", text_member(row, "field"),
                   text_member(row, "expected"));
        if (value != NULL)
            buf_printf(b, ", got %.100s", value);
    }
}

/* Turn an answer of 400 and above into an error, from its problem document (RFC 9457). */
static int explain_refusal(const struct api *a, const struct buf *body, struct err *e)
{
    json_t *problem = json_loadb(buf_text(body), body->len, JSON_ALLOW_NUL, NULL);
    auto_buf_ struct buf why = { 0 };
    append_fields(json_object_get(problem, "errors"), &why);
    const char *detail = text_member(problem, "detail"), *title = text_member(problem, "title");
    const char *words = why.len > 0 ? buf_text(&why) : detail[0] != '\0' ? detail : title;
    bool asker = a->status >= 400 && a->status < 500 && a->status != 429;
    bool busy = a->status == 429 || a->status == 503;
    enum err_kind kind = asker ? ERR_INPUT : busy ? ERR_BUSY : ERR_SYS;
    if (a->status == 401 && a->key == NULL)
        err_set(e, kind, 0,
                "the server wants an API key: give --key-file FILE or $MINOS_KEY (no key could be "
                "read from %s)",
                a->key_origin);
    else if (a->status == 401)
        err_set(e, kind, 0, "the server does not know the key from %s", a->key_origin);
    else
        err_set(e, kind, 0, "the server answered %ld: %s", a->status,
                words[0] != '\0' ? words : "no reason given");
    json_decref(problem);
    return -1;
}

static void set_request(struct api *a, const char *method, const char *url, const char *body,
                        struct answer *in)
{
    CURL *c = a->curl;
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, a->headers);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "minos/" MINOS_VERSION);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, a->curl_message);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, in);
    if (body == NULL)
        return;
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
}

/* One exchange. An event stream that its reader stopped is a success. */
static int exchange(struct api *a, const char *method, const char *path, const char *body,
                    struct answer *in, struct err *e)
{
    auto_free_ char *url = xasprintf("%s%s", a->url, path);
    in->curl = a->curl;
    buf_init(&in->body, ANSWER_BYTES_MAX);
    a->curl_message[0] = '\0';
    a->status = 0;
    set_request(a, method, url, body, in);
    CURLcode code = curl_easy_perform(a->curl);
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &a->status);
    if (in->failed) {
        *e = in->err;
        return err_wrap(e, "answer of %s", a->url);
    }
    bool stopped = in->sse != NULL && in->sse_result != 0;
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
        return err_input(e, "--url: expected http://HOST:PORT, got \"%.200s\"", a->url);
    if (code != CURLE_OK && !stopped)
        return err_set(e, ERR_SYS, 0, "%s: %s", a->url,
                       a->curl_message[0] != '\0' ? a->curl_message : curl_easy_strerror(code));
    return a->status >= 400 ? explain_refusal(a, &in->body, e) : 0;
}

static int exchange_json(struct api *a, const char *method, const char *path, const json_t *body,
                         json_t **ret, struct err *e)
{
    auto_free_ char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    if (body != NULL && text == NULL)
        return err_bug(e, "the request cannot be written as JSON");
    struct answer in = { 0 };
    int r = exchange(a, method, path, text, &in, e);
    if (r == 0 && ret != NULL) {
        json_error_t why;
        auto_buf_ struct buf marked = { 0 };
        if (a->exact)
            exact_mark(buf_text(&in.body), in.body.len, &marked);
        const struct buf *text_of = a->exact ? &marked : &in.body;
        *ret = json_loadb(buf_text(text_of), text_of->len, JSON_ALLOW_NUL, &why);
        if (*ret == NULL)
            r = err_set(e, ERR_SYS, 0, "%s%s: the answer is no JSON: %s", a->url, path, why.text);
    }
    buf_done(&in.body);
    return r;
}

int api_get(struct api *a, const char *path, json_t **ret, struct err *e)
{
    return exchange_json(a, "GET", path, NULL, ret, e);
}

int api_post(struct api *a, const char *path, const json_t *body, json_t **ret, struct err *e)
{
    return exchange_json(a, "POST", path, body, ret, e);
}

int api_post_once(struct api *a, const char *path, const json_t *body, const char *name,
                  json_t **ret, struct err *e)
{
    if (name == NULL)
        return api_post(a, path, body, ret, e);
    for (const char *c = name; *c != '\0'; c++)
        if (!isgraph((unsigned char)*c))
            return err_input(e, "expected one word of ASCII as a name, got \"%.64s\"", name);
    auto_free_ char *line = xasprintf("Idempotency-Key: %s", name);
    struct curl_slist one_more = { .data = line, .next = a->headers };
    a->headers = &one_more;
    int r = api_post(a, path, body, ret, e);
    a->headers = one_more.next;
    return r;
}

int api_patch(struct api *a, const char *path, const json_t *body, json_t **ret, struct err *e)
{
    return exchange_json(a, "PATCH", path, body, ret, e);
}

int api_delete(struct api *a, const char *path, struct err *e)
{
    return exchange_json(a, "DELETE", path, NULL, NULL, e);
}

int api_get_raw(struct api *a, const char *path, struct buf *ret, struct err *e)
{
    struct answer in = { 0 };
    int r = exchange(a, "GET", path, NULL, &in, e);
    if (r == 0)
        r = buf_add(ret, buf_text(&in.body), in.body.len, e);
    buf_done(&in.body);
    return r;
}

int api_events(struct api *a, const char *path,
               int (*on_event)(void *ctx, const char *event, const char *data), void *ctx,
               bool *ret_stopped, struct err *e)
{
    struct sse sse;
    sse_init(&sse, on_event, ctx);
    struct answer in = { .sse = &sse };
    int r = exchange(a, "GET", path, NULL, &in, e);
    *ret_stopped = in.sse_result > 0;
    buf_done(&in.body);
    sse_done(&sse);
    return r;
}

void api_escape(const char *text, struct buf *b)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool plain = isalnum((unsigned char)*p) || strchr("-._~", *p) != NULL;
        if (plain)
            buf_printf(b, "%c", *p);
        else
            buf_printf(b, "%%%02X", (unsigned char)*p);
    }
}

const json_t *api_list(const json_t *root, const char *name)
{
    const json_t *list = json_is_array(root) ? root : json_object_get(root, name);
    return json_is_array(list) ? list : NULL;
}
