/*
 * test_ahead.c - cells that a second process of the keeper makes while a program runs: on a free
 * core, used once like any other, and gone with the keeper.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/box/kit.h"

enum { RUNS = 40 };

/* A listener, and a keeper of it. */
struct bench {
    char dir[40];
    char *path;
    pid_t listener;
    struct box *box;
    pid_t keeper_pid;
};

/* The link that tells the namespace, "pid:[4026531836]". */
static void namespace_of(pid_t pid, const char *kind, char ret[64])
{
    auto_free_ char *path = xasprintf("/proc/%d/ns/%s", (int)pid, kind);
    ssize_t n = readlink(path, ret, 63);
    ret[n > 0 ? n : 0] = '\0';
}

static pid_t parent_of(const char *pid)
{
    auto_free_ char *path = xasprintf("/proc/%s/stat", pid);
    auto_file_ FILE *f = fopen(path, "re");
    int parent = -1;
    return f != NULL && fscanf(f, "%*d (%*[^)]) %*c %d", &parent) == 1 ? parent : -1;
}

/* The process's child that is in no cell; 0: there is none. A keeper's, then, is what makes its
 * cells ahead. */
static pid_t child_of(pid_t parent)
{
    char own[64], its[64];
    pid_t found = 0;
    DIR *d = opendir("/proc");
    namespace_of(parent, "pid", own);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || parent_of(entry->d_name) != parent)
            continue;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        namespace_of(pid, "pid", its);
        if (strcmp(own, its) == 0)
            found = pid;
    }
    closedir(d);
    return found;
}

static void open_bench(struct bench *b, const char *const *set)
{
    struct err e;
    *b = (struct bench){ .dir = "/tmp/minos-ahead-test-XXXXXX" };
    ck_assert_ptr_nonnull(mkdtemp(b->dir));
    ck_assert_int_eq(chmod(b->dir, 0755), 0);
    b->path = xasprintf("%s/box.sock", b->dir);
    b->listener = kit_listen(b->path, set);
    struct box_options o = { .socket_path = b->path, .timeout_ms = kit_slow(30000) };
    ck_assert_msg(box_open(&o, &b->box, &e) == 0, "%s", e.msg);
    b->keeper_pid = child_of(b->listener);
    ck_assert_int_gt(b->keeper_pid, 0);
}

static void close_bench(struct bench *b)
{
    int status;
    box_close(b->box);
    ck_assert_int_eq(kill(b->listener, SIGTERM), 0);
    ck_assert_int_eq(waitpid(b->listener, &status, 0), b->listener);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    ck_assert_uint_eq(kit_groups(b->keeper_pid), 0);
    (void)unlink(b->path);
    free(b->path);
    ck_assert_int_eq(rmdir(b->dir), 0);
}

static int keep(void *ctx, const void *data, size_t len)
{
    struct err e;
    return buf_add(ctx, data, len, &e);
}

/* Some milliseconds of work, then what an earlier run left, then a mark for the next one. */
static const char script[] = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; "
                             "cat /tmp/mark /box/mark /dev/shm/mark 2>/dev/null; "
                             "for d in /tmp /box /dev/shm; do echo left >$d/mark; done; echo end";

static void run_one(struct bench *b)
{
    static const char *const argv[] = { "sh", "-c", script, NULL };
    static const char *const env[] = { "PATH=/bin:/usr/bin", NULL };
    auto_buf_ struct buf out;
    struct box_outcome o;
    struct err e;
    buf_init(&out, 0);
    struct box_command c = { .image = "host",
                             .argv = argv,
                             .env = env,
                             .limits = limits_run_defaults(),
                             .stdin_fd = -1,
                             .stdout_sink = { .fd = -1, .write = keep, .ctx = &out },
                             .stderr_sink = { .fd = -1 } };
    ck_assert_msg(box_run(b->box, &c, 1, NULL, 0, NULL, &o, &e) == 0, "%s", e.msg);
    check_exit(&o, 0);
    ck_assert_str_eq(buf_text(&out), "end\n");
}

static bool two_cores(void)
{
    return sysconf(_SC_NPROCESSORS_ONLN) >= 2;
}

static const char *const usual[] = { "worker.slots=2", "box.smt=true", "box.warm_burst=1", NULL };

START_TEST(cells_made_ahead_are_used_once_and_leave_nothing)
{
    struct bench b;
    pid_t pids[64];
    open_bench(&b, usual);
    for (int i = 0; i < RUNS; i++)
        run_one(&b);
    pid_t ahead = child_of(b.keeper_pid);
    ck_assert_int_eq(ahead > 0, two_cores());
    usleep(200000); /* for the used cell to go, and the next one to come */
    size_t fds = kit_entries(b.keeper_pid, "fd"), mounts = kit_lines(b.keeper_pid, "mountinfo");
    size_t ahead_fds = two_cores() ? kit_entries(ahead, "fd") : 0;
    size_t groups = kit_groups(b.keeper_pid);
    size_t processes = kit_processes(b.keeper_pid, pids, ARRAY_COUNT(pids));
    for (int i = 0; i < RUNS; i++)
        run_one(&b);
    usleep(200000);
    ck_assert_uint_le(kit_entries(b.keeper_pid, "fd"), fds + 32); /* one cell's */
    ck_assert_uint_le(kit_lines(b.keeper_pid, "mountinfo"), mounts + 1);
    ck_assert_uint_le(kit_groups(b.keeper_pid), groups + 4);
    ck_assert_uint_le(kit_processes(b.keeper_pid, pids, ARRAY_COUNT(pids)), processes + 2);
    if (two_cores()) {
        ck_assert_int_eq(child_of(b.keeper_pid), ahead);
        ck_assert_uint_eq(kit_entries(ahead, "fd"), ahead_fds);
    }
    close_bench(&b);
    ck_assert(ahead <= 0 || (kill(ahead, 0) < 0 && errno == ESRCH));
}
END_TEST

struct before {
    pid_t keeper_pid;
    size_t groups, mounts;
};

static struct before look(pid_t keeper_pid)
{
    return (struct before){ keeper_pid, kit_groups(keeper_pid),
                            kit_lines(keeper_pid, "mountinfo") };
}

static bool no_more_is_there(void *ctx)
{
    const struct before *b = ctx;
    struct before now = look(b->keeper_pid);
    return now.groups <= b->groups && now.mounts <= b->mounts;
}

static size_t zombies_of(pid_t parent)
{
    size_t count = 0;
    DIR *d = opendir("/proc");
    ck_assert_ptr_nonnull(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        auto_free_ char *path = xasprintf("/proc/%s/stat", entry->d_name);
        auto_file_ FILE *f = fopen(path, "re");
        char state = 0;
        int its = -1;
        count += f != NULL && fscanf(f, "%*d (%*[^)]) %c %d", &state, &its) == 2 && its == parent &&
                 state == 'Z';
    }
    closedir(d);
    return count;
}

static bool none_is_dead(void *ctx)
{
    const pid_t *keeper_pid = ctx;
    return zombies_of(*keeper_pid) == 0;
}

/* While the next command runs: the pid of who does it, 0 where there is nobody to kill. */
static pid_t kill_soon(pid_t pid, useconds_t after_us)
{
    pid_t killer = pid > 0 ? fork() : 0;
    if (pid > 0 && killer == 0) {
        usleep(after_us);
        _exit(kill(pid, SIGKILL) == 0 ? 0 : 1);
    }
    return killer;
}

/* Killed whatever it was at, it leaves no group and no file system of a cell that nobody has. */
START_TEST(a_keeper_does_without_one_that_is_killed)
{
    struct bench b;
    open_bench(&b, usual);
    run_one(&b);
    usleep(200000); /* for the next cell to be there, which is then the only one */
    struct before before = look(b.keeper_pid);
    for (int i = 0; i < 2 * RUNS; i++) {
        pid_t killer = i % 3 == 2 ? kill_soon(child_of(b.keeper_pid), i * 50) : 0;
        run_one(&b);
        if (killer > 0)
            ck_assert_int_eq(waitpid(killer, NULL, 0), killer);
    }
    run_one(&b); /* after which the keeper tidies up */
    ck_assert_msg(kit_wait(none_is_dead, &b.keeper_pid), "%zu zombies", zombies_of(b.keeper_pid));
    bool none = kit_wait(no_more_is_there, &before);
    struct before now = look(b.keeper_pid);
    ck_assert_msg(none, "%zu groups, %zu at first; %zu mounts, %zu at first", now.groups,
                  before.groups, now.mounts, before.mounts);
    close_bench(&b);
}
END_TEST

static bool has_gone(void *ctx)
{
    const pid_t *pid = ctx;
    return kill(*pid, 0) < 0 && errno == ESRCH;
}

START_TEST(a_killed_keeper_takes_it_along)
{
    struct bench b;
    struct err e;
    struct box_outcome o;
    open_bench(&b, usual);
    for (int i = 0; i < 8; i++)
        run_one(&b);
    pid_t ahead = child_of(b.keeper_pid);
    ck_assert_int_eq(kill(b.keeper_pid, SIGKILL), 0);
    ck_assert(ahead <= 0 || kit_wait(has_gone, &ahead));
    static const char *const argv[] = { "true", NULL }, *const env[] = { NULL };
    struct box_command c = {
        .image = "host", .argv = argv, .env = env, .limits = limits_run_defaults(), .stdin_fd = -1
    };
    c.stdout_sink.fd = c.stderr_sink.fd = -1;
    ck_assert_int_eq(box_run(b.box, &c, 1, NULL, 0, NULL, &o, &e), -1);
    box_close(b.box);
    struct box_options again = { .socket_path = b.path, .timeout_ms = kit_slow(30000) };
    ck_assert_msg(box_open(&again, &b.box, &e) == 0, "%s",
                  e.msg); /* sweeps what the dead one had */
    run_one(&b);
    close_bench(&b);
}
END_TEST

START_TEST(without_leave_there_is_none)
{
    static const char *const off[] = { "worker.slots=2", "box.ahead=false", NULL };
    struct bench b;
    open_bench(&b, off);
    for (int i = 0; i < 8; i++)
        run_one(&b);
    ck_assert_int_eq(child_of(b.keeper_pid), 0);
    close_bench(&b);
}
END_TEST

/* The cells of a keeper in which the file `note` lies. */
static size_t noted_cells(pid_t keeper_pid)
{
    size_t count = 0;
    auto_free_ char *cells = xasprintf("/proc/%d/root/cells", (int)keeper_pid);
    DIR *d = opendir(cells);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        auto_free_ char *path = xasprintf("%s/%s/upper/box/note", cells, entry->d_name);
        count += access(path, F_OK) == 0;
    }
    closedir(d);
    return count;
}

/* None that was used is left, only the one that is armed, if any. */
static bool one_at_most(void *ctx)
{
    const struct bench *b = ctx;
    return noted_cells(b->keeper_pid) <= 1;
}

static void let_it_tidy(struct bench *b)
{
    usleep(100000); /* for warm ones to be there */
    ck_assert(kit_wait(one_at_most, b));
}

struct look {
    pid_t keeper_pid;
    const struct box_command *next;
    size_t most;
};

static const struct box_command *next_of(void *ctx)
{
    return ((struct look *)ctx)->next;
}

static enum box_cause count_noted(void *ctx)
{
    struct look *l = ctx;
    size_t now = noted_cells(l->keeper_pid);
    l->most = now > l->most ? now : l->most;
    return BOX_CAUSE_NONE;
}

START_TEST(the_next_command_is_armed_beside_the_one_that_runs)
{
    static const char *const argv[] = { "sh", "-c", "cat note; sleep 0.3", NULL };
    static const char *const env[] = { "PATH=/bin:/usr/bin", NULL };
    static const char *const set[] = { "worker.slots=2", "box.smt=true", "box.warm=8", NULL };
    struct bench b;
    auto_fd_ int note = kit_memfd("a note");
    struct box_file file = { "note", note, false };
    struct box_outcome o;
    struct err e;
    auto_buf_ struct buf out;
    buf_init(&out, 0);
    open_bench(&b, set);
    struct box_command commands[2] = { { .image = "host",
                                         .argv = argv,
                                         .env = env,
                                         .files = &file,
                                         .file_count = 1,
                                         .limits = limits_run_defaults(),
                                         .stdin_fd = -1,
                                         .stdout_sink = { .fd = -1, .write = keep, .ctx = &out },
                                         .stderr_sink = { .fd = -1 } } };
    commands[1] = commands[0];
    for (int i = 0; i < 4; i++) {
        struct look l = { .keeper_pid = b.keeper_pid, .next = &commands[(i + 1) % 2] };
        struct box_watch watch = { .poll_fd = -1,
                                   .every_ms = 10,
                                   .check = count_noted,
                                   .ctx = &l,
                                   .next = next_of,
                                   .next_ctx = &l };
        let_it_tidy(&b);
        ck_assert_msg(box_run(b.box, &commands[i % 2], 1, NULL, 0, &watch, &o, &e) == 0, "%s",
                      e.msg);
        check_exit(&o, 0);
        ck_assert_uint_eq(l.most, two_cores() ? 2 : 1);
    }
    ck_assert_str_eq(buf_text(&out), "a notea notea notea note");
    close_bench(&b);
}
END_TEST

/* What may take long is left until the program has ended. */
struct change {
    struct look look;
    const char *artifacts;
    bool swaps;
};

#define ARTIFACT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void lay_artifact(const char *artifacts)
{
    auto_free_ char *dir = xasprintf("%s/" ARTIFACT, artifacts);
    auto_free_ char *path = xasprintf("%s/note", dir);
    ck_assert_int_eq(mkdir(dir, 0755), 0);
    auto_file_ FILE *f = fopen(path, "wxe");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs("a note", f), 0);
}

static void remove_artifact(const char *artifacts)
{
    auto_free_ char *dir = xasprintf("%s/" ARTIFACT, artifacts);
    auto_free_ char *path = xasprintf("%s/note", dir);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}

static const struct box_command *changed_next(void *ctx)
{
    struct change *c = ctx;
    if (c->swaps) {
        remove_artifact(c->artifacts);
        lay_artifact(c->artifacts);
    }
    return c->look.next;
}

static size_t most_noted(struct bench *b, struct box_command commands[2], int i, struct change *c)
{
    struct box_outcome o;
    struct err e;
    c->look = (struct look){ .keeper_pid = b->keeper_pid, .next = &commands[(i + 1) % 2] };
    struct box_watch watch = { .poll_fd = -1,
                               .every_ms = 10,
                               .check = count_noted,
                               .ctx = &c->look,
                               .next = changed_next,
                               .next_ctx = c };
    let_it_tidy(b);
    ck_assert_msg(box_run(b->box, &commands[i % 2], 1, NULL, 0, &watch, &o, &e) == 0, "%s", e.msg);
    check_exit(&o, 0);
    return c->look.most;
}

START_TEST(what_could_take_long_is_not_done_beside_one_that_runs)
{
    static const char *const argv[] = { "sh", "-c", "cat note; sleep 0.3", NULL };
    static const char *const env[] = { "PATH=/bin:/usr/bin", NULL };
    char artifacts[] = "/tmp/minos-ahead-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(artifacts));
    ck_assert_int_eq(chmod(artifacts, 0755), 0);
    auto_free_ char *option = xasprintf("--artifacts=%s", artifacts);
    const char *const set[] = { "worker.slots=2", "box.smt=true", "box.warm=8", option, NULL };
    struct bench b;
    auto_fd_ int unsealed = memfd_create("note", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct box_file file = { "note", unsealed, false };
    lay_artifact(artifacts);
    open_bench(&b, set);
    struct box_command commands[2] = { { .image = "host",
                                         .artifact = ARTIFACT,
                                         .argv = argv,
                                         .env = env,
                                         .limits = limits_run_defaults(),
                                         .stdin_fd = -1,
                                         .stdout_sink = { .fd = -1 },
                                         .stderr_sink = { .fd = -1 } } };
    commands[1] = commands[0];
    struct change c = { .artifacts = artifacts };
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(most_noted(&b, commands, i, &c), two_cores() ? 2 : 1);
    c.swaps = true; /* the artifact is another, with who knows what in it */
    for (int i = 3; i < 6; i++)
        ck_assert_uint_eq(most_noted(&b, commands, i, &c), 1);
    c.swaps = false;
    struct err e;
    ck_assert_int_eq(box_forget(b.box, &e), 0);
    for (int i = 0; i < 2; i++) { /* a file that may grow while it is copied */
        commands[i].artifact = NULL;
        commands[i].files = &file;
        commands[i].file_count = 1;
    }
    for (int i = 6; i < 8; i++)
        ck_assert_uint_eq(most_noted(&b, commands, i, &c), 1);
    close_bench(&b);
    remove_artifact(artifacts);
    ck_assert_int_eq(rmdir(artifacts), 0);
}
END_TEST

KIT_MAIN("box ahead", cells_made_ahead_are_used_once_and_leave_nothing,
         a_keeper_does_without_one_that_is_killed, a_killed_keeper_takes_it_along,
         without_leave_there_is_none, the_next_command_is_armed_beside_the_one_that_runs,
         what_could_take_long_is_not_done_beside_one_that_runs)
