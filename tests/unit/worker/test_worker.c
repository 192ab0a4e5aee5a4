/* test_worker.c - the program minos-worker as an operator sees it: starts, judges, loses a slot,
 * stops. Needs root. */
#include "tests/unit/worker/unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "schema/wake.h"

struct running {
    struct place place;
    pid_t pid;
    int ready_fd;
};

static char *sibling(const char *name)
{
    auto_free_ char *box = box_program();
    *strrchr(box, '/') = '\0';
    return xasprintf("%s/%s", box, name);
}

static void start(struct running *r, const char *extra)
{
    int fds[2];
    auto_free_ char *program = sibling("minos-worker");
    auto_free_ char *box = box_program();
    auto_free_ char *data = xasprintf("store.data_dir=%s", r->place.dir);
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    auto_free_ char *ready = xasprintf("--ready-fd=%d", fds[1]);
    r->pid = fork();
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fcntl(fds[1], F_SETFD, 0);
        execl(program, program, "--set", data, "--set", "log.level=error", "--box-program", box,
              "--slots", "1", ready, extra, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    r->ready_fd = fds[0];
}

static void ck_ready(struct running *r)
{
    char text[128];
    ssize_t n = read(r->ready_fd, text, sizeof(text) - 1);
    ck_assert_int_gt(n, 0);
    text[n] = '\0';
    ck_assert_has(text, "ready slots=1 languages=");
    close_fd(&r->ready_fd);
}

static int stop(struct running *r)
{
    int status = 0;
    ck_assert_int_eq(kill(r->pid, SIGTERM), 0);
    ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
    r->pid = 0;
    return status;
}

static void running_done(struct running *r)
{
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    close_fd(&r->ready_fd);
    place_done(&r->place);
}

#define RUNNING(r)                                                                                 \
    if (!bench_possible())                                                                         \
        return;                                                                                    \
    setenv("MINOS_LANGUAGES", "tests/unit/worker/languages", 1);                                   \
    __attribute__((cleanup(running_done))) struct running r = { .place = place_new(),              \
                                                                .ready_fd = -1 }

static void submit(struct running *r, const char *source, char ret_id[STORE_ID_BYTES])
{
    auto_submission_ struct submission sub = request(r->place.s, 1);
    free(sub.language);
    sub.language = xstrdup("sh");
    sub.tests[0].limits.wall_time_ms = 60000;
    sub.files[0].content = put(r->place.s, source);
    accept_it(r->place.s, &sub);
    wake_send(r->place.dir, WAKE_QUEUE, "");
    memcpy(ret_id, sub.id, STORE_ID_BYTES);
}

/* Wait until the submission is in this state; its verdict. */
static enum verdict wait_state(struct running *r, const char *id, enum submission_state state)
{
    int64_t deadline_mono_ns = clock_mono_ns() + 30 * NS_PER_S;
    for (;;) {
        auto_report_ struct submission_report report = load(r->place.s, id);
        if (report.sub.state == state)
            return report.sub.verdict;
        ck_assert_msg(clock_mono_ns() < deadline_mono_ns, "still %s",
                      submission_state_name(report.sub.state));
        usleep(10000);
    }
}

/* The pid of the only child of `parent`, or 0. */
static pid_t child_of(pid_t parent)
{
    struct err e;
    auto_buf_ struct buf text;
    buf_init(&text, 4096);
    auto_free_ char *path = xasprintf("/proc/%d/task/%d/children", (int)parent, (int)parent);
    ck_ok(io_read_file(AT_FDCWD, path, 4096, &text, &e));
    return (pid_t)strtol(buf_text(&text), NULL, 10);
}

START_TEST(it_starts_judges_and_stops)
{
    RUNNING(r);
    char id[STORE_ID_BYTES];
    start(&r, NULL);
    ck_ready(&r);
    submit(&r, "exit 0", id);
    ck_assert_int_eq(wait_state(&r, id, SUBMISSION_DONE), VERDICT_ACCEPTED);
    ck_assert_int_eq(stop(&r), 0);
    struct language_record *rows = NULL;
    size_t count = 0;
    struct err e;
    ck_ok(languages_load(r.place.s, &rows, &count, &e));
    ck_assert_uint_eq(count, 2);
    ck_assert(!rows[0].available && rows[1].available);
    ck_assert_str_eq(rows[0].package, "no-such-package");
    ck_assert_str_eq(rows[1].version, "1.5");
    languages_free(rows, count);
}
END_TEST

START_TEST(a_submission_whose_judges_all_vanished_ends_and_waiters_hear_it)
{
    RUNNING(r);
    struct err e;
    struct wake *wake = NULL;
    struct wake_event event = { 0 };
    struct claim claim;
    char id[STORE_ID_BYTES];
    ck_ok(wake_open(r.place.dir, WAKE_PROGRESS, &wake, &e));
    submit(&r, "exit 0", id);
    for (int i = 0; i < 3; i++) {
        ck_assert(claim_with(r.place.s, 1, 3, &claim));
        usleep(5000); /* the lease is over, and nobody says so */
    }
    start(&r, NULL);
    struct pollfd p = { .fd = wake_fd(wake), .events = POLLIN };
    ck_assert_int_eq(poll(&p, 1, 30000), 1);
    bool found = false;
    ck_ok(wake_next(wake, &event, &found, &e));
    ck_assert(found);
    ck_assert_str_eq(event.id, id);
    auto_report_ struct submission_report report = load(r.place.s, id);
    ck_assert_int_eq(report.sub.verdict, VERDICT_INTERNAL_ERROR);
    wake_close(wake);
}
END_TEST

START_TEST(a_slot_that_is_killed_is_replaced_and_its_work_done_again)
{
    RUNNING(r);
    char id[STORE_ID_BYTES];
    start(&r, "--set=worker.lease_ms=60s"); /* what it held must not wait for that */
    ck_ready(&r);
    submit(&r, "sleep 1", id);
    wait_state(&r, id, SUBMISSION_RUNNING);
    pid_t slot = child_of(r.pid);
    ck_assert_int_gt(slot, 0);
    ck_assert_int_eq(kill(slot, SIGKILL), 0);
    ck_assert_int_eq(wait_state(&r, id, SUBMISSION_DONE), VERDICT_ACCEPTED);
    auto_report_ struct submission_report report = load(r.place.s, id);
    ck_assert_int_eq(report.sub.attempts, 2);
    ck_assert_int_ne(child_of(r.pid), slot);
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

START_TEST(a_keeper_that_is_killed_costs_one_attempt)
{
    RUNNING(r);
    char id[STORE_ID_BYTES];
    start(&r, NULL);
    ck_ready(&r);
    submit(&r, "sleep 1", id);
    wait_state(&r, id, SUBMISSION_RUNNING);
    pid_t keeper = child_of(child_of(r.pid));
    ck_assert_int_gt(keeper, 0);
    ck_assert_int_eq(kill(keeper, SIGKILL), 0);
    ck_assert_int_eq(wait_state(&r, id, SUBMISSION_DONE), VERDICT_ACCEPTED);
    auto_report_ struct submission_report report = load(r.place.s, id);
    ck_assert_int_eq(report.sub.attempts, 2);
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

START_TEST(a_lease_shorter_than_the_program_is_renewed)
{
    RUNNING(r);
    char id[STORE_ID_BYTES];
    start(&r, "--set=worker.lease_ms=1s");
    ck_ready(&r);
    submit(&r, "sleep 1.6", id);
    ck_assert_int_eq(wait_state(&r, id, SUBMISSION_DONE), VERDICT_ACCEPTED);
    auto_report_ struct submission_report report = load(r.place.s, id);
    ck_assert_int_eq(report.sub.attempts, 1);
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

START_TEST(sigterm_gives_back_what_takes_too_long)
{
    RUNNING(r);
    char id[STORE_ID_BYTES];
    start(&r, NULL);
    ck_ready(&r);
    submit(&r, "sleep 50", id);
    wait_state(&r, id, SUBMISSION_RUNNING);
    int64_t from_ns = clock_mono_ns();
    ck_assert_int_eq(stop(&r), 0);
    ck_assert_int_lt(clock_mono_ns() - from_ns, 6 * NS_PER_S);
    wait_state(&r, id, SUBMISSION_QUEUED);
}
END_TEST

START_TEST(without_a_keeper_it_ends_with_an_error)
{
    RUNNING(r);
    int status = 0;
    start(&r, "--set=box.id_base=65535000000");
    ck_assert_int_eq(waitpid(r.pid, &status, 0), r.pid);
    r.pid = 0;
    ck_assert_int_eq(WEXITSTATUS(status), 2);
    start(&r, "--box-program=/bin/false");
    ck_assert_int_eq(waitpid(r.pid, &status, 0), r.pid);
    r.pid = 0;
    ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_starts_judges_and_stops,
        a_submission_whose_judges_all_vanished_ends_and_waiters_hear_it,
        a_slot_that_is_killed_is_replaced_and_its_work_done_again,
        a_keeper_that_is_killed_costs_one_attempt,
        a_lease_shorter_than_the_program_is_renewed,
        sigterm_gives_back_what_takes_too_long,
        without_a_keeper_it_ends_with_an_error,
    };
    setenv("CK_DEFAULT_TIMEOUT", "60", 1);
    return unit_main("worker", tests, ARRAY_COUNT(tests));
}
