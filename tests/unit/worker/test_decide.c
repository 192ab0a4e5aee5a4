/* test_decide.c - the verdict table: its rows, and that no combination is without one. */
#include "tests/unit/worker/unit.h"

#include <signal.h>

#include "worker/decide.h"

static struct box_outcome ended(int exit_code)
{
    return (struct box_outcome){ .started = true, .exited = true, .exit_code = exit_code };
}

static struct box_outcome killed(int sig)
{
    return (struct box_outcome){ .started = true, .exit_code = -1, .signal = sig };
}

static struct box_outcome stopped(enum box_cause cause)
{
    struct box_outcome o = killed(SIGKILL);
    o.cause = cause;
    return o;
}

static void ck_verdict(struct box_outcome o, enum compare_result r, bool memory, enum verdict want)
{
    struct decide_facts f = { .outcome = &o, .comparison = r, .memory_message = memory };
    ck_assert_str_eq(verdict_name(decide_test(&f)), verdict_name(want));
}

START_TEST(who_ended_well_is_judged_by_the_output)
{
    ck_verdict(ended(0), (enum compare_result)0, false, VERDICT_ACCEPTED);
    ck_verdict(ended(0), COMPARE_RIGHT, false, VERDICT_ACCEPTED);
    ck_verdict(ended(0), COMPARE_WRONG, false, VERDICT_WRONG_ANSWER);
    ck_verdict(ended(0), COMPARE_SPACE, false, VERDICT_PRESENTATION_ERROR);
}
END_TEST

START_TEST(a_failure_comes_before_the_output)
{
    ck_verdict(ended(3), COMPARE_RIGHT, false, VERDICT_RUNTIME_ERROR);
    ck_verdict(killed(SIGSEGV), COMPARE_WRONG, false, VERDICT_RUNTIME_ERROR);
    ck_verdict(stopped(BOX_CAUSE_CPU), COMPARE_WRONG, false, VERDICT_TIME_LIMIT);
    ck_verdict(stopped(BOX_CAUSE_WALL), COMPARE_WRONG, false, VERDICT_TIME_LIMIT);
    ck_verdict(stopped(BOX_CAUSE_IDLE), COMPARE_WRONG, false, VERDICT_IDLE_LIMIT);
    ck_verdict(stopped(BOX_CAUSE_MEMORY), COMPARE_WRONG, false, VERDICT_MEMORY_LIMIT);
    ck_verdict(stopped(BOX_CAUSE_OUTPUT), COMPARE_WRONG, false, VERDICT_OUTPUT_LIMIT);
    ck_verdict(stopped(BOX_CAUSE_PROCESSES), COMPARE_WRONG, false, VERDICT_PROCESS_LIMIT);
    ck_verdict(stopped(BOX_CAUSE_SECCOMP), COMPARE_RIGHT, false, VERDICT_SECURITY_VIOLATION);
    ck_verdict(stopped(BOX_CAUSE_CANCEL), COMPARE_RIGHT, false, VERDICT_CANCELLED);
}
END_TEST

START_TEST(a_runtime_that_says_memory_ran_out_is_a_memory_limit_only_when_it_failed)
{
    struct box_outcome o = ended(1);
    ck_verdict(o, COMPARE_WRONG, true, VERDICT_MEMORY_LIMIT);
    ck_verdict(killed(SIGABRT), COMPARE_WRONG, true, VERDICT_MEMORY_LIMIT);
    ck_verdict(ended(0), COMPARE_RIGHT, true, VERDICT_ACCEPTED);
    o.oom_kills = 1;
    ck_verdict(o, COMPARE_WRONG, false, VERDICT_MEMORY_LIMIT);
}
END_TEST

START_TEST(a_refused_fork_explains_a_failure_and_nothing_else)
{
    struct box_outcome o = ended(1);
    o.process_refusals = 1;
    ck_verdict(o, COMPARE_WRONG, false, VERDICT_PROCESS_LIMIT);
    o = ended(0);
    o.process_refusals = 1;
    ck_verdict(o, COMPARE_RIGHT, false, VERDICT_ACCEPTED);
}
END_TEST

START_TEST(the_kernels_own_limits_are_limits)
{
    ck_verdict(killed(SIGXFSZ), COMPARE_WRONG, false, VERDICT_OUTPUT_LIMIT);
    ck_verdict(killed(SIGXCPU), COMPARE_WRONG, false, VERDICT_TIME_LIMIT);
    ck_verdict((struct box_outcome){ .exec_errno = ENOMEM }, COMPARE_WRONG, false,
               VERDICT_MEMORY_LIMIT);
    ck_verdict((struct box_outcome){ .exec_errno = ENOEXEC }, COMPARE_WRONG, false,
               VERDICT_RUNTIME_ERROR);
}
END_TEST

/* Whatever a keeper may answer has a row. */
START_TEST(every_combination_has_a_verdict)
{
    static const enum box_cause causes[] = {
#define X(id, name, help) BOX_CAUSE_##id,
        BOX_CAUSES(X)
#undef X
    };
    struct box_outcome ends[] = { ended(0),
                                  ended(1),
                                  killed(SIGSEGV),
                                  killed(SIGXFSZ),
                                  killed(SIGXCPU),
                                  { .exec_errno = ENOMEM },
                                  { .exec_errno = ENOENT } };
    for (size_t c = 0; c < ARRAY_COUNT(causes); c++) {
        for (size_t i = 0; i < ARRAY_COUNT(ends) * 16; i++) {
            struct box_outcome o = ends[i / 16];
            o.cause = causes[c];
            o.oom_kills = (i & 1) != 0;
            o.process_refusals = (i & 2) != 0;
            struct decide_facts f = { .outcome = &o,
                                      .comparison = (enum compare_result)(i / 4 % 4) };
            ck_assert_int_ne(decide_test(&f), VERDICT_INTERNAL_ERROR);
        }
    }
}
END_TEST

START_TEST(the_worst_test_decides_and_the_first_among_equals)
{
    enum verdict v[] = { VERDICT_ACCEPTED, VERDICT_WRONG_ANSWER, VERDICT_TIME_LIMIT,
                         VERDICT_RUNTIME_ERROR, VERDICT_SKIPPED };
    ck_assert_int_eq(decide_submission(v, 0), VERDICT_ACCEPTED);
    ck_assert_int_eq(decide_submission(v, 2), VERDICT_WRONG_ANSWER);
    ck_assert_int_eq(decide_submission(v, 5), VERDICT_TIME_LIMIT);
    ck_assert_int_eq(decide_submission(v + 3, 2), VERDICT_RUNTIME_ERROR);
    ck_assert_int_eq(decide_submission(v + 4, 1), VERDICT_ACCEPTED);
}
END_TEST

static void ck_message(struct box_outcome o, const char *want)
{
    struct limits limits = limits_run_defaults();
    struct decide_facts f = { .outcome = &o };
    auto_free_ char *text = decide_message(&f, &limits);
    ck_assert_pstr_eq(text, want);
}

START_TEST(messages_say_what_happened)
{
    struct box_outcome o = stopped(BOX_CAUSE_SECCOMP);
    ck_message(ended(0), NULL);
    ck_message(ended(3), "ended with exit code 3");
    ck_message(killed(SIGSEGV), "killed by signal 11 SIGSEGV");
    ck_message(stopped(BOX_CAUSE_CPU), "needed more than 2.000 s of cpu time");
    ck_message(stopped(BOX_CAUSE_IDLE), "slept or waited for more than 10.0 s");
    ck_message(stopped(BOX_CAUSE_MEMORY), "needed more than 256 MiB of memory");
    ck_message(stopped(BOX_CAUSE_OUTPUT), "wrote more than 16.0 MiB");
    ck_message(stopped(BOX_CAUSE_PROCESSES), "needed more than 64 processes and threads");
    o.seccomp_syscall = 101;
    ck_message(o, "made the system call ptrace, which is not allowed");
    o.seccomp_syscall = 9999;
    ck_message(o, "made system call number 9999, which is not allowed");
    ck_message((struct box_outcome){ .exec_errno = ENOENT },
               "could not be started: No such file or directory");
}
END_TEST

UNIT_MAIN("decide", who_ended_well_is_judged_by_the_output, a_failure_comes_before_the_output,
          a_runtime_that_says_memory_ran_out_is_a_memory_limit_only_when_it_failed,
          a_refused_fork_explains_a_failure_and_nothing_else, the_kernels_own_limits_are_limits,
          every_combination_has_a_verdict, the_worst_test_decides_and_the_first_among_equals,
          messages_say_what_happened)
