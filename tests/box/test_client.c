/*
 * test_client.c - a worker that was taken over sends everything wrong to a real keeper: each
 * message cut, stretched and changed at every place, descriptors of every kind, words out of order
 * and in floods, the end at every step. Each time the keeper refuses with a reason or goes, and
 * never by a signal; nothing of it is left; and the keeper of another slot works on.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/box/kit.h"
#include "tests/box/raw.h"

/* --- every message, changed at every place ---------------------------------------------------- */

static const struct {
    uint64_t value;
    size_t bytes;
} extremes[] = { { 0, 4 },          { 1, 4 },          { 0x7fffffff, 4 },
                 { 0x80000000, 4 }, { 0xffffffff, 4 }, { UINT64_C(1) << 63, 8 },
                 { INT64_MAX, 8 },  { UINT64_MAX, 8 }, { 0x2f2e2e2f, 4 } /* "/../" */ };

/* Variant `n` of a message: cut to each length, stretched, each place overwritten with each
 * extreme. Returns its length, 0 after the last. */
static size_t vary(const struct wire_out *whole, size_t n, uint8_t *ret)
{
    memcpy(ret, whole->data, whole->len);
    if (n + 1 < whole->len)
        return n + 1;
    n -= whole->len - 1;
    if (n < 3) {
        memset(ret + whole->len, 0, 8);
        return whole->len + (size_t)1 + 3 * n;
    }
    n -= 3;
    size_t at = 1 + n / ARRAY_COUNT(extremes), which = n % ARRAY_COUNT(extremes);
    if (at >= whole->len)
        return 0;
    size_t room = whole->len - at, bytes = extremes[which].bytes;
    memcpy(ret + at, &extremes[which].value, bytes < room ? bytes : room);
    return whole->len;
}

/* What answers a RUN of a changed command: the reason, or it was good enough to run. */
static void check_answer(struct scene *s, const char *what, size_t n)
{
    int type = raw_hear(&s->raw);
    ck_assert_msg(type == WIRE_ERROR || type == WIRE_OUTCOME, "%s, variant %zu: %s", what, n,
                  wire_type_name(type));
    if (type == WIRE_ERROR)
        ck_assert_msg(s->raw.told.kind == ERR_INPUT, "%s, variant %zu: %s", what, n,
                      s->raw.told.msg);
}

START_TEST(a_command_changed_at_any_place_is_refused_or_runs)
{
    struct scene *s = scene_open();
    static uint8_t bytes[WIRE_MESSAGE_MAX];
    auto_fd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    raw_open(&s->raw, &s->neighbour);
    raw_put_command(&s->raw, 0, "exit", "0", WIRE_STDIN);
    struct wire_out *whole = xcalloc(1, sizeof *whole);
    *whole = s->raw.out;
    size_t len;
    for (size_t n = 0; (len = vary(whole, n, bytes)) > 0; n++) {
        if (n > whole->len + 2 && n % 3 != 0)
            continue; /* a third of the many, spread over all places and values */
        ck_assert(raw_say(&s->raw, bytes, len, &null, 1));
        ck_assert(raw_say_run(&s->raw, 1));
        check_answer(s, "COMMAND", n);
    }
    ck_assert(raw_serves(&s->raw));
    raw_close(&s->raw);
    free(whole);
    scene_close(s);
}
END_TEST

START_TEST(a_place_changed_at_any_place_is_refused_or_runs)
{
    struct scene *s = scene_open();
    static uint8_t bytes[WIRE_MESSAGE_MAX];
    int fds[] = { kit_memfd("one"), kit_memfd("two") };
    const struct box_file files[] = { { "one", fds[0], false }, { "t", fds[1], true } };
    raw_open(&s->raw, &s->neighbour);
    struct wire_out *whole = xcalloc(1, sizeof *whole);
    wire_put_place(whole, 0, files, 2);
    size_t len;
    for (size_t n = 0; (len = vary(whole, n, bytes)) > 0; n++) {
        raw_put_command(&s->raw, 0, "exit", "0", WIRE_FILES);
        ck_assert(raw_say_out(&s->raw, NULL, 0) && raw_say(&s->raw, bytes, len, fds, 2));
        ck_assert(raw_say_run(&s->raw, 1));
        check_answer(s, "PLACE", n);
    }
    ck_assert(raw_serves(&s->raw));
    raw_close(&s->raw);
    free(whole);
    close(fds[0]);
    close(fds[1]);
    scene_close(s);
}
END_TEST

/* All variants of a short message while nothing is pending: refused, or answered as it must be. */
static void vary_short(struct scene *s, const struct wire_out *whole, int good_answer)
{
    uint8_t bytes[256];
    const char *name = wire_type_name(whole->data[0]);
    size_t len;
    for (size_t n = 0; (len = vary(whole, n, bytes)) > 0; n++) {
        if (!raw_say(&s->raw, bytes, len, NULL, 0) ||
            (good_answer == RAW_END && len == whole->len && raw_serves(&s->raw)))
            continue; /* a STOP that came too late has no answer */
        int type = raw_hear(&s->raw);
        ck_assert_msg(type == WIRE_ERROR || type == RAW_END || type == good_answer,
                      "%s, variant %zu: %s", name, n, wire_type_name(type));
        if (type == WIRE_ERROR)
            ck_assert_msg(s->raw.told.kind == ERR_INPUT, "%s: %s", name, s->raw.told.msg);
        if (type != RAW_END && raw_serves(&s->raw))
            continue;
        raw_close(&s->raw);
        raw_open(&s->raw, &s->neighbour);
    }
}

START_TEST(short_messages_changed_at_any_place_are_refused)
{
    struct scene *s = scene_open();
    struct wire_out *whole = xcalloc(1, sizeof *whole);
    raw_open(&s->raw, &s->neighbour);
    wire_put_run(whole, 1);
    vary_short(s, whole, WIRE_ERROR);
    wire_put_collect(whole, 1000);
    vary_short(s, whole, WIRE_ERROR);
    wire_put_empty(whole, WIRE_RELEASE);
    vary_short(s, whole, WIRE_RELEASED);
    wire_put_empty(whole, WIRE_FORGET);
    vary_short(s, whole, RAW_END);
    wire_put_hello(whole);
    vary_short(s, whole, WIRE_ERROR);
    raw_close(&s->raw);
    free(whole);
    scene_close(s);
}
END_TEST

START_TEST(a_hello_changed_at_any_place_is_refused)
{
    struct scene *s = scene_open();
    struct wire_out *whole = xcalloc(1, sizeof *whole);
    uint8_t bytes[256];
    size_t len;
    wire_put_hello(whole);
    for (size_t n = 0; (len = vary(whole, n, bytes)) > 0; n++) {
        if (memcmp(bytes, whole->data, whole->len) == 0 && len == whole->len)
            continue;
        raw_start(&s->raw, &s->neighbour);
        (void)raw_say(&s->raw, bytes, len, NULL, 0);
        int type = raw_hear(&s->raw);
        ck_assert_msg(type == WIRE_REFUSAL && s->raw.told.kind == ERR_INPUT, "variant %zu: %s", n,
                      wire_type_name(type));
        raw_close(&s->raw);
    }
    free(whole);
    scene_close(s);
}
END_TEST

/* --- words out of order ----------------------------------------------------------------------- */

static void start_sleeper(struct scene *s)
{
    raw_put_command(&s->raw, 0, "sleep", "60000", 0);
    ck_assert(raw_say_out(&s->raw, NULL, 0) && raw_say_run(&s->raw, 1));
}

/* The next command has its own tests (test_next.c). */
START_TEST(while_a_command_runs_every_word_but_stop_ends_the_run)
{
    struct scene *s = scene_open();
    raw_open(&s->raw, &s->neighbour);
    for (unsigned type = 0; type < 256; type += type < 80 ? 1 : 25) {
        uint8_t word[2] = { (uint8_t)type, 1 };
        if (type == WIRE_COMMAND || type == WIRE_PLACE)
            continue;
        start_sleeper(s);
        ck_assert(raw_say(&s->raw, word, 1 + type % 2, NULL, 0));
        scene_check_refused(s, "a word in a run");
    }
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

START_TEST(words_that_are_not_for_a_keeper_end_the_connection)
{
    static const uint8_t types[] = { 0,
                                     9,
                                     WIRE_GREETING,
                                     WIRE_REFUSAL,
                                     WIRE_ERROR,
                                     WIRE_FILE,
                                     WIRE_FILES_END,
                                     WIRE_RELEASED,
                                     WIRE_HELLO,
                                     127,
                                     128,
                                     255 };
    struct scene *s = scene_open();
    raw_open(&s->raw, &s->neighbour);
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        pid_t before = s->raw.pid;
        ck_assert(raw_say(&s->raw, &types[i], 1, NULL, 0));
        scene_check_refused(s, "a word for clients");
        ck_assert_int_ne(s->raw.pid, before);
    }
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

START_TEST(commands_out_of_order_are_refused_and_forgotten)
{
    struct scene *s = scene_open();
    const int fd = kit_memfd("x");
    const struct box_file file = { "x", fd, false };
    raw_open(&s->raw, &s->neighbour);
    ck_assert(raw_say_run(&s->raw, 1)); /* nothing to run */
    scene_check_refused(s, "RUN alone");
    wire_put_place(&s->raw.out, 0, &file, 1);
    ck_assert(raw_say_out(&s->raw, &fd, 1) && raw_say_run(&s->raw, 1));
    scene_check_refused(s, "PLACE alone");
    raw_put_command(&s->raw, 1, "exit", "0", 0); /* the second first */
    ck_assert(raw_say_out(&s->raw, NULL, 0) && raw_say_run(&s->raw, 1));
    scene_check_refused(s, "wrong index");
    raw_put_command(&s->raw, 0, "exit", "0", 0);
    ck_assert(raw_say_out(&s->raw, NULL, 0));
    wire_put_place(&s->raw.out, 0, &file, 1);
    ck_assert(raw_say_out(&s->raw, &fd, 1) && raw_say_run(&s->raw, 1));
    scene_check_refused(s, "PLACE without a word of it");
    raw_put_command(&s->raw, 0, "exit", "0", WIRE_FILES);
    ck_assert(raw_say_out(&s->raw, NULL, 0) && raw_say_run(&s->raw, 1));
    scene_check_refused(s, "no PLACE after a word of it");
    raw_put_command(&s->raw, 0, "exit", "0", WIRE_FILES);
    ck_assert(raw_say_out(&s->raw, NULL, 0));
    for (int i = 0; i < 2; i++) { /* twice */
        wire_put_place(&s->raw.out, 0, &file, 1);
        ck_assert(raw_say_out(&s->raw, &fd, 1));
    }
    ck_assert(raw_say_run(&s->raw, 1));
    scene_check_refused(s, "two PLACEs");
    for (uint32_t i = 0; i < 3 * BOX_COMMANDS_MAX; i++) {
        raw_put_command(&s->raw, i % BOX_COMMANDS_MAX, "exit", "0", 0);
        ck_assert(raw_say_out(&s->raw, NULL, 0));
    }
    ck_assert(raw_say_run(&s->raw, BOX_COMMANDS_MAX));
    scene_check_refused(s, "too many commands");
    wire_put_collect(&s->raw.out, 1000);
    ck_assert(raw_say_out(&s->raw, NULL, 0));
    scene_check_refused(s, "COLLECT of nothing");
    raw_close(&s->raw);
    close(fd);
    scene_close(s);
}
END_TEST

START_TEST(a_flood_of_stops_ends_the_run_and_disturbs_nobody)
{
    struct scene *s = scene_open();
    raw_open(&s->raw, &s->neighbour);
    start_sleeper(s);
    wire_put_stop(&s->raw.out, BOX_CAUSE_CANCEL, 0); /* which stop nothing */
    for (int i = 0; i < 1000; i++)
        if (!raw_say_out(&s->raw, NULL, 0))
            break;
    int type = raw_hear(&s->raw);
    ck_assert_int_eq(type, WIRE_ERROR);
    ck_assert_msg(strstr(s->raw.told.msg, "STOP: more than") != NULL, "%s", s->raw.told.msg);
    ck_assert(raw_serves(&s->raw)); /* the late ones are ignored */
    start_sleeper(s);
    wire_put_stop(&s->raw.out, BOX_CAUSE_CANCEL, WIRE_STOP_ALL); /* also who is not there */
    ck_assert(raw_say_out(&s->raw, NULL, 0));
    ck_assert_int_eq(raw_hear(&s->raw), WIRE_OUTCOME);
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

KIT_MAIN("box client", a_command_changed_at_any_place_is_refused_or_runs,
         a_place_changed_at_any_place_is_refused_or_runs,
         short_messages_changed_at_any_place_are_refused, a_hello_changed_at_any_place_is_refused,
         while_a_command_runs_every_word_but_stop_ends_the_run,
         words_that_are_not_for_a_keeper_end_the_connection,
         commands_out_of_order_are_refused_and_forgotten,
         a_flood_of_stops_ends_the_run_and_disturbs_nobody)
