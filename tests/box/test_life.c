/* test_life.c - keepers come and go and leave nothing on the host; real keepers. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/box_private.h"
#include "tests/box/kit.h"

START_TEST(two_keepers_work_at_once_and_apart)
{
    struct kit one, two;
    struct shot s;
    kit_open(&one, NULL);
    kit_open(&two, NULL);
    ck_assert_int_ne(one.keeper_pid, two.keeper_pid);
    struct box_outcome o = shot_at(&one, "exit", "1");
    check_exit(&o, 1);
    shot_init(&s, "put", "here", "x", NULL);
    s.command.keep_files = true;
    shot_run(&one, &s);
    check_exit(&s.o, 0);
    shot_done(&s);
    o = shot_at(&two, "exit", "2");
    check_exit(&o, 2);
    kit_close(&one);
    o = shot_at(&two, "exit", "3");
    check_exit(&o, 3);
    kit_close(&two);
}
END_TEST

START_TEST(a_keeper_that_ends_takes_its_groups_and_cells_along)
{
    struct kit k;
    pid_t pids[64];
    kit_open(&k, NULL);
    struct box_outcome o = shot_at(&k, "exit", "0");
    check_exit(&o, 0);
    ck_assert_uint_gt(kit_groups(k.keeper_pid), 0);
    size_t count = kit_processes(k.keeper_pid, pids, 64);
    kit_close(&k); /* checks the groups */
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(kill(pids[i], 0) < 0 && errno == ESRCH, "process %d is left", pids[i]);
}
END_TEST

/* --- kill -9 ---------------------------------------------------------------------------------- */

struct murder {
    pid_t keeper_pid;
    pid_t pids[64];
    size_t count;
};

static enum box_cause kill_keeper(void *ctx)
{
    struct murder *m = ctx;
    if (m->count == 0) {
        m->count = kit_processes(m->keeper_pid, m->pids, ARRAY_COUNT(m->pids));
        kill(m->keeper_pid, SIGKILL);
    }
    return BOX_CAUSE_NONE;
}

static bool all_gone(void *ctx)
{
    const struct murder *m = ctx;
    for (size_t i = 0; i < m->count; i++)
        if (kill(m->pids[i], 0) == 0)
            return false;
    return true;
}

START_TEST(a_killed_keeper_leaves_no_process_and_the_next_one_tidies_up)
{
    struct kit k, next;
    struct shot s;
    struct err e;
    kit_open(&k, NULL);
    size_t mounts = kit_lines(getpid(), "mountinfo");
    shot_init(&s, "daemon", NULL);
    s.argv[1] = "sleep";
    s.argv[2] = "60000";
    struct murder m = { .keeper_pid = k.keeper_pid };
    struct box_watch watch = {
        .poll_fd = -1, .every_ms = kit_slow(200), .check = kill_keeper, .ctx = &m
    };
    ck_assert_int_eq(box_run(k.box, &s.command, 1, NULL, 0, &watch, &s.o, &e), -1);
    ck_assert_int_eq(e.kind, ERR_SYS);
    ck_assert_ptr_nonnull(strstr(e.msg, "signal 9"));
    ck_assert_uint_gt(m.count, 0);
    ck_assert_int_eq(box_release(k.box, &e), -1); /* for good */
    box_close(k.box);
    k.box = NULL;
    ck_assert(kit_wait(all_gone, &m));
    kit_open(&next, NULL);
    ck_assert_uint_eq(kit_groups(k.keeper_pid), 0);
    struct box_outcome o = shot_at(&next, "exit", "0");
    check_exit(&o, 0);
    ck_assert_uint_eq(kit_lines(getpid(), "mountinfo"), mounts);
    shot_done(&s);
    kit_close(&next);
    kit_close(&k);
}
END_TEST

static pid_t parent_of(pid_t pid)
{
    auto_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
    auto_buf_ struct buf text = { 0 };
    struct err e;
    int parent = -1;
    if (io_read_file(AT_FDCWD, path, 4096, &text, &e) == 0)
        ck_assert_int_eq(sscanf(strrchr(buf_text(&text), ')'), ") %*c %d", &parent), 1);
    return parent;
}

static bool is_one_of(pid_t pid, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* The processes of cells that wait to become programs: children of their inits. */
static bool find_waiting(void *ctx)
{
    struct murder *m = ctx;
    pid_t all[64];
    size_t count = kit_processes(m->keeper_pid, all, ARRAY_COUNT(all));
    m->count = 0;
    for (size_t i = 0; i < count; i++)
        if (is_one_of(parent_of(all[i]), all, count))
            m->pids[m->count++] = all[i];
    return m->count > 0;
}

/* One that is told to stop while it waits still takes what comes before it does. */
static bool all_stopped(void *ctx)
{
    const struct murder *m = ctx;
    for (size_t i = 0; i < m->count; i++) {
        auto_free_ char *path = xasprintf("/proc/%d/stat", (int)m->pids[i]);
        auto_buf_ struct buf text = { 0 };
        struct err e;
        if (io_read_file(AT_FDCWD, path, 4096, &text, &e) == 0 &&
            strstr(buf_text(&text), ") T ") == NULL)
            return false;
    }
    return true;
}

static enum box_cause kill_waiting(void *ctx)
{
    const struct murder *m = ctx;
    for (size_t i = 0; i < m->count; i++)
        kill(m->pids[i], SIGKILL);
    return BOX_CAUSE_NONE;
}

/* Run a command while those of the cells that are ready are stopped, so that it does not take its
 * job, and then killed; the result of box_run. */
static int run_with_killed(struct kit *k, struct err *e)
{
    struct shot s;
    struct murder m = { .keeper_pid = k->keeper_pid };
    struct box_watch watch = {
        .poll_fd = -1, .every_ms = kit_slow(200), .check = kill_waiting, .ctx = &m
    };
    usleep((useconds_t)kit_slow(300) * 1000); /* cells of before go, the next one comes */
    ck_assert(kit_wait(find_waiting, &m));
    for (size_t i = 0; i < m.count; i++)
        kill(m.pids[i], SIGSTOP);
    ck_assert(kit_wait(all_stopped, &m));
    shot_init(&s, "exit", "0", NULL);
    int r = box_run(k->box, &s.command, 1, NULL, 0, &watch, &s.o, e);
    kill_waiting(&m);
    if (r == 0)
        check_exit(&s.o, 0); /* in a cell that was made meanwhile */
    shot_done(&s);
    return r;
}

static bool no_groups(void *ctx)
{
    return kit_groups(*(pid_t *)ctx) == 0;
}

/* What still had processes in it when we started can be removed only later. */
START_TEST(what_a_dead_keeper_left_is_looked_for_again)
{
    struct kit k;
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(dead, NULL, 0), dead);
    kit_open(&k, NULL);
    ck_assert_uint_ge(kit_plant_groups(k.keeper_pid, dead), 1);
    ck_assert(kit_wait(no_groups, &dead));
    kit_close(&k);
}
END_TEST

START_TEST(who_is_killed_before_it_is_the_program_is_no_outcome_of_it)
{
    struct kit k;
    struct err e;
    int r = 0;
    kit_open(&k, NULL);
    for (int i = 0; i < 20 && r == 0; i++)
        r = run_with_killed(&k, &e);
    ck_assert_int_eq(r, -1);
    ck_assert_int_eq(e.kind, ERR_SYS);
    ck_assert_ptr_nonnull(strstr(e.msg, "before it became the program"));
    kit_close(&k);
}
END_TEST

START_TEST(a_client_that_vanishes_takes_its_keeper_along)
{
    int report[2];
    ck_assert_int_eq(pipe2(report, O_CLOEXEC), 0);
    pid_t client = fork();
    if (client == 0) {
        struct kit k;
        struct shot s;
        kit_open(&k, NULL);
        (void)!write(report[1], &k.keeper_pid, sizeof k.keeper_pid);
        shot_init(&s, "spin", NULL);
        s.command.limits.cpu_time_ms = s.command.limits.wall_time_ms = 60000;
        shot_run(&k, &s);
        _exit(0);
    }
    struct murder m = { .count = 1 };
    ck_assert_int_eq(read(report[0], &m.pids[0], sizeof m.pids[0]), (ssize_t)sizeof m.pids[0]);
    usleep((useconds_t)kit_slow(200000));
    m.count += kit_processes(m.pids[0], m.pids + 1, ARRAY_COUNT(m.pids) - 1);
    ck_assert_int_eq(kill(client, SIGKILL), 0);
    ck_assert_int_eq(waitpid(client, NULL, 0), client);
    ck_assert(kit_wait(all_gone, &m));
    ck_assert_uint_eq(kit_groups(m.pids[0]), 0);
}
END_TEST

/* --- many runs -------------------------------------------------------------------------------- */

static void run_once(struct kit *k, int i)
{
    static const char *const verbs[] = { "exit", "segfault", "daemon", "forks" };
    struct shot s;
    struct err e;
    shot_init(&s, verbs[i % 4], i % 4 == 3 ? "5" : "0", NULL);
    s.command.keep_files = i % 5 == 0;
    shot_run(k, &s);
    ck_assert(s.o.started && s.o.cause == BOX_CAUSE_NONE);
    shot_done(&s);
    if (i % 10 == 0)
        ck_assert_int_eq(box_release(k->box, &e), 0);
}

struct expected {
    pid_t keeper_pid;
    size_t groups, processes;
};

static bool as_expected(void *ctx)
{
    const struct expected *x = ctx;
    pid_t pids[64];
    return kit_groups(x->keeper_pid) == x->groups &&
           kit_processes(x->keeper_pid, pids, 64) == x->processes;
}

START_TEST(many_runs_leave_groups_mounts_and_descriptors_as_they_were)
{
    static const char *const set[] = { "box.warm=0", NULL };
    struct kit k;
    struct err e;
    pid_t pids[64];
    kit_open(&k, set);
    run_once(&k, 0);
    ck_assert_int_eq(box_release(k.box, &e), 0);
    struct expected x = { k.keeper_pid, kit_groups(k.keeper_pid),
                          kit_processes(k.keeper_pid, pids, 64) };
    size_t mounts = kit_lines(k.keeper_pid, "mountinfo");
    size_t fds = kit_entries(k.keeper_pid, "fd"), own_fds = kit_entries(getpid(), "fd");
    for (int i = 0; i < 200 / kit_slow(1); i++)
        run_once(&k, i);
    ck_assert_int_eq(box_release(k.box, &e), 0);
    /* A group can be busy for some milliseconds after its last process. */
    ck_assert(kit_wait(as_expected, &x));
    ck_assert_uint_eq(kit_lines(k.keeper_pid, "mountinfo"), mounts);
    ck_assert_uint_eq(kit_entries(k.keeper_pid, "fd"), fds);
    ck_assert_uint_eq(kit_entries(getpid(), "fd"), own_fds);
    kit_close(&k);
}
END_TEST

START_TEST(a_keeper_that_cannot_start_says_why)
{
    static const char *const args[] = { "--set", "box.cgroup=/no/such/group", NULL };
    auto_free_ char *program = kit_built("../minos-box");
    struct box_options o = { .program = program, .args = args, .timeout_ms = kit_slow(10000) };
    struct box *b = NULL;
    struct err e;
    ck_assert_int_eq(box_open(&o, &b, &e), -1);
    ck_assert_int_eq(e.kind, ERR_SYS);
    ck_assert_msg(strstr(e.msg, "/no/such/group") != NULL, "%s", e.msg);
    o.program = "/no/such/program";
    ck_assert_int_eq(box_open(&o, &b, &e), -1);
    ck_assert_int_eq(e.errnum, ENOENT);
    o = (struct box_options){ .socket_path = "/no/such/socket", .timeout_ms = 1000 };
    ck_assert_int_eq(box_open(&o, &b, &e), -1);
    ck_assert_int_eq(e.errnum, ENOENT);
    box_close(NULL);
}
END_TEST

/* --- listen ----------------------------------------------------------------------------------- */

static const char *const few[] = { "worker.slots=1", "box.warm=0", NULL };

/* As nobody: the exit status of a child that tries to open a box. */
static int try_as_nobody(const struct box_options *o)
{
    pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        struct box *b = NULL;
        struct err e;
        if (setresuid(65534, 65534, 65534) < 0)
            _exit(2);
        _exit(box_open(o, &b, &e) < 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

START_TEST(a_listener_gives_a_keeper_to_each_client_of_its_user_alone)
{
    char dir[] = "/tmp/minos-listen-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chmod(dir, 0755), 0);
    auto_free_ char *path = xasprintf("%s/box.sock", dir);
    pid_t listener = kit_listen(path, few);
    struct box_options o = { .socket_path = path, .timeout_ms = kit_slow(30000) };
    struct box *one = NULL, *two = NULL;
    struct err e;
    ck_assert_msg(box_open(&o, &one, &e) == 0, "%s", e.msg);
    ck_assert_msg(box_open(&o, &two, &e) == 0, "%s", e.msg);
    static const char *const argv[] = { "true", NULL }, *const env[] = { "PATH=/bin", NULL };
    struct box_command c = { .image = "host",
                             .argv = argv,
                             .env = env,
                             .limits = limits_run_defaults(),
                             .stdin_fd = -1,
                             .stdout_sink = { .fd = -1 },
                             .stderr_sink = { .fd = -1 } };
    struct box_outcome outcome;
    ck_assert_msg(box_run(one, &c, 1, NULL, 0, NULL, &outcome, &e) == 0, "%s", e.msg);
    check_exit(&outcome, 0);
    box_close(one);
    ck_assert_msg(box_run(two, &c, 1, NULL, 0, NULL, &outcome, &e) == 0, "%s", e.msg);
    check_exit(&outcome, 0);
    if (geteuid() == 0)
        ck_assert_int_eq(try_as_nobody(&o), 0);
    ck_assert_int_eq(kill(listener, SIGTERM), 0);
    int status;
    ck_assert_int_eq(waitpid(listener, &status, 0), listener);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    ck_assert_int_eq(box_run(two, &c, 1, NULL, 0, NULL, &outcome, &e), -1);
    ck_assert_int_eq(e.kind, ERR_SYS);
    box_close(two);
    (void)unlink(path);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_listener_gives_no_more_keepers_than_slots_can_need)
{
    enum { ALLOWED = 2 * 1 + 8 }; /* the listener's worker.slots is 1 */
    char dir[] = "/tmp/minos-listen-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    auto_free_ char *path = xasprintf("%s/box.sock", dir);
    pid_t listener = kit_listen(path, few);
    struct box_options o = { .socket_path = path, .timeout_ms = kit_slow(30000) };
    struct box *boxes[ALLOWED], *more = NULL;
    struct err e;
    for (size_t i = 0; i < ALLOWED; i++)
        ck_assert_msg(box_open(&o, &boxes[i], &e) == 0, "%zu: %s", i, e.msg);
    ck_assert_int_eq(box_open(&o, &more, &e), -1);
    box_close(boxes[0]);
    bool again = false; /* when the first one has left */
    for (int i = 0; i < 100 && !again; i++) {
        again = box_open(&o, &boxes[0], &e) == 0;
        if (!again)
            usleep(50000);
    }
    ck_assert_msg(again, "%s", e.msg);
    for (size_t i = 0; i < ALLOWED; i++)
        box_close(boxes[i]);
    ck_assert_int_eq(kill(listener, SIGTERM), 0);
    ck_assert_int_eq(waitpid(listener, NULL, 0), listener);
    (void)unlink(path);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

KIT_MAIN("box life", two_keepers_work_at_once_and_apart,
         a_keeper_that_ends_takes_its_groups_and_cells_along,
         a_killed_keeper_leaves_no_process_and_the_next_one_tidies_up,
         what_a_dead_keeper_left_is_looked_for_again,
         who_is_killed_before_it_is_the_program_is_no_outcome_of_it,
         a_client_that_vanishes_takes_its_keeper_along,
         many_runs_leave_groups_mounts_and_descriptors_as_they_were,
         a_keeper_that_cannot_start_says_why,
         a_listener_gives_a_keeper_to_each_client_of_its_user_alone,
         a_listener_gives_no_more_keepers_than_slots_can_need)
