/* test_hello.c - the hello program of every language that this host has, judged in real cells. */
#include "tests/unit/worker/unit.h"

/* C and the scripts by default, since compilers are slow; MINOS_TEST_LANGUAGES=all for all. */
static const char *const quick[] = { "c17", "python3", "bash", "perl", "lua", "sql", NULL };

static void say(const struct submission_report *r)
{
    const struct usage *u = &r->results[0].usage;
    printf("%-12s %-12s compile %6.1f ms, run %6.1f ms cpu %6.1f ms wall %6.1f MiB %lld tasks\n",
           r->sub.language, verdict_name(r->sub.verdict),
           (double)r->compile.usage.wall_time_ns / 1e6, (double)u->cpu_time_ns / 1e6,
           (double)u->wall_time_ns / 1e6, (double)u->memory_peak_bytes / 1048576,
           (long long)u->process_peak_count);
}

static void judge_hello(struct bench *b, const struct language *l)
{
    auto_submission_ struct submission sub = program(b, l->id, l->hello, "Hello, world!\n");
    auto_report_ struct submission_report r = judged(b, &sub);
    auto_free_ char *diagnostics = blob_text(b->place.s, &r.compile.output.blob);
    ck_assert_msg(r.sub.verdict == VERDICT_ACCEPTED, "%s: %s: %s%s: %s", l->id,
                  verdict_name(r.sub.verdict), r.compile.cause, diagnostics,
                  r.result_count != 0 && r.results[0].message != NULL ? r.results[0].message : "");
    if (getenv("MINOS_TEST_LANGUAGES") != NULL)
        say(&r);
}

START_TEST(the_hello_program_of_each_installed_language_is_accepted)
{
    auto_bench_ struct bench b = { 0 };
    bool all = getenv("MINOS_TEST_LANGUAGES") != NULL;
    size_t judged_count = 0;
    if (!bench_possible())
        return;
    bench_open(&b, all ? NULL : quick);
    for (size_t i = 0; i < b.languages.count; i++) {
        const struct language *l = &b.languages.items[i];
        ck_assert_ptr_nonnull(l->hello);
        if (l->version == NULL)
            continue;
        judge_hello(&b, l);
        judged_count++;
    }
    ck_assert_uint_gt(judged_count, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { the_hello_program_of_each_installed_language_is_accepted };
    setenv("CK_DEFAULT_TIMEOUT", "180", 1);
    return unit_main("hello", tests, ARRAY_COUNT(tests));
}
