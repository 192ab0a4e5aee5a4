/* test_prepared.c - what the compiles of a language share, and the idle slot that makes it; in real
 * cells. Needs root. */
#include "tests/unit/worker/unit.h"

#include "schema/wake.h"
#include "worker/groundwork.h"
#include "worker/prepared.h"

static const char *const no_languages[] = { NULL };

#define TELL "cat \"${1:-/dev/null}\" > program; echo told >> program; "

static void open_shared(struct bench *b)
{
    bench_open(b, no_languages);
    bench_languages(b, "tests/unit/worker/prepared", NULL);
}

#define BENCH(b)                                                                                   \
    auto_bench_ struct bench b = { .events = {                                                     \
                                       .epoll_fd = -1, .signal_fd = -1, .timer_fd = -1 } };        \
    if (!bench_possible())                                                                         \
        return;                                                                                    \
    open_shared(&b)

static struct groundwork_tools tools_of(struct bench *b)
{
    return (struct groundwork_tools){ .conf = &b->worker.conf,
                                      .log = &b->worker.log,
                                      .languages = &b->languages,
                                      .artifacts = b->artifacts,
                                      .box = b->box,
                                      .events = &b->events };
}

static void do_all(struct bench *b)
{
    struct err e;
    struct groundwork g;
    const struct groundwork_tools tools = tools_of(b);
    groundwork_init(&g, &tools, NULL);
    for (int i = 0; i < 50 && groundwork_left(&g); i++)
        ck_ok(groundwork_step(&g, &e));
    ck_assert(!groundwork_left(&g));
}

static void check_output(struct bench *b, const char *source, const char *expected)
{
    auto_submission_ struct submission sub = program(b, "shared", source, expected);
    auto_report_ struct submission_report r = judged(b, &sub);
    ck_assert_msg(r.sub.verdict == VERDICT_ACCEPTED, "%s: %s: %s", source,
                  verdict_name(r.sub.verdict),
                  r.result_count != 0 && r.results[0].message != NULL ? r.results[0].message : "");
    ck_assert(!r.compile.cached);
}

START_TEST(compiles_use_what_was_prepared_once_it_is_there)
{
    BENCH(b);
    check_output(&b, TELL ": 1", "told\n");
    do_all(&b);
    check_output(&b, TELL ": 2", "made once\ntold\n");
    check_output(&b, TELL "ls -A | wc -l >> program; : files", "made once\ntold\n3\n");
}
END_TEST

START_TEST(a_source_compiled_before_counts_as_compiled_after)
{
    BENCH(b);
    check_output(&b, TELL ": same", "told\n");
    do_all(&b);
    auto_submission_ struct submission sub = program(&b, "shared", TELL ": same", "told\n");
    auto_report_ struct submission_report r = judged(&b, &sub);
    ck_assert(r.compile.cached);
    ck_assert_int_eq(r.sub.verdict, VERDICT_ACCEPTED);
}
END_TEST

START_TEST(a_submission_cannot_change_what_the_next_one_gets)
{
    BENCH(b);
    do_all(&b);
    check_output(&b,
                 "(echo evil > $1; chmod u+w $1; echo evil >> $1; rm -rf .prepared;"
                 " mv .prepared away; ln -s /etc .prepared) 2>/dev/null; echo tried > program",
                 "tried\n");
    check_output(&b, TELL ": 3", "made once\ntold\n");
}
END_TEST

START_TEST(a_source_of_the_same_name_is_compiled_without)
{
    BENCH(b);
    do_all(&b);
    auto_submission_ struct submission sub =
        program(&b, "shared", TELL "cat .prepared >> program", "told\nmine\n");
    sub.files = xrealloc(sub.files, 2 * sizeof(sub.files[0]));
    sub.files[1] = (struct source_file){ xstrdup(".prepared"), put(b.place.s, "mine\n") };
    sub.file_count = 2;
    auto_report_ struct submission_report r = judged(&b, &sub);
    ck_assert_int_eq(r.sub.verdict, VERDICT_ACCEPTED);
}
END_TEST

START_TEST(groundwork_stops_for_work_and_goes_on_later)
{
    BENCH(b);
    struct err e;
    struct groundwork g;
    const struct groundwork_tools tools = tools_of(&b);
    char hex[STORE_HEX_BYTES];
    groundwork_init(&g, &tools, NULL);
    free(b.languages.items[0].prepare_command.items[2]);
    b.languages.items[0].prepare_command.items[2] =
        xstrdup("mkdir .prepared; echo made > .prepared/word; sleep 5");
    wake_send(b.place.dir, WAKE_QUEUE, "");
    ck_ok(groundwork_step(&g, &e));
    ck_assert_int_eq(g.step, 0);
    prepared_key(&b.worker.conf, &b.languages.items[0], hex);
    auto_free_ char *path = xasprintf("%s/artifacts/%s", b.place.dir, hex);
    ck_assert_int_ne(access(path, F_OK), 0);
    events_take(&b.events, NULL);
    ck_ok(groundwork_step(&g, &e));
    ck_assert_int_eq(g.step, 1);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_prepare_command_that_fails_is_the_languages_trouble_alone)
{
    BENCH(b);
    free(b.languages.items[0].prepare_command.items[2]);
    b.languages.items[0].prepare_command.items[2] = xstrdup("echo no compiler today; exit 1");
    do_all(&b);
    check_output(&b, TELL ": 4", "told\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        compiles_use_what_was_prepared_once_it_is_there,
        a_source_compiled_before_counts_as_compiled_after,
        a_submission_cannot_change_what_the_next_one_gets,
        a_source_of_the_same_name_is_compiled_without,
        groundwork_stops_for_work_and_goes_on_later,
        a_prepare_command_that_fails_is_the_languages_trouble_alone,
    };
    setenv("CK_DEFAULT_TIMEOUT", "120", 1);
    return unit_main("prepared", tests, ARRAY_COUNT(tests));
}
