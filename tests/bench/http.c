/* http.c - one client's connection to a service; in a lane. */
#include "tests/bench/http.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "sandbox/base/cleanup.h"

enum { ANSWER_BYTES_MAX = 16 << 20, TIMEOUT_S = 120 };

struct http {
    CURL *curl;
    struct curl_slist *headers;
    char *url;
};

static size_t take_bytes(char *data, size_t size, size_t count, void *ctx)
{
    struct err ignored;
    return buf_add(ctx, data, size * count, &ignored) < 0 ? 0 : size * count;
}

int http_open(const char *url, const char *key, struct http **ret, struct err *e)
{
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return err_set(e, ERR_SYS, 0, "libcurl cannot start");
    struct http *h = xcalloc(1, sizeof *h);
    *h = (struct http){ .curl = curl, .url = xstrdup(url) };
    if (key != NULL) {
        auto_free_ char *line = xasprintf("Authorization: Bearer %s", key);
        h->headers = curl_slist_append(h->headers, line);
    }
    h->headers = curl_slist_append(h->headers, "Content-Type: application/json");
    h->headers = curl_slist_append(h->headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    *ret = h;
    return 0;
}

void http_close(struct http *h)
{
    if (h == NULL)
        return;
    curl_slist_free_all(h->headers);
    curl_easy_cleanup(h->curl);
    free(h->url);
    free(h);
}

static int perform(struct http *h, const char *verb, const char *path, long *ret_status,
                   struct buf *answer, struct err *e)
{
    auto_free_ char *url = xasprintf("%s%s", h->url, path);
    buf_done(answer);
    buf_init(answer, ANSWER_BYTES_MAX);
    curl_easy_setopt(h->curl, CURLOPT_URL, url);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(h->curl);
    if (code != CURLE_OK)
        return err_set(e, ERR_SYS, 0, "%s %s: %s", verb, url, curl_easy_strerror(code));
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

int http_get(struct http *h, const char *path, long *ret_status, struct buf *answer, struct err *e)
{
    curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
    return perform(h, "GET", path, ret_status, answer, e);
}

int http_post(struct http *h, const char *path, const char *body, long *ret_status,
              struct buf *answer, struct err *e)
{
    curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
    return perform(h, "POST", path, ret_status, answer, e);
}
