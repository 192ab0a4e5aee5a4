/* test_judge.c - whole submissions in real cells: every verdict by a real program, the compile
 * cache, cancelling and stopping. Needs root. */
#include "tests/unit/worker/unit.h"

#include "sandbox/base/clock.h"
#include "worker/record.h"

static const char *const languages[] = { "c17", "python3", "bash", NULL };

#define BENCH(b)                                                                                   \
    auto_bench_ struct bench b = { .events = {                                                     \
                                       .epoll_fd = -1, .signal_fd = -1, .timer_fd = -1 } };        \
    if (!bench_possible())                                                                         \
        return;                                                                                    \
    bench_open(&b, languages)

/* ---- verdicts */

struct example {
    const char *language, *source, *expected;
    enum verdict verdict;
    const char *message; /* part of it; NULL: none */
};

static const struct example examples[] = {
    { "bash", "echo 5", "5\n", VERDICT_ACCEPTED, NULL },
    { "bash", "echo 7", "5\n", VERDICT_WRONG_ANSWER, "line 1: expected \"5\", got \"7\"" },
    { "bash", "echo '1  2'", "1 2\n", VERDICT_PRESENTATION_ERROR, "white space differs" },
    { "bash", "exit 3", NULL, VERDICT_RUNTIME_ERROR, "ended with exit code 3" },
    { "bash", "kill -SEGV $$", NULL, VERDICT_RUNTIME_ERROR, "killed by signal 11 SIGSEGV" },
    { "bash", "while :; do :; done", NULL, VERDICT_TIME_LIMIT, "cpu time" },
    { "bash", "sleep 60", NULL, VERDICT_IDLE_LIMIT, "slept or waited" },
    { "bash", "yes", NULL, VERDICT_OUTPUT_LIMIT, "wrote more than" },
    { "c17", "#include <unistd.h>\nint main(void) { while (fork() >= 0) {} return 1; }", NULL,
      VERDICT_PROCESS_LIMIT, "processes and threads" },
    { "python3", "x = bytearray(1 << 30)", NULL, VERDICT_MEMORY_LIMIT, "memory" },
    { "c17",
      "#include <sys/ptrace.h>\nint main(void) { return ptrace(PTRACE_TRACEME, 0, 0, 0) != 0; }",
      NULL, VERDICT_SECURITY_VIOLATION, "the system call ptrace" },
    { "bash", "if then", NULL, VERDICT_COMPILE_ERROR, NULL },
    { "python3", "def f(:\n", NULL, VERDICT_COMPILE_ERROR, NULL },
    { "c17", "int main(void) { return x; }", NULL, VERDICT_COMPILE_ERROR, NULL },
};

static void check(struct bench *b, const struct example *x)
{
    auto_submission_ struct submission sub = program(b, x->language, x->source, x->expected);
    struct limits *l = &sub.tests[0].limits;
    l->cpu_time_ms = 300;
    l->wall_time_ms = x->verdict == VERDICT_IDLE_LIMIT ? 500 : 20000;
    l->memory_bytes = 64 << 20;
    l->output_bytes = 1 << 20;
    l->process_count = 16;
    auto_report_ struct submission_report r = judged(b, &sub);
    const char *message = r.result_count != 0 ? r.results[0].message : NULL;
    ck_assert_msg(r.sub.verdict == x->verdict, "%s: expected %s, got %s: %s", x->source,
                  verdict_name(x->verdict), verdict_name(r.sub.verdict),
                  message != NULL ? message : "");
    if (x->message != NULL)
        ck_assert_has(message != NULL ? message : "", x->message);
    else
        ck_assert_ptr_null(message);
    ck_assert(r.isolation_json != NULL && strstr(r.isolation_json, "\"layers\"") != NULL);
}

START_TEST(each_verdict_is_given_to_a_real_program)
{
    BENCH(b);
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++)
        check(&b, &examples[i]);
}
END_TEST

struct stop_example {
    const char *source;
    bool stop_on_failure;
    enum verdict verdict;
    const char *cause;
};

static const struct stop_example stop_examples[] = {
    { "echo 5; echo 7; sleep 60", true, VERDICT_WRONG_ANSWER, "enough" },
    { "echo 5; echo 7; sleep 60", false, VERDICT_IDLE_LIMIT, "idle" },
    { "echo 5; echo -n 7; sleep 60", true, VERDICT_IDLE_LIMIT, "idle" }, /* 78 may be to come */
    { "echo ' 5'; sleep 60", true, VERDICT_IDLE_LIMIT, "idle" },         /* only white space yet */
    { "echo 5; echo 7; exit 3", true, VERDICT_WRONG_ANSWER, "enough" },
    { "echo 5; echo 78; exit 3", true, VERDICT_RUNTIME_ERROR, "none" },
};

START_TEST(a_surely_wrong_output_ends_the_program_where_the_rest_does_not_count)
{
    BENCH(b);
    for (size_t i = 0; i < ARRAY_COUNT(stop_examples); i++) {
        const struct stop_example *x = &stop_examples[i];
        auto_submission_ struct submission sub = program(&b, "bash", x->source, "5\n78\n");
        sub.stop_on_failure = x->stop_on_failure;
        sub.tests[0].limits.wall_time_ms = x->verdict == VERDICT_IDLE_LIMIT ? 500 : 30000;
        auto_report_ struct submission_report r = judged(&b, &sub);
        ck_assert_msg(r.sub.verdict == x->verdict, "%s: expected %s, got %s", x->source,
                      verdict_name(x->verdict), verdict_name(r.sub.verdict));
        ck_assert_str_eq(r.results[0].cause, x->cause);
        if (x->verdict == VERDICT_WRONG_ANSWER)
            ck_assert_str_eq(r.results[0].message, "line 2: expected \"78\", got \"7\"");
    }
}
END_TEST

/* ---- what a program gets and gives */

START_TEST(input_output_and_usage_are_those_of_the_test)
{
    BENCH(b);
    auto_submission_ struct submission sub =
        program(&b, "bash", "read x; echo out $x; echo err >&2; pwd; echo $HOME", NULL);
    sub.tests[0].stdin_blob = put(b.place.s, "in\n");
    auto_report_ struct submission_report r = judged(&b, &sub);
    const struct test_result *t = &r.results[0];
    auto_free_ char *out = blob_text(b.place.s, &t->stdout_kept.blob);
    auto_free_ char *err = blob_text(b.place.s, &t->stderr_kept.blob);
    ck_assert_str_eq(out, "out in\n/box\n/box\n");
    ck_assert_str_eq(err, "err\n");
    ck_assert_int_eq(r.sub.verdict, VERDICT_ACCEPTED);
    ck_assert_int_gt(t->usage.cpu_time_ns, 0);
    ck_assert_int_gt(t->usage.memory_peak_bytes, 0);
    ck_assert_str_eq(t->cause, "none");
    ck_assert_str_eq(r.language_version, language_find(&b.languages, "bash")->version);
}
END_TEST

static void add_file(struct bench *b, struct submission *sub, const char *name, const char *text)
{
    sub->files = xrealloc(sub->files, (sub->file_count + 1) * sizeof(*sub->files));
    sub->files[sub->file_count++] = (struct source_file){ xstrdup(name), put(b->place.s, text) };
}

START_TEST(many_files_are_compiled_together)
{
    BENCH(b);
    auto_submission_ struct submission sub = program(
        &b, "c17", "#include \"five.h\"\nint main(void) { printf(\"%d\\n\", five()); }", "5\n");
    add_file(&b, &sub, "five.h", "#include <stdio.h>\nint five(void);\n");
    add_file(&b, &sub, "-five.c", "#include \"five.h\"\nint five(void) { return 5; }\n");
    auto_report_ struct submission_report r = judged(&b, &sub);
    auto_free_ char *text = blob_text(b.place.s, &r.compile.output.blob);
    ck_assert_msg(r.sub.verdict == VERDICT_ACCEPTED, "%s", text);
}
END_TEST

START_TEST(the_entry_point_chooses_the_file_that_is_started)
{
    BENCH(b);
    auto_submission_ struct submission sub = program(&b, "python3", "print(1)", "2\n");
    add_file(&b, &sub, "two.py", "import helper\nprint(helper.x)");
    add_file(&b, &sub, "helper.py", "x = 2");
    sub.entry_point = xstrdup("two.py");
    auto_report_ struct submission_report r = judged(&b, &sub);
    ck_assert_int_eq(r.sub.verdict, VERDICT_ACCEPTED);

    auto_submission_ struct submission none = program(&b, "python3", "print(1)", NULL);
    none.entry_point = xstrdup("three.py");
    auto_report_ struct submission_report n = judged(&b, &none);
    auto_free_ char *text = blob_text(b.place.s, &n.compile.output.blob);
    ck_assert_int_eq(n.sub.verdict, VERDICT_COMPILE_ERROR);
    ck_assert_has(text, "there is no file \"three.py\"");
}
END_TEST

/* ---- compiles */

START_TEST(the_same_source_compiles_once_and_errors_keep_their_diagnostics)
{
    BENCH(b);
    static const char *const sources[] = { "int main(void) { return 0; }",
                                           "int main(void) { return x; }" };
    for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
        auto_submission_ struct submission one = program(&b, "c17", sources[i], NULL);
        auto_submission_ struct submission two = program(&b, "c17", sources[i], NULL);
        auto_report_ struct submission_report a = judged(&b, &one);
        auto_report_ struct submission_report c = judged(&b, &two);
        auto_free_ char *first = blob_text(b.place.s, &a.compile.output.blob);
        auto_free_ char *again = blob_text(b.place.s, &c.compile.output.blob);
        ck_assert(a.compile.present && !a.compile.cached && c.compile.cached);
        ck_assert_int_eq(a.sub.verdict, i == 0 ? VERDICT_ACCEPTED : VERDICT_COMPILE_ERROR);
        ck_assert_int_eq(c.sub.verdict, a.sub.verdict);
        ck_assert_int_eq(c.compile.exit_code, a.compile.exit_code);
        ck_assert_str_eq(first, again);
        ck_assert_int_eq(strstr(first, "undeclared") != NULL, i == 1);
    }
}
END_TEST

static void use_cache(struct bench *b, int64_t max_bytes)
{
    struct err e;
    artifact_cache_close(b->artifacts);
    ck_ok(artifact_cache_open(b->place.dir, max_bytes, &b->artifacts, &e));
    b->judge.artifacts = b->artifacts;
}

/* Bytes of all files below the artifacts' folder. */
static int64_t sum_bytes;

static int add_bytes(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)path;
    (void)ftw;
    sum_bytes += flag == FTW_F ? st->st_size : 0;
    return 0;
}

START_TEST(a_tiny_cache_evicts_and_every_program_still_runs)
{
    enum { PROGRAMS = 8, MAX_BYTES = 3 << 20 };
    BENCH(b);
    use_cache(&b, MAX_BYTES);
    auto_free_ char *dir = xasprintf("%s/artifacts", b.place.dir);
    for (int i = 0; i <= PROGRAMS + 1; i++) { /* then the last again, and the first again */
        int program_number = i < PROGRAMS ? i : i == PROGRAMS ? PROGRAMS - 1 : 0;
        auto_free_ char *source = xasprintf("#include <stdio.h>\nchar fill[300000] = { %d };\n"
                                            "int main(void) { printf(\"%%d\\n\", fill[0]); }",
                                            program_number + 1);
        auto_free_ char *expected = xasprintf("%d\n", program_number + 1);
        auto_submission_ struct submission sub = program(&b, "c17", source, expected);
        auto_report_ struct submission_report r = judged(&b, &sub);
        ck_assert_int_eq(r.sub.verdict, VERDICT_ACCEPTED);
        ck_assert_int_eq(r.compile.cached, i == PROGRAMS);
        sum_bytes = 0;
        ck_assert_int_eq(nftw(dir, add_bytes, 16, FTW_PHYS), 0);
        ck_assert_int_gt(sum_bytes, 300000);
        ck_assert_int_le(sum_bytes, MAX_BYTES);
    }
}
END_TEST

START_TEST(a_compiler_that_would_run_for_ever_is_a_compile_error)
{
    BENCH(b);
    b.worker.conf.compile_limits.cpu_time_ms = 300;
    auto_submission_ struct submission sub =
        program(&b, "c17",
                "#define A(x) B(x) B(x) B(x) B(x)\n#define B(x) C(x) C(x) C(x) C(x)\n"
                "#define C(x) D(x) D(x) D(x) D(x)\n#define D(x) E(x) E(x) E(x) E(x)\n"
                "#define E(x) F(x) F(x) F(x) F(x)\n#define F(x) G(x) G(x) G(x) G(x)\n"
                "#define G(x) H(x) H(x) H(x) H(x)\n#define H(x) I(x) I(x) I(x) I(x)\n"
                "#define I(x) x x x x\nint main(void) { int a = 0; A(A(a++;)) }",
                NULL);
    auto_report_ struct submission_report r = judged(&b, &sub);
    auto_free_ char *text = blob_text(b.place.s, &r.compile.output.blob);
    ck_assert_int_eq(r.sub.verdict, VERDICT_COMPILE_ERROR);
    ck_assert_str_eq(r.compile.cause, "cpu");
    ck_assert_has(text, "minos: needed more than 300.000 ms of cpu time");
}
END_TEST

/* ---- where the time goes */

START_TEST(phases_add_up_to_the_time_from_claim_to_record)
{
    BENCH(b);
    auto_submission_ struct submission sub =
        program(&b, "c17", "#include <unistd.h>\nint main(void) { usleep(200000); }", NULL);
    for (int again = 0; again <= 1; again++) {
        store_new_id(sub.id);
        int64_t from_ns = clock_mono_ns();
        auto_report_ struct submission_report r = judged(&b, &sub);
        int64_t took_ns = clock_mono_ns() - from_ns;
        const struct phases *p = &r.phases;
        int64_t sum_ns = p->prepare_ns + p->compile_ns + p->run_ns + p->collect_ns;
        ck_assert(p->present);
        ck_assert_int_eq(p->run_ns, r.results[0].usage.wall_time_ns);
        ck_assert_int_ge(p->run_ns, 200 * NS_PER_MS);
        ck_assert_int_eq(p->compile_ns, again != 0 ? 0 : r.compile.usage.wall_time_ns);
        ck_assert_int_gt(p->prepare_ns, 0);
        ck_assert_int_gt(p->collect_ns, 0);
        ck_assert_int_le(sum_ns, took_ns);
        ck_assert_int_ge(sum_ns, took_ns - 100 * NS_PER_MS);
    }
}
END_TEST

/* ---- many tests */

static struct submission many_tests(struct bench *b, bool stop_on_failure)
{
    struct submission sub = program(b, "bash", "read x; echo $x", NULL);
    submission_done(&sub);
    struct submission many = request(b->place.s, 4);
    free(many.language);
    many.language = xstrdup("bash");
    many.files[0] = (struct source_file){ many.files[0].name, put(b->place.s, "cat") };
    many.stop_on_failure = stop_on_failure;
    for (size_t i = 0; i < 4; i++)
        many.tests[i].expected_output = put(b->place.s, i == 1 ? "2 1\n" : "1 2\n");
    return many;
}

START_TEST(the_first_failure_ends_it_or_not_as_asked)
{
    BENCH(b);
    for (int stop = 0; stop <= 1; stop++) {
        auto_submission_ struct submission sub = many_tests(&b, stop != 0);
        auto_report_ struct submission_report r = judged(&b, &sub);
        ck_assert_int_eq(r.sub.verdict, VERDICT_WRONG_ANSWER);
        ck_assert_uint_ge(r.result_count, stop != 0 ? 2 : 4);
        ck_assert_int_eq(r.results[0].verdict, VERDICT_ACCEPTED);
        ck_assert_int_eq(r.results[1].verdict, VERDICT_WRONG_ANSWER);
        if (stop == 0)
            ck_assert_int_eq(r.results[3].verdict, VERDICT_ACCEPTED);
    }
}
END_TEST

/* ---- recording */

START_TEST(more_tests_than_wait_to_be_recorded_are_all_recorded)
{
    enum { TESTS = 2 * RECORD_TESTS_MAX + 3 };
    BENCH(b);
    auto_submission_ struct submission sub = request(b.place.s, TESTS);
    free(sub.language);
    sub.language = xstrdup("bash");
    sub.files[0].content = put(b.place.s, "read x; echo $x; head -c 100000 /dev/zero >&2");
    for (size_t i = 0; i < TESTS; i++) {
        auto_free_ char *text = xasprintf("%zu\n", i);
        sub.tests[i].stdin_blob = sub.tests[i].expected_output = put(b.place.s, text);
    }
    auto_report_ struct submission_report r = judged(&b, &sub);
    ck_assert_int_eq(r.sub.verdict, VERDICT_ACCEPTED);
    ck_assert_uint_eq(r.result_count, TESTS);
    for (size_t i = 0; i < TESTS; i++) {
        auto_free_ char *expected = xasprintf("%zu\n", i);
        auto_free_ char *out = blob_text(b.place.s, &r.results[i].stdout_kept.blob);
        ck_assert_int_eq(r.results[i].index, (int64_t)i);
        ck_assert_str_eq(out, expected);
        ck_assert_int_eq(r.results[i].stderr_kept.bytes, 100000);
    }
}
END_TEST

/* In another process: until the submission runs, with its first test recorded or none; then 0. */
static pid_t watch_it_run(const struct bench *b, const char *id, size_t tests)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct err e;
    struct store *s = NULL;
    struct store_options opt = { .data_dir = b->place.dir, .read_only = true };
    if (store_open(&opt, &s, &e) != 0)
        _exit(1);
    for (;;) {
        struct submission_report r = { 0 };
        bool found = false;
        if (report_load(s, id, &r, &found, &e) != 0 || !found || r.sub.verdict != VERDICT_NONE)
            _exit(1);
        if (r.sub.state == SUBMISSION_RUNNING && r.compile.present && r.result_count == tests)
            _exit(0);
        report_done(&r);
        usleep(5000);
    }
}

START_TEST(who_watches_sees_it_run_and_its_tests_end)
{
    BENCH(b);
    auto_submission_ struct submission sub = request(b.place.s, 2);
    free(sub.language);
    sub.language = xstrdup("bash");
    sub.files[0].content = put(b.place.s, "sleep 0.7");
    pid_t watchers[2];
    int status = -1;
    struct err e;
    struct claim claim;
    struct lease lease;
    enum judge_end end = JUDGE_LOST;
    enum verdict verdict = VERDICT_NONE;
    accept_it(b.place.s, &sub);
    ck_assert(claim_one(b.place.s, &claim));
    for (size_t i = 0; i < ARRAY_COUNT(watchers); i++)
        watchers[i] = watch_it_run(&b, claim.id, i);
    lease_init(&lease, b.place.s, &b.events, &claim, 30000);
    ck_ok(judge_submission(&b.judge, &lease, &end, &verdict, &e));
    ck_assert_int_eq(end, JUDGE_DONE);
    for (size_t i = 0; i < ARRAY_COUNT(watchers); i++) {
        ck_assert_int_eq(waitpid(watchers[i], &status, 0), watchers[i]);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST

/* ---- cancelling and stopping */

/* In another process, after a moment: cancel `id`, and say so as the server does. */
static pid_t cancel_later(const struct bench *b, const char *id)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct err e;
    struct store *s = NULL;
    struct store_options opt = { .data_dir = b->place.dir };
    enum cancel_answer answer = CANCEL_NOT_FOUND;
    usleep(300000);
    if (store_open(&opt, &s, &e) != 0 || queue_cancel(s, id, &answer, &e) != 0)
        _exit(1);
    wake_send(b->place.dir, WAKE_QUEUE, id);
    _exit(answer == CANCEL_CANCELLED ? 0 : 1);
}

static enum judge_end judge_sleeper(struct bench *b, struct claim *claim, bool cancel)
{
    struct err e;
    struct lease lease;
    enum judge_end end = JUDGE_DONE;
    enum verdict verdict = VERDICT_NONE;
    int status = 0;
    auto_submission_ struct submission sub = program(b, "bash", "sleep 30", NULL);
    sub.tests[0].limits.wall_time_ms = 30000;
    accept_it(b->place.s, &sub);
    ck_assert(claim_one(b->place.s, claim));
    pid_t pid = cancel ? cancel_later(b, claim->id) : 0;
    lease_init(&lease, b->place.s, &b->events, claim, 30000);
    ck_ok(judge_submission(&b->judge, &lease, &end, &verdict, &e));
    if (cancel) {
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
    }
    return end;
}

START_TEST(a_running_program_is_stopped_when_its_owner_cancels)
{
    BENCH(b);
    struct claim claim;
    int64_t from_ns = clock_mono_ns();
    ck_assert_int_eq(judge_sleeper(&b, &claim, true), JUDGE_LOST);
    ck_assert_int_lt(clock_mono_ns() - from_ns, 5 * NS_PER_S);
    auto_report_ struct submission_report r = load(b.place.s, claim.id);
    ck_assert_int_eq(r.sub.state, SUBMISSION_CANCELLED);
    ck_assert_int_eq(r.sub.verdict, VERDICT_CANCELLED);
}
END_TEST

START_TEST(a_slot_whose_time_to_stop_is_over_keeps_nothing)
{
    BENCH(b);
    struct claim claim;
    b.events.drain_over = true;
    ck_assert_int_eq(judge_sleeper(&b, &claim, false), JUDGE_STOPPED);
    auto_report_ struct submission_report r = load(b.place.s, claim.id);
    ck_assert_int_ne(r.sub.state, SUBMISSION_DONE);
}
END_TEST

START_TEST(a_language_that_is_not_there_is_the_judges_fault_and_says_what_to_install)
{
    BENCH(b);
    struct err e;
    struct claim claim;
    struct lease lease;
    enum judge_end end;
    enum verdict verdict;
    auto_submission_ struct submission sub = program(&b, "bash", "echo", NULL);
    struct language *l = language_find(&b.languages, "bash");
    free(l->version);
    l->version = NULL;
    accept_it(b.place.s, &sub);
    ck_assert(claim_one(b.place.s, &claim));
    lease_init(&lease, b.place.s, &b.events, &claim, 30000);
    ck_fails(judge_submission(&b.judge, &lease, &end, &verdict, &e), ERR_INPUT, "install: bash");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_verdict_is_given_to_a_real_program,
        a_surely_wrong_output_ends_the_program_where_the_rest_does_not_count,
        input_output_and_usage_are_those_of_the_test,
        many_files_are_compiled_together,
        the_entry_point_chooses_the_file_that_is_started,
        the_same_source_compiles_once_and_errors_keep_their_diagnostics,
        a_tiny_cache_evicts_and_every_program_still_runs,
        a_compiler_that_would_run_for_ever_is_a_compile_error,
        phases_add_up_to_the_time_from_claim_to_record,
        the_first_failure_ends_it_or_not_as_asked,
        more_tests_than_wait_to_be_recorded_are_all_recorded,
        who_watches_sees_it_run_and_its_tests_end,
        a_running_program_is_stopped_when_its_owner_cancels,
        a_slot_whose_time_to_stop_is_over_keeps_nothing,
        a_language_that_is_not_there_is_the_judges_fault_and_says_what_to_install,
    };
    setenv("CK_DEFAULT_TIMEOUT", "60", 1);
    return unit_main("judge", tests, ARRAY_COUNT(tests));
}
