/* test_truth_counts.c - what can be counted is exact: bytes of output, processes, threads; real
 * keepers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/base/cleanup.h"
#include "tests/truth/truth.h"

START_TEST(output_is_cut_at_the_byte_and_only_beyond_it)
{
    static const int64_t caps[] = { 0, 1, 4095, 4096, 65536, 1048577 };
    struct kit k;
    truth_open(&k, NULL);
    for (size_t i = 0; i < 2 * ARRAY_COUNT(caps); i++) {
        int64_t cap = caps[i / 2];
        for (int64_t more = 0; more < 2; more++) {
            struct shot s;
            auto_free_ char *bytes = xasprintf("%" PRId64, cap + more);
            truth_shot(&s, "write", i % 2 == 0 ? "1" : "2", bytes, NULL);
            s.command.limits.output_bytes = cap;
            shot_run(&k, &s);
            int64_t got = i % 2 == 0 ? s.o.stdout_bytes : s.o.stderr_bytes;
            enum box_cause cause = more > 0 ? BOX_CAUSE_OUTPUT : BOX_CAUSE_NONE;
            ck_assert_msg(got == cap && s.o.cause == cause,
                          "cap %" PRId64 ", %" PRId64 " more: %" PRId64 " bytes, cause %s", cap,
                          more, got, box_cause_name(s.o.cause));
            shot_done(&s);
        }
    }
    kit_close(&k);
}
END_TEST

/* How many more than itself the program could have, by its own account. */
static int64_t had(struct kit *k, const char *verb, int64_t wanted, int64_t limit,
                   struct box_outcome *ret)
{
    struct shot s;
    auto_free_ char *count = xasprintf("%" PRId64, wanted);
    truth_shot(&s, verb, count, NULL);
    s.command.limits.process_count = limit;
    shot_run(k, &s);
    check_exit(&s.o, 0);
    int64_t made = strtol(buf_text(&s.out), NULL, 10);
    *ret = s.o;
    shot_done(&s);
    return made;
}

START_TEST(processes_threads_and_the_dead_count_one_each)
{
    static const char *const verbs[] = { "threads", "zombies" };
    static const int64_t limits[] = { 1, 2, 7, 64, 200 };
    struct kit k;
    struct box_outcome o;
    truth_open(&k, NULL);
    for (size_t v = 0; v < ARRAY_COUNT(verbs); v++)
        for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
            int64_t all = limits[i] - 1;
            ck_assert_int_eq(had(&k, verbs[v], all, limits[i], &o), all);
            ck_assert_int_eq(o.process_refusals, 0);
            if (o.process_peak_count >= 0)
                ck_assert_int_eq(o.process_peak_count, limits[i]);
            ck_assert_int_eq(had(&k, verbs[v], all + 1, limits[i], &o), all);
            ck_assert_int_ge(o.process_refusals, 1);
            if (o.process_peak_count >= 0)
                ck_assert_int_eq(o.process_peak_count, limits[i]);
        }
    kit_close(&k);
}
END_TEST

KIT_MAIN("truth of counts", output_is_cut_at_the_byte_and_only_beyond_it,
         processes_threads_and_the_dead_count_one_each)
