/* test_joins.c - several commands at once, sinks that have enough, watches; real keepers. */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "tests/box/kit.h"

static const struct box_sink nowhere = { .fd = -1 };

START_TEST(stdout_of_one_command_is_stdin_of_another)
{
    struct kit k;
    struct shot one, two;
    struct err e;
    kit_open(&k, NULL);
    shot_init(&one, "write", "1", "5000000", NULL);
    shot_init(&two, "cat", NULL);
    one.command.stdout_sink = nowhere;
    struct box_command both[] = { one.command, two.command };
    struct box_join join = { .from = 0, .to = 1 };
    struct box_outcome o[2];
    ck_assert_msg(box_run(k.box, both, 2, &join, 1, NULL, o, &e) == 0, "%s", e.msg);
    check_exit(&o[0], 0);
    check_exit(&o[1], 0);
    ck_assert_int_eq(o[0].stdout_bytes, -1);
    ck_assert_int_eq(o[1].stdout_bytes, 5000000);
    shot_done(&one);
    shot_done(&two);
    kit_close(&k);
}
END_TEST

START_TEST(two_commands_can_talk_to_each_other)
{
    struct kit k;
    struct shot ping, pong;
    struct err e;
    kit_open(&k, NULL);
    shot_init(&ping, "ping", "1000", NULL);
    shot_init(&pong, "pong", NULL);
    ping.command.stdout_sink = pong.command.stdout_sink = nowhere;
    struct box_command both[] = { ping.command, pong.command };
    struct box_join joins[] = { { .from = 0, .to = 1 }, { .from = 1, .to = 0 } };
    struct box_outcome o[2];
    ck_assert_msg(box_run(k.box, both, 2, joins, 2, NULL, o, &e) == 0, "%s", e.msg);
    check_exit(&o[0], 0);
    check_exit(&o[1], 0);
    ck_assert_str_eq(buf_text(&pong.err), "1000\n");
    /* each has waited for most of the other's words, though it may have lost the core just before
     */
    ck_assert_int_ge(o[0].voluntary_switches + o[0].involuntary_switches, 100);
    ck_assert_int_ge(o[1].voluntary_switches + o[1].involuntary_switches, 100);
    ck_assert_int_lt(shot_at(&k, "exit", "0").voluntary_switches, 100);
    shot_done(&ping);
    shot_done(&pong);
    kit_close(&k);
}
END_TEST

START_TEST(when_one_is_stopped_those_joined_to_it_are_too_and_no_others)
{
    struct kit k;
    struct shot spin, sleeper, apart;
    struct err e;
    kit_open(&k, NULL);
    shot_init(&spin, "spin", NULL);
    shot_init(&sleeper, "sleep", "60000", NULL);
    shot_init(&apart, "sleep", "700", NULL);
    spin.command.limits.cpu_time_ms = 100;
    spin.command.stdout_sink = nowhere;
    struct box_command all[] = { apart.command, spin.command, sleeper.command };
    struct box_join join = { .from = 1, .to = 2 };
    struct box_outcome o[3];
    ck_assert_msg(box_run(k.box, all, 3, &join, 1, NULL, o, &e) == 0, "%s", e.msg);
    check_exit(&o[0], 0);
    check_cause(&o[1], BOX_CAUSE_CPU);
    check_cause(&o[2], BOX_CAUSE_PEER);
    shot_done(&spin);
    shot_done(&sleeper);
    shot_done(&apart);
    kit_close(&k);
}
END_TEST

START_TEST(as_many_commands_as_allowed_run_at_once)
{
    struct kit k;
    struct shot s[BOX_COMMANDS_MAX];
    struct box_command all[BOX_COMMANDS_MAX + 1];
    struct box_join joins[BOX_COMMANDS_MAX - 1];
    struct box_outcome o[BOX_COMMANDS_MAX];
    struct err e;
    kit_open(&k, NULL);
    for (int i = 0; i < BOX_COMMANDS_MAX; i++) {
        shot_init(&s[i], i == 0 ? "write" : "cat", i == 0 ? "1" : NULL, "100000", NULL);
        if (i < BOX_COMMANDS_MAX - 1) {
            s[i].command.stdout_sink = nowhere;
            joins[i] = (struct box_join){ .from = i, .to = i + 1 };
        }
        all[i] = s[i].command;
    }
    all[BOX_COMMANDS_MAX] = all[0];
    ck_assert_int_eq(box_run(k.box, all, BOX_COMMANDS_MAX + 1, NULL, 0, NULL, o, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_msg(box_run(k.box, all, BOX_COMMANDS_MAX, joins, BOX_COMMANDS_MAX - 1, NULL, o, &e) ==
                      0,
                  "%s", e.msg);
    for (size_t i = 0; i < BOX_COMMANDS_MAX; i++)
        check_exit(&o[i], 0);
    ck_assert_int_eq(o[BOX_COMMANDS_MAX - 1].stdout_bytes, 100000);
    for (size_t i = 0; i < BOX_COMMANDS_MAX; i++)
        shot_done(&s[i]);
    kit_close(&k);
}
END_TEST

START_TEST(joins_that_make_no_sense_are_refused)
{
    static const struct box_join bad[][2] = {
        { { 0, 2 }, { 0, 0 } }, /* no such command */
        { { -1, 1 }, { 0, 0 } },
        { { 0, 1 }, { 0, 1 } }, /* the same ends twice */
    };
    struct kit k;
    struct shot s;
    struct box_outcome o[2];
    struct err e;
    kit_open(&k, NULL);
    shot_init(&s, "exit", "0", NULL);
    s.command.stdout_sink = nowhere;
    struct box_command both[] = { s.command, s.command };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        ck_assert_int_eq(box_run(k.box, both, 2, bad[i], 2, NULL, o, &e), -1);
        ck_assert_int_eq(e.kind, ERR_INPUT);
    }
    struct box_join join = { 0, 1 };
    both[1].stdin_fd = 0; /* has an end already */
    ck_assert_int_eq(box_run(k.box, both, 2, &join, 1, NULL, o, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* --- sinks and watches ------------------------------------------------------------------------ */

static int enough_at_first(void *ctx, const void *data, size_t len)
{
    (void)data;
    *(size_t *)ctx += len;
    return 1;
}

START_TEST(a_sink_that_has_enough_stops_the_command)
{
    struct kit k;
    struct shot s;
    size_t got = 0;
    kit_open(&k, NULL);
    shot_init(&s, "write", "1", "1000000000", NULL);
    s.command.limits.output_bytes = 100 << 20;
    s.command.stdout_sink = (struct box_sink){ .fd = -1, .write = enough_at_first, .ctx = &got };
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_ENOUGH);
    ck_assert_int_eq(s.o.stdout_bytes, (int64_t)got);
    ck_assert_uint_lt(got, 2 << 20);
    struct box_outcome o = shot_at(&k, "exit", "4"); /* a late STOP does not reach the next run */
    check_exit(&o, 4);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_stream_can_go_straight_to_a_descriptor)
{
    struct kit k;
    struct shot s;
    int ends[2];
    char got[8] = "";
    kit_open(&k, NULL);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    auto_fd_ int in = ends[0], out = ends[1];
    shot_init(&s, "args", "text", NULL);
    s.command.stdout_sink = (struct box_sink){ .fd = out };
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_int_eq(s.o.stdout_bytes, -1);
    ck_assert_int_eq(s.o.stderr_bytes, 0);
    close_fd(&out);
    ck_assert_int_eq(io_read_full(in, got, sizeof got - 1), 5); /* and then the end: no copy left */
    ck_assert_str_eq(got, "text\n");
    shot_done(&s);
    kit_close(&k);
}
END_TEST

static enum box_cause cancel_now(void *ctx)
{
    return ++*(int *)ctx >= 3 ? BOX_CAUSE_CANCEL : BOX_CAUSE_NONE;
}

START_TEST(a_watch_is_asked_in_time_and_cancels)
{
    struct kit k;
    struct shot s;
    struct err e;
    int asked = 0;
    kit_open(&k, NULL);
    shot_init(&s, "sleep", "60000", NULL);
    struct box_watch watch = { .poll_fd = -1, .every_ms = 50, .check = cancel_now, .ctx = &asked };
    int64_t start_mono_ns = clock_mono_ns(); /* the first 50 ms begin before the program does */
    ck_assert_msg(box_run(k.box, &s.command, 1, NULL, 0, &watch, &s.o, &e) == 0, "%s", e.msg);
    check_cause(&s.o, BOX_CAUSE_CANCEL);
    ck_assert_int_eq(asked, 3);
    int64_t took_ns = clock_mono_ns() - start_mono_ns;
    ck_assert_int_ge(took_ns, 140 * NS_PER_MS);
    ck_assert_int_lt(took_ns, kit_slow(1000 * NS_PER_MS));
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_watch_is_asked_when_its_descriptor_is_readable)
{
    struct kit k;
    struct shot s;
    struct err e;
    int asked = 2;
    kit_open(&k, NULL);
    auto_fd_ int event = eventfd(1, EFD_CLOEXEC);
    shot_init(&s, "sleep", "60000", NULL);
    struct box_watch watch = { .poll_fd = event, .check = cancel_now, .ctx = &asked };
    ck_assert_msg(box_run(k.box, &s.command, 1, NULL, 0, &watch, &s.o, &e) == 0, "%s", e.msg);
    check_cause(&s.o, BOX_CAUSE_CANCEL);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

struct asked {
    int event, count;
};

static enum box_cause take_event(void *ctx)
{
    struct asked *a = ctx;
    uint64_t drop;
    if (a->count++ == 0)
        ck_assert_int_eq(read(a->event, &drop, sizeof drop), (ssize_t)sizeof drop);
    return a->count < 2 ? BOX_CAUSE_NONE : BOX_CAUSE_CANCEL;
}

START_TEST(a_watch_that_heard_of_something_is_asked_in_its_time_all_the_same)
{
    struct kit k;
    struct shot s;
    struct err e;
    kit_open(&k, NULL);
    auto_fd_ int event = eventfd(1, EFD_CLOEXEC);
    struct asked asked = { .event = event };
    shot_init(&s, "sleep", "60000", NULL);
    struct box_watch watch = {
        .poll_fd = event, .first_ms = 200, .every_ms = 60000, .check = take_event, .ctx = &asked
    };
    int64_t start_mono_ns = clock_mono_ns();
    ck_assert_msg(box_run(k.box, &s.command, 1, NULL, 0, &watch, &s.o, &e) == 0, "%s", e.msg);
    check_cause(&s.o, BOX_CAUSE_CANCEL);
    ck_assert_int_lt(clock_mono_ns() - start_mono_ns, 30 * NS_PER_S);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

KIT_MAIN("box joins", stdout_of_one_command_is_stdin_of_another,
         two_commands_can_talk_to_each_other,
         when_one_is_stopped_those_joined_to_it_are_too_and_no_others,
         as_many_commands_as_allowed_run_at_once, joins_that_make_no_sense_are_refused,
         a_sink_that_has_enough_stops_the_command, a_stream_can_go_straight_to_a_descriptor,
         a_watch_is_asked_in_time_and_cancels, a_watch_is_asked_when_its_descriptor_is_readable,
         a_watch_that_heard_of_something_is_asked_in_its_time_all_the_same)
