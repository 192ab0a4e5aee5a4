/* test_sse.c - the parser of server-sent events; one process. */
#include "server/cli/sse.h"

#include "tests/unit/cli/unit.h"

struct seen {
    struct buf text;
    int stop_at, count;
};

static int note(void *ctx, const char *event, const char *data)
{
    struct seen *s = ctx;
    buf_printf(&s->text, "[%s|%s]", event, data);
    return ++s->count == s->stop_at;
}

/* Feed in pieces of `step` bytes; *ret is the last result. */
static void feed(const char *stream, size_t step, struct seen *s, int *ret)
{
    struct sse sse;
    struct err e;
    sse_init(&sse, note, s);
    *ret = 0;
    for (size_t at = 0; at < strlen(stream) && *ret == 0; at += step) {
        size_t left = strlen(stream) - at;
        *ret = sse_feed(&sse, stream + at, left < step ? left : step, &e);
    }
    sse_done(&sse);
}

static void expect(const char *stream, const char *want)
{
    for (size_t step = 1; step < 40; step += 6) {
        struct seen s = { 0 };
        int r;
        feed(stream, step, &s, &r);
        ck_assert_int_eq(r, 0);
        ck_assert_str_eq(buf_text(&s.text), want);
        buf_done(&s.text);
    }
}

START_TEST(an_event_has_a_name_and_data)
{
    expect("event: test\ndata: {\"n\": 1}\n\n", "[test|{\"n\": 1}]");
}
END_TEST

START_TEST(an_event_without_a_name_is_a_message)
{
    expect("data: x\n\n", "[message|x]");
}
END_TEST

START_TEST(lines_of_data_are_joined)
{
    expect("data: a\ndata:b\ndata\n\n", "[message|a\nb\n]");
}
END_TEST

START_TEST(comments_ids_and_empty_events_are_skipped)
{
    expect(": keep-alive\n\nid: 7\nretry: 100\n\nevent: nothing\n\ndata: x\n\n", "[message|x]");
}
END_TEST

START_TEST(carriage_returns_end_lines_too)
{
    expect("event: e\r\ndata: d\r\n\r\n", "[e|d]");
}
END_TEST

START_TEST(a_half_event_is_not_told)
{
    expect("data: whole\n\ndata: half\n", "[message|whole]");
}
END_TEST

START_TEST(the_reader_can_stop)
{
    struct seen s = { .stop_at = 1 };
    int r;
    feed("data: 1\n\ndata: 2\n\n", 100, &s, &r);
    ck_assert_int_eq(r, 1);
    ck_assert_str_eq(buf_text(&s.text), "[message|1]");
    buf_done(&s.text);
}
END_TEST

START_TEST(an_endless_line_is_an_error)
{
    struct seen s = { 0 };
    struct sse sse;
    struct err e;
    auto_free_ char *block = xcalloc(1, 1 << 20);
    memset(block, 'x', 1 << 20);
    sse_init(&sse, note, &s);
    int r = 0;
    for (int i = 0; i < 20 && r == 0; i++)
        r = sse_feed(&sse, block, 1 << 20, &e);
    ck_assert_int_eq(r, -1);
    sse_done(&sse);
}
END_TEST

UNIT_MAIN("sse", an_event_has_a_name_and_data, an_event_without_a_name_is_a_message,
          lines_of_data_are_joined, comments_ids_and_empty_events_are_skipped,
          carriage_returns_end_lines_too, a_half_event_is_not_told, the_reader_can_stop,
          an_endless_line_is_an_error)
