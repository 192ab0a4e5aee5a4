/* test_ends.c - how commands end, and what is reported of it; real keepers. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/box_private.h"
#include "tests/box/kit.h"

START_TEST(a_program_that_ends_by_itself_keeps_its_exit_code)
{
    static const char *const codes[] = { "0", "1", "3", "125", "127", "255" };
    struct kit k;
    kit_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        struct box_outcome o = shot_at(&k, "exit", codes[i]);
        check_exit(&o, (int)strtol(codes[i], NULL, 10));
        ck_assert_int_eq(o.signal, 0);
    }
    kit_close(&k);
}
END_TEST

static void check_signal(const struct box_outcome *o, int signal)
{
    ck_assert_msg(o->started && !o->exited && o->signal == signal && o->cause == BOX_CAUSE_NONE,
                  "expected signal %d, got %d, code %d, cause %s", signal, o->signal, o->exit_code,
                  box_cause_name(o->cause));
    ck_assert_int_eq(o->exit_code, -1);
}

START_TEST(a_program_that_dies_of_a_signal_is_reported_with_it)
{
    static const char *const signals[] = { "1", "2", "6", "9", "15", "34", "64" };
    struct kit k;
    kit_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(signals); i++) {
        struct box_outcome o = shot_at(&k, "raise", signals[i]);
        check_signal(&o, (int)strtol(signals[i], NULL, 10));
    }
    struct box_outcome o = shot_at(&k, "segfault", NULL);
    check_signal(&o, SIGSEGV);
    struct shot s;
    shot_init(&s, "divide", "1", "0", NULL);
    shot_run(&k, &s);
    check_signal(&s.o, SIGFPE);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_program_that_cannot_be_started_says_why)
{
    static const struct {
        const char *program;
        int errnum;
    } rows[] = {
        { "no-such-program", ENOENT },
        { "/box/no-such-program", ENOENT },
        { "/etc/passwd", EACCES },
        { "/box", EACCES },
    };
    struct kit k;
    kit_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct shot s;
        shot_init(&s, "exit", "0", NULL);
        s.argv[0] = rows[i].program;
        shot_run(&k, &s);
        ck_assert(!s.o.started);
        ck_assert_int_eq(s.o.exec_errno, rows[i].errnum);
        shot_done(&s);
    }
    kit_close(&k);
}
END_TEST

START_TEST(arguments_and_output_arrive_unchanged)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "args", "", "two words", "\xff\x01 tail", NULL);
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_str_eq(buf_text(&s.out), "\ntwo words\n\xff\x01 tail\n");
    ck_assert_int_eq(s.o.stdout_bytes, (int64_t)s.out.len);
    ck_assert_int_eq(s.o.stderr_bytes, 0);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(programs_are_found_along_the_path_of_the_cell)
{
    static const char *const env[] = { "PATH=/nowhere:/box", NULL };
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "exit", "5", NULL);
    s.argv[0] = "inside";
    s.command.env = env;
    shot_run(&k, &s);
    check_exit(&s.o, 5);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(standard_input_is_the_descriptor_given_or_empty)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "cat", NULL);
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_uint_eq(s.out.len, 0);
    auto_fd_ int fd = kit_memfd("the input");
    s.command.stdin_fd = fd;
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_str_eq(buf_text(&s.out), "the input");
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(the_numbers_are_the_programs_own)
{
    struct kit k;
    kit_open(&k, NULL);
    struct box_outcome o = shot_at(&k, "memory", "20000000");
    check_exit(&o, 0);
    ck_assert_int_ge(o.memory_peak_bytes, 20000000);
    ck_assert_int_lt(o.memory_peak_bytes, 26000000);
    ck_assert_int_ge(o.rss_peak_bytes, 20000000);
    ck_assert(o.process_peak_count == 1 || o.process_peak_count == -1);
    ck_assert_int_eq(o.oom_kills, 0);
    o = shot_at(&k, "sleep", "200");
    check_exit(&o, 0);
    ck_assert_int_ge(o.wall_ns, 200 * NS_PER_MS);
    ck_assert_int_lt(o.wall_ns, kit_slow(1000 * NS_PER_MS));
    ck_assert_int_lt(o.cpu_ns, kit_slow(50 * NS_PER_MS));
    kit_close(&k);
}
END_TEST

START_TEST(what_outlives_the_main_process_is_killed_and_holds_nobody_up)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "daemon", NULL);
    int64_t start_mono_ns = clock_mono_ns();
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_str_eq(buf_text(&s.out), "left\n");
    ck_assert_int_lt(clock_mono_ns() - start_mono_ns, kit_slow(2 * NS_PER_S));
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_refused_command_leaves_the_keeper_usable)
{
    struct kit k;
    struct shot s;
    struct err e;
    kit_open(&k, NULL);
    shot_init(&s, "exit", "0", NULL);
    struct box_command bad = s.command;
    bad.image = "no-such-image";
    ck_assert_int_eq(box_run(k.box, &bad, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    bad = s.command;
    bad.limits.memory_bytes = INT64_MAX;
    ck_assert_int_eq(box_run(k.box, &bad, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    bad = s.command;
    bad.limits.cpu_time_ms = -1;
    ck_assert_int_eq(box_run(k.box, &bad, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    struct box_file outside = { .name = "../outside", .fd = 0 };
    bad = s.command;
    bad.files = &outside;
    bad.file_count = 1;
    ck_assert_int_eq(box_run(k.box, &bad, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_client_that_breaks_the_protocol_is_told_and_left)
{
    struct kit k;
    struct err e;
    struct wire_message m;
    kit_open(&k, NULL);
    static const uint8_t nonsense[] = { WIRE_RUN, 1 };
    ck_assert_int_eq(io_send_msg(k.box->sock, nonsense, sizeof nonsense, NULL, 0), 0);
    int64_t deadline_mono_ns = clock_mono_ns() + kit_slow(5 * NS_PER_S);
    ck_assert_int_eq(box_await(k.box, deadline_mono_ns, &m, &e), 0);
    ck_assert_int_eq(m.data[0], WIRE_ERROR);
    ck_assert_int_eq(box_await(k.box, deadline_mono_ns, &m, &e), -1);
    kit_close(&k);
}
END_TEST

KIT_MAIN("box ends", a_program_that_ends_by_itself_keeps_its_exit_code,
         a_program_that_dies_of_a_signal_is_reported_with_it,
         a_program_that_cannot_be_started_says_why, arguments_and_output_arrive_unchanged,
         programs_are_found_along_the_path_of_the_cell,
         standard_input_is_the_descriptor_given_or_empty, the_numbers_are_the_programs_own,
         what_outlives_the_main_process_is_killed_and_holds_nobody_up,
         a_refused_command_leaves_the_keeper_usable,
         a_client_that_breaks_the_protocol_is_told_and_left)
