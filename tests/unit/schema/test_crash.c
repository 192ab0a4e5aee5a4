/* test_crash.c - claimers and writers as processes of their own, killed with SIGKILL. */
#include "tests/unit/schema/unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { CLAIMERS = 4, SUBMISSIONS = 500 };

/* ---- children: they report by what they leave in the store, and by their exit status */

static struct store *open_in_child(const char *dir)
{
    struct err e;
    struct store *s = NULL;
    struct store_options opt = { .data_dir = dir };
    if (store_open(&opt, &s, &e) < 0) {
        fprintf(stderr, "%s\n", e.msg);
        _exit(2);
    }
    return s;
}

static void must(int rc, const struct err *e)
{
    if (rc == 0)
        return;
    fprintf(stderr, "%s\n", e->msg);
    _exit(3);
}

/* Judge one: record a test with an output of its own, end it. */
static void judge_one(struct store *s, const struct claim *c, const char *owner)
{
    struct err e;
    bool mine = false;
    struct test_result t = { .cause = TEXT("none"), .verdict = VERDICT_ACCEPTED };
    must(store_begin(s, STORE_RELAXED, &e), &e);
    must(blob_put(s, owner, strlen(owner), &t.stdout_kept.blob, &e), &e);
    must(queue_advance(s, c, SUBMISSION_RUNNING, &mine, &e), &e);
    must(record_one_test(s, c, &t, &mine, &e), &e);
    must(store_commit(s, &e), &e);
    must(queue_finish(s, c, VERDICT_ACCEPTED, owner, NULL, &mine, &e), &e);
    if (!mine)
        _exit(4);
}

/* Claim until nothing waits; writes each id that was claimed to `out`. */
static void claimer(const char *dir, const char *owner, int64_t lease_ms, int64_t attempts_max,
                    int out)
{
    struct store *s = open_in_child(dir);
    struct err e;
    struct claim c;
    bool found = true;
    for (;;) {
        must(queue_claim(s, owner, lease_ms, attempts_max, &c, &found, &e), &e);
        if (!found)
            break;
        if (write(out, c.id, STORE_ID_BYTES) != STORE_ID_BYTES)
            _exit(5);
        judge_one(s, &c, owner);
    }
    store_close(s);
    _exit(0);
}

static pid_t start_claimer(const struct place *p, size_t n, int64_t lease_ms, int64_t attempts_max,
                           int out)
{
    char owner[32];
    snprintf(owner, sizeof owner, "claimer %zu", n);
    pid_t pid = fork();
    if (pid == 0)
        claimer(p->dir, owner, lease_ms, attempts_max, out);
    ck_assert_int_gt(pid, 0);
    return pid;
}

static void accept_many(const struct place *p, int count)
{
    struct err e;
    char id[STORE_ID_BYTES];
    ck_ok(store_begin(p->s, STORE_DURABLE, &e));
    for (int i = 0; i < count; i++)
        accept_one(p->s, i % 5, id);
    ck_ok(store_commit(p->s, &e));
}

/* A connection does not survive a fork: the parent closes its own before, and opens after. */
static void close_for_fork(struct place *p)
{
    store_close(p->s);
    p->s = NULL;
}

START_TEST(four_claimers_claim_each_submission_exactly_once)
{
    auto_place_ struct place p = place_new();
    pid_t children[CLAIMERS];
    auto_fd_ int log = memfd_create("claimed", MFD_CLOEXEC);
    ck_assert_int_eq(fcntl(log, F_SETFL, O_APPEND), 0);
    accept_many(&p, SUBMISSIONS);
    close_for_fork(&p);
    for (size_t i = 0; i < CLAIMERS; i++)
        children[i] = start_claimer(&p, i, 60000, 1, log);
    for (size_t i = 0; i < CLAIMERS; i++) {
        int status = -1;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(lseek(log, 0, SEEK_END), (off_t)SUBMISSIONS * STORE_ID_BYTES);
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission WHERE state = 5 AND verdict = 1 "
                                 "AND attempts = 1"),
                     SUBMISSIONS);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM queue"), 0);
    ck_assert_int_eq(number(p.s, "SELECT value FROM counter WHERE id = 101"), SUBMISSIONS);
    ck_consistent(p.s);
}
END_TEST

START_TEST(what_a_killed_claimer_held_is_claimed_again_with_a_larger_fence)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct claim held, now;
    int pipe_fds[2];
    bool mine = true;
    accept_one(p.s, 0, id);
    close_for_fork(&p);
    ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *s = open_in_child(p.dir);
        bool found = false;
        must(queue_claim(s, "dies", 300, 3, &held, &found, &e), &e);
        _exit(write(pipe_fds[1], &held, sizeof held) == sizeof held && pause());
    }
    ck_assert_int_eq(read(pipe_fds[0], &held, sizeof held), sizeof held);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    p.s = open_store(&p, (struct store_options){ 0 });
    while (!claim_one(p.s, &now))
        nanosleep(&(struct timespec){ .tv_nsec = 20 * NS_PER_MS }, NULL);
    ck_assert_str_eq(now.id, held.id);
    ck_assert_int_gt(now.fence, held.fence);
    ck_assert_int_eq(now.attempt, 2);
    ck_ok(queue_finish(p.s, &held, VERDICT_WRONG_ANSWER, NULL, NULL, &mine, &e));
    ck_assert(!mine);
    ck_assert(finish(p.s, &now, VERDICT_ACCEPTED));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    ck_consistent(p.s);
}
END_TEST

START_TEST(killing_claimers_at_any_moment_loses_and_doubles_nothing)
{
    enum { KILLS = 40 };
    auto_place_ struct place p = place_new();
    auto_fd_ int log = memfd_create("claimed", MFD_CLOEXEC);
    accept_many(&p, SUBMISSIONS);
    close_for_fork(&p);
    for (int i = 0; i < KILLS; i++) {
        pid_t a = start_claimer(&p, 0, 50, 1000, log), b = start_claimer(&p, 1, 50, 1000, log);
        nanosleep(&(struct timespec){ .tv_nsec = (5 + i * 7 % 23) * NS_PER_MS }, NULL);
        kill(a, SIGKILL);
        kill(b, SIGKILL);
        ck_assert_int_eq(waitpid(a, NULL, 0), a);
        ck_assert_int_eq(waitpid(b, NULL, 0), b);
    }
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_consistent(p.s);
    int64_t left = number(p.s, "SELECT count(*) FROM queue");
    struct claim c;
    nanosleep(&(struct timespec){ .tv_nsec = 60 * NS_PER_MS }, NULL);
    for (; left > 0; left--) {
        ck_assert(claim_with(p.s, 60000, 1000, &c));
        ck_assert(finish(p.s, &c, VERDICT_ACCEPTED));
    }
    ck_assert(!claim_one(p.s, &c));
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission WHERE verdict = 1"), SUBMISSIONS);
    ck_assert_int_eq(number(p.s, "SELECT value FROM counter WHERE id = 101"), SUBMISSIONS);
    ck_consistent(p.s);
}
END_TEST

/* Accept batches and say so after each commit, until killed. */
static void acceptor(const char *dir, int out)
{
    struct store *s = open_in_child(dir);
    struct err e;
    for (int64_t n = 0;; n++) {
        char text[32], existing[STORE_ID_BYTES];
        struct submission sub = request(s, 1);
        snprintf(text, sizeof text, "%lld", (long long)n);
        must(store_begin(s, STORE_DURABLE, &e), &e);
        must(blob_put(s, text, strlen(text), &sub.files[0].content, &e), &e);
        must(queue_accept(s, &sub, existing, &e), &e);
        must(store_commit(s, &e), &e);
        if (write(out, sub.id, STORE_ID_BYTES) != STORE_ID_BYTES)
            _exit(5);
        submission_done(&sub);
    }
}

/* Until there is more in the log than `before`: how long an acceptor takes depends on the host. */
static int64_t wait_longer_than(int log, int64_t before)
{
    struct stat st = { .st_size = 0 };
    for (int i = 0; i < 3000 && st.st_size <= before; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 10 * NS_PER_MS }, NULL);
        ck_assert_int_eq(fstat(log, &st), 0);
    }
    return st.st_size;
}

START_TEST(what_a_killed_acceptor_acknowledged_is_there)
{
    auto_place_ struct place p = place_new();
    auto_fd_ int log = memfd_create("acknowledged", MFD_CLOEXEC);
    int64_t acknowledged = 0, bytes = 0;
    close_for_fork(&p);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0)
            acceptor(p.dir, log);
        bytes = wait_longer_than(log, bytes);
        nanosleep(&(struct timespec){ .tv_nsec = i * 3 * NS_PER_MS }, NULL);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
    }
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_assert_int_eq(lseek(log, 0, SEEK_SET), 0);
    char id[STORE_ID_BYTES];
    for (; read(log, id, sizeof id) == (ssize_t)sizeof id; acknowledged++) {
        auto_report_ struct submission_report r = load(p.s, id);
        ck_assert_int_eq(r.sub.state, SUBMISSION_QUEUED);
    }
    ck_assert_int_gt(acknowledged, 0);
    ck_assert_int_ge(number(p.s, "SELECT count(*) FROM queue"), acknowledged);
    ck_consistent(p.s);
}
END_TEST

/* Put, refer to nothing, and read back, while another process sweeps all the time. */
static void putter(const char *dir, unsigned seed)
{
    struct store *s = open_in_child(dir);
    struct err e;
    enum { LARGE = DB_BLOB_INLINE_BYTES + 1 };
    static char data[LARGE];
    for (unsigned i = 0; i < 60; i++) {
        memset(data, (int)('a' + (i + seed) % 3), sizeof data);
        struct blob b;
        int fd = -1;
        must(store_begin(s, STORE_DURABLE, &e), &e); /* what is put is safe until the commit */
        must(blob_put(s, data, sizeof data, &b, &e), &e);
        must(blob_open(s, &b, &fd, &e), &e);
        must(store_commit(s, &e), &e);
        close(fd);
    }
    store_close(s);
    _exit(0);
}

START_TEST(a_sweep_never_takes_what_is_being_put)
{
    auto_place_ struct place p = place_new();
    pid_t children[2];
    int status = -1;
    close_for_fork(&p);
    for (unsigned i = 0; i < ARRAY_COUNT(children); i++) {
        children[i] = fork();
        if (children[i] == 0)
            putter(p.dir, i);
    }
    p.s = open_store(&p, (struct store_options){ .blob_grace_ms = -1 });
    size_t running = ARRAY_COUNT(children);
    while (running > 0) {
        struct err e;
        int64_t deleted = 0;
        ck_ok(store_prune(p.s, 0, 100, &deleted, &e));
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid > 0) {
            ck_assert_int_eq(status, 0);
            running--;
        }
    }
    ck_consistent(p.s);
}
END_TEST

UNIT_MAIN("crash", four_claimers_claim_each_submission_exactly_once,
          what_a_killed_claimer_held_is_claimed_again_with_a_larger_fence,
          killing_claimers_at_any_moment_loses_and_doubles_nothing,
          what_a_killed_acceptor_acknowledged_is_there, a_sweep_never_takes_what_is_being_put)
