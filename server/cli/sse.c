/* sse.c - the parser of server-sent events; the `minos` process. */
#include "server/cli/sse.h"

#include <stdbool.h>
#include <string.h>

void sse_init(struct sse *s, int (*on_event)(void *ctx, const char *event, const char *data),
              void *ctx)
{
    *s = (struct sse){ .on_event = on_event, .ctx = ctx };
    buf_init(&s->line, SSE_EVENT_BYTES_MAX);
    buf_init(&s->event, SSE_EVENT_BYTES_MAX);
    buf_init(&s->data, SSE_EVENT_BYTES_MAX);
}

void sse_done(struct sse *s)
{
    buf_done(&s->line);
    buf_done(&s->event);
    buf_done(&s->data);
}

static void clear(struct buf *b)
{
    b->len = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

/* A blank line: what was gathered is an event, if it has data. */
static int dispatch(struct sse *s)
{
    int r = 0;
    if (s->data.len > 0) {
        s->data.data[--s->data.len] = '\0'; /* the last newline does not belong to it */
        r = s->on_event(s->ctx, s->event.len > 0 ? buf_text(&s->event) : "message",
                        buf_text(&s->data));
    }
    clear(&s->event);
    clear(&s->data);
    return r;
}

static int take_line(struct sse *s, struct err *e)
{
    char *line = s->line.data;
    if (s->line.len == 0)
        return dispatch(s);
    char *colon = strchr(line, ':');
    if (colon == line)
        return 0; /* a comment, which keeps the connection alive */
    const char *value = "";
    if (colon != NULL) {
        *colon = '\0';
        value = colon + 1 + (colon[1] == ' ');
    }
    if (strcmp(line, "event") == 0) {
        clear(&s->event);
        return buf_add(&s->event, value, strlen(value), e);
    }
    if (strcmp(line, "data") != 0)
        return 0;
    if (buf_add(&s->data, value, strlen(value), e) < 0 || buf_add(&s->data, "\n", 1, e) < 0)
        return -1;
    return 0;
}

int sse_feed(struct sse *s, const char *bytes, size_t len, struct err *e)
{
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t n = end != NULL ? (size_t)(end - bytes) : len;
        if (buf_add(&s->line, bytes, n, e) < 0)
            return -1;
        bytes += n + (end != NULL);
        len -= n + (end != NULL);
        if (end == NULL)
            break;
        if (s->line.len > 0 && s->line.data[s->line.len - 1] == '\r')
            s->line.data[--s->line.len] = '\0';
        int r = take_line(s, e);
        clear(&s->line);
        if (r != 0)
            return r;
    }
    return 0;
}
