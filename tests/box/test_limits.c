/* test_limits.c - every limit bites, exactly and with its cause; real keepers. */
#include <signal.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/box/kit.h"

START_TEST(a_loop_without_end_is_stopped_for_its_cpu_time)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "spin", NULL);
    s.command.limits.cpu_time_ms = 200;
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_CPU);
    ck_assert_int_ge(s.o.cpu_ns, 200 * NS_PER_MS);
    ck_assert_int_lt(s.o.cpu_ns, 300 * NS_PER_MS);
    ck_assert(!s.o.exited);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(the_cpu_time_of_children_counts)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "spin-in-children", "4", NULL);
    s.command.limits.cpu_time_ms = 300;
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_CPU);
    ck_assert_int_lt(s.o.cpu_ns, 450 * NS_PER_MS);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_program_that_computes_past_the_wall_limit_ends_as_wall)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "spin", NULL);
    s.command.limits.wall_time_ms = 300;
    shot_run(&k, &s);
    /* Also on a host so busy that it got less than half a core: it was ready to run all along. */
    check_cause(&s.o, BOX_CAUSE_WALL);
    ck_assert_int_ge(s.o.wall_ns, 300 * NS_PER_MS);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_program_that_sleeps_for_ever_ends_as_idle)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "sleep", "1000000", NULL);
    int64_t limit_ms = s.command.limits.wall_time_ms = kit_slow(200);
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_IDLE);
    ck_assert_int_ge(s.o.wall_ns, limit_ms * NS_PER_MS);
    ck_assert_int_lt(s.o.wall_ns, (limit_ms + kit_slow(400)) * NS_PER_MS);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(memory_past_the_limit_ends_as_memory)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "memory", "1000000000", NULL);
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_MEMORY);
    ck_assert_int_le(s.o.memory_peak_bytes, s.command.limits.memory_bytes);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(memory_within_the_limit_is_no_fault)
{
    struct kit k;
    kit_open(&k, NULL);
    struct box_outcome o = shot_at(&k, "memory", "30000000");
    check_exit(&o, 0);
    kit_close(&k);
}
END_TEST

START_TEST(a_child_killed_for_memory_makes_the_whole_end_as_memory)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "memory-in-child", "1000000000", "1", "0", NULL);
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_MEMORY);
    shot_done(&s);
    /* Its parent would wait on: nothing is left to wait for. */
    shot_init(&s, "memory-in-child", "1000000000", "0", "60000", NULL);
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_MEMORY);
    ck_assert_int_lt(s.o.wall_ns, kit_slow(5 * NS_PER_S));
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(files_are_bounded_by_their_own_limit)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "fill-tmp", "1000000000", NULL);
    s.command.limits.file_bytes = 1 << 20;
    shot_run(&k, &s);
    check_exit(&s.o, 7);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(files_count_as_memory)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "fill-tmp", "1000000000", NULL);
    s.command.limits.file_bytes = 1 << 30;
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_MEMORY);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* `bytes` to stream 1 or 2 under a limit of `cap`: the outcome, the sinks' counts checked. */
static struct box_outcome write_under(struct kit *k, const char *stream, const char *bytes,
                                      int64_t cap)
{
    struct shot s;
    shot_init(&s, "write", stream, bytes, NULL);
    s.command.limits.output_bytes = cap;
    shot_run(k, &s);
    ck_assert_int_eq(s.o.stdout_bytes, (int64_t)s.out.len);
    ck_assert_int_eq(s.o.stderr_bytes, (int64_t)s.err.len);
    shot_done(&s);
    return s.o;
}

START_TEST(output_is_cut_at_the_very_byte)
{
    struct kit k;
    kit_open(&k, NULL);
    struct box_outcome o = write_under(&k, "1", "1000", 1000);
    check_exit(&o, 0);
    ck_assert_int_eq(o.stdout_bytes, 1000);
    o = write_under(&k, "1", "1001", 1000);
    ck_assert_int_eq(o.cause, BOX_CAUSE_OUTPUT);
    ck_assert_int_eq(o.stdout_bytes, 1000);
    o = write_under(&k, "2", "1001", 1000);
    ck_assert_int_eq(o.cause, BOX_CAUSE_OUTPUT);
    ck_assert_int_eq(o.stderr_bytes, 1000);
    o = write_under(&k, "1", "1", 0);
    ck_assert_int_eq(o.cause, BOX_CAUSE_OUTPUT);
    ck_assert_int_eq(o.stdout_bytes, 0);
    o = write_under(&k, "1", "1073741824", 3 << 20);
    check_cause(&o, BOX_CAUSE_OUTPUT);
    ck_assert_int_eq(o.stdout_bytes, 3 << 20);
    o = write_under(&k, "1", "50000000", 50000000);
    check_exit(&o, 0);
    ck_assert_int_eq(o.stdout_bytes, 50000000);
    kit_close(&k);
}
END_TEST

START_TEST(a_fork_bomb_ends_as_processes_and_leaves_nothing_behind)
{
    static const char *const set[] = { "box.warm=0", NULL };
    struct kit k;
    struct shot s;
    pid_t pids[8];
    kit_open(&k, set);
    size_t groups = kit_groups(k.keeper_pid), processes = kit_processes(k.keeper_pid, pids, 8);
    shot_init(&s, "fork-bomb", NULL);
    s.command.limits.cpu_time_ms = kit_slow(500);
    s.command.limits.memory_bytes = 256 << 20; /* the dead weigh until the kernel frees them */
    shot_run(&k, &s);
    check_cause(&s.o, BOX_CAUSE_PROCESSES);
    ck_assert_int_gt(s.o.process_refusals, 0);
    ck_assert_int_le(s.o.process_peak_count, s.command.limits.process_count);
    struct box_outcome o = shot_at(&k, "exit", "0");
    check_exit(&o, 0);
    struct err e;
    ck_assert_int_eq(box_release(k.box, &e), 0); /* the keeper has tidied up when it answers */
    ck_assert_uint_eq(kit_groups(k.keeper_pid), groups);
    ck_assert_uint_eq(kit_processes(k.keeper_pid, pids, 8), processes);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(just_as_many_processes_as_allowed_can_live)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "forks", "20", NULL);
    s.command.limits.process_count = 8;
    shot_run(&k, &s);
    ck_assert_str_eq(buf_text(&s.out), "7\n");
    ck_assert_int_eq(s.o.process_refusals > 0, true);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(the_stack_is_as_large_as_asked_for)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "stack", "6000", NULL);
    s.command.limits.stack_bytes = 8 << 20;
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    s.command.limits.stack_bytes = 1 << 20;
    shot_run(&k, &s);
    ck_assert_int_eq(s.o.signal, SIGSEGV);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* --- attacks ---------------------------------------------------------------------------------- */

START_TEST(calls_that_only_attacks_make_end_as_seccomp)
{
    static const char *const attacks[] = { "ptrace", "mount", "unshare", "clone_userns",
                                           "bpf",    "kexec", "chroot" };
    struct kit k;
    kit_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(attacks); i++) {
        struct box_outcome o = shot_at(&k, "attack", attacks[i]);
        ck_assert_msg(o.cause == BOX_CAUSE_SECCOMP && o.seccomp_syscall >= 0,
                      "%s: cause %s, code %d", attacks[i], box_cause_name(o.cause), o.exit_code);
    }
    kit_close(&k);
}
END_TEST

START_TEST(what_needs_power_or_network_fails)
{
    static const char *const attacks[] = { "mknod", "setuid", "keyctl", "kill_init", "connect" };
    struct kit k;
    kit_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(attacks); i++) {
        struct box_outcome o = shot_at(&k, "attack", attacks[i]);
        ck_assert_msg(o.cause == BOX_CAUSE_SECCOMP || (o.exited && o.exit_code == 50),
                      "%s: cause %s, code %d", attacks[i], box_cause_name(o.cause), o.exit_code);
    }
    kit_close(&k);
}
END_TEST

KIT_MAIN("box limits", a_loop_without_end_is_stopped_for_its_cpu_time,
         the_cpu_time_of_children_counts, a_program_that_computes_past_the_wall_limit_ends_as_wall,
         a_program_that_sleeps_for_ever_ends_as_idle, memory_past_the_limit_ends_as_memory,
         memory_within_the_limit_is_no_fault,
         a_child_killed_for_memory_makes_the_whole_end_as_memory,
         files_are_bounded_by_their_own_limit, files_count_as_memory,
         output_is_cut_at_the_very_byte, a_fork_bomb_ends_as_processes_and_leaves_nothing_behind,
         just_as_many_processes_as_allowed_can_live, the_stack_is_as_large_as_asked_for,
         calls_that_only_attacks_make_end_as_seccomp, what_needs_power_or_network_fails)
