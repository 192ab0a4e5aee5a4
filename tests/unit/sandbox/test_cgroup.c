/* test_cgroup.c - control groups for cells, with real processes, a process for each test. */
#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/cgroup_private.h"
#include "tests/unit/base/unit.h"

enum { MIB = 1 << 20, EXT4_MAGIC = 0xef53 };

#define ck_ok(call) ck_assert_msg((call) == 0, "%s", e.msg)

static struct cgroup_root *open_root(void)
{
    struct err e = { 0 };
    struct cgroup_root *r = NULL;
    ck_ok(cgroup_root_open("auto", &r, &e));
    return r;
}

static struct cgroup make_group(struct cgroup_root *r)
{
    struct err e = { 0 };
    struct cgroup g;
    ck_ok(cgroup_make(r, &g, &e));
    return g;
}

static int64_t cpu_of(const struct cgroup *g)
{
    int64_t cpu_ns = 0;
    ck_assert_int_eq(cgroup_cpu_ns(g, &cpu_ns), 0);
    return cpu_ns;
}

/* A child that runs body in the group once it has gone there and the group is armed. */
static pid_t start_in(struct cgroup *g, void (*body)(void))
{
    struct err e = { 0 };
    struct cgroup_doors doors;
    char c = 0;
    int gate[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate), 0);
    ck_ok(cgroup_doors_open(g, &doors, &e));
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(gate[1]);
        if (cgroup_enter(&doors, &e) == 0 && write(gate[0], "", 1) == 1 &&
            read(gate[0], &c, 1) == 1)
            body();
        _exit(0);
    }
    close(gate[0]);
    for (size_t i = 0; i < doors.count; i++)
        close(doors.fds[i]);
    ck_assert_int_eq(read(gate[1], &c, 1), 1);
    ck_ok(cgroup_arm(g, &e));
    ck_assert_int_eq(write(gate[1], "", 1), 1);
    close(gate[1]);
    return pid;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static int64_t own_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* From now on: what the fork took was before the group was armed. */
static void burn_ns(int64_t ns)
{
    int64_t start_ns = own_cpu_ns();
    while (own_cpu_ns() - start_ns < ns)
        ;
}

static void burn_100_ms(void)
{
    burn_ns(100 * NS_PER_MS);
}

static void sleep_long(void)
{
    for (;;)
        pause();
}

static void touch(size_t bytes)
{
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; p != MAP_FAILED && i < bytes; i += 4096)
        ((volatile char *)p)[i] = 1;
}

static bool path_exists(const struct cgroup_root *r)
{
    struct stat st;
    return stat(cgroup_root_path(r), &st) == 0;
}

START_TEST(numbers_and_words_are_found_in_group_files)
{
    ck_assert_int_eq(cgroup_text_value("oom 1\noom_kill 23\n", "oom_kill"), 23);
    ck_assert_int_eq(cgroup_text_value("oom_kill_disable 1\n", "oom_kill"), -1);
    ck_assert_int_eq(cgroup_text_value("max max\n", "max"), INT64_MAX);
    ck_assert(cgroup_text_has_word("cpuset cpu,cpuacct\n", "cpuacct"));
    ck_assert(!cgroup_text_has_word("cpuset cpuacct", "cpu"));
}
END_TEST

START_TEST(the_root_is_made_and_removed)
{
    struct cgroup_root *r = open_root();
    ck_assert(path_exists(r));
    const char *v = cgroup_root_version(r);
    ck_assert_msg(!strcmp(v, "v1") || !strcmp(v, "v2") || !strcmp(v, "hybrid"), "%s", v);
    auto_free_ char *path = xstrdup(cgroup_root_path(r));
    cgroup_root_close(r);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_place_that_does_not_exist_is_refused_by_name)
{
    struct err e = { 0 };
    struct cgroup_root *r = NULL;
    ck_assert_int_eq(cgroup_root_open("/no/such/group", &r, &e), -1);
    ck_assert_has(e.msg, "/no/such/group");
    ck_assert_int_eq(cgroup_root_open("minos", &r, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
}
END_TEST

START_TEST(a_given_place_is_used)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root(), *inner = NULL;
    /* a path in the file system belongs to one hierarchy, so it serves where there is only one */
    auto_free_ char *given = xstrdup(r->tree_count == 1 ? r->trees[0].parent : "/");
    cgroup_root_close(r);
    ck_ok(cgroup_root_open(given, &inner, &e));
    ck_assert(path_exists(inner));
    cgroup_root_close(inner);
}
END_TEST

START_TEST(cpu_time_counts_children_that_nobody_waited_for)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 64 * MIB, 16, &e));
    struct cgroup_usage u;
    wait_for(start_in(&g, burn_100_ms));
    int64_t cpu_ns = cpu_of(&g);
    ck_assert_int_ge(cpu_ns, 95 * NS_PER_MS);
    ck_assert_int_lt(cpu_ns, 300 * NS_PER_MS);
    ck_ok(cgroup_usage(&g, &u, &e));
    ck_assert_int_ge(u.cpu_ns, cpu_ns);
    ck_assert_int_eq(u.user_ns + u.system_ns, u.cpu_ns);
    ck_assert_int_eq(u.oom_kills, 0);
    ck_assert_int_eq(u.process_refusals, 0);
    ck_assert(!cgroup_oom_happened(&g));
    ck_ok(cgroup_arm(&g, &e));
    ck_assert_int_lt(cpu_of(&g), NS_PER_MS);
    cgroup_destroy(&g);
    cgroup_root_close(r);
}
END_TEST

static void burn_in_two(void)
{
    if (fork() >= 0)
        burn_ns(10 * NS_PER_S);
}

START_TEST(one_cpu_is_the_time_of_one_core)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    ck_ok(cgroup_root_cap_cpus(r, 1, &e));
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 64 * MIB, 16, &e));
    pid_t pid = start_in(&g, burn_in_two);
    usleep(600000);
    int64_t cpu_ns = cpu_of(&g);
    ck_assert_int_eq(cgroup_kill(&g), 0);
    wait_for(pid);
    ck_assert_int_gt(cpu_ns, 20 * NS_PER_MS); /* it ran, on however busy a host */
    ck_assert_int_lt(cpu_ns, 850 * NS_PER_MS);
    cgroup_destroy(&g);
    cgroup_root_close(r);
}
END_TEST

/* On the last core: before Linux 6.2 a group with a cpuset undoes what bound its process. */
static void burn(void)
{
    cpu_set_t cpus;
    ck_assert_int_eq(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    for (size_t i = 0; CPU_COUNT(&cpus) > 1; i++)
        CPU_CLR(i, &cpus);
    ck_assert_int_eq(sched_setaffinity(0, sizeof cpus, &cpus), 0);
    burn_ns(10 * NS_PER_S);
}

struct race {
    _Atomic int ready;
    int64_t cpu_ns[2];
};

/* What a second of burning beside the other gives in a group of this weight. */
static void burn_weighed(struct race *race, int nth, int64_t weight)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    ck_ok(cgroup_root_weigh(r, weight, &e));
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 64 * MIB, 16, &e));
    pid_t pid = start_in(&g, burn);
    for (race->ready++; race->ready < 2;)
        usleep(1000);
    int64_t before_ns = cpu_of(&g);
    usleep(1000000);
    race->cpu_ns[nth] = cpu_of(&g) - before_ns;
    for (race->ready++; race->ready < 4;) /* neither ends while the other still counts */
        usleep(1000);
    ck_assert_int_eq(cgroup_kill(&g), 0);
    wait_for(pid);
    cgroup_destroy(&g);
    cgroup_root_close(r);
}

START_TEST(a_heavier_group_has_more_of_a_core_that_two_want)
{
    struct race *race =
        mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    burn_weighed(race, pid != 0, pid != 0 ? 1000 : 100);
    if (pid == 0)
        _exit(0);
    wait_for(pid);
    ck_assert_int_gt(race->cpu_ns[0], 0);
    ck_assert_int_gt(race->cpu_ns[1], 3 * race->cpu_ns[0]);
}
END_TEST

static void touch_20_mib(void)
{
    touch(20 * MIB);
}

START_TEST(the_memory_peak_outlives_the_process)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 64 * MIB, 16, &e));
    wait_for(start_in(&g, touch_20_mib));
    struct cgroup_usage u;
    ck_ok(cgroup_usage(&g, &u, &e));
    ck_assert_int_ge(u.memory_peak_bytes, 20 * MIB);
    ck_assert_int_lt(u.memory_peak_bytes, 30 * MIB);
    ck_assert_int_ge(u.memory_nocache_bytes, 19 * MIB);
    ck_assert_int_le(u.memory_nocache_bytes, u.memory_peak_bytes);
    cgroup_destroy(&g);
    cgroup_root_close(r);
}
END_TEST

static void write_20_mib(void)
{
    static char block[MIB];
    char path[] = "/tmp/test_cgroup.XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    for (int i = 0; i < 20; i++)
        if (write(fd, block, sizeof block) < 0)
            _exit(1);
    sleep_long();
}

START_TEST(file_pages_are_in_the_peak_and_not_in_the_figure_without_cache)
{
    struct statfs fs;
    if (statfs("/tmp", &fs) < 0 || fs.f_type != EXT4_MAGIC)
        return; /* files in a tmpfs are memory, and other file systems count in their own ways */
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 64 * MIB, 16, &e));
    pid_t pid = start_in(&g, write_20_mib);
    struct cgroup_usage u = { 0 };
    for (int i = 0; i < 200 && u.memory_peak_bytes < 20 * MIB; i++) {
        usleep(10000);
        ck_ok(cgroup_usage(&g, &u, &e));
    }
    cgroup_kill(&g);
    wait_for(pid);
    ck_assert_int_ge(u.memory_peak_bytes, 20 * MIB);
    ck_assert_int_lt(u.memory_nocache_bytes, 10 * MIB);
    cgroup_destroy(&g);
    cgroup_root_close(r);
}
END_TEST

static void touch_64_mib_in_a_child(void)
{
    if (fork() == 0) {
        touch(64 * MIB);
        _exit(0);
    }
    sleep_long();
}

START_TEST(a_child_that_needs_too_much_memory_is_told_by_the_event)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 16 * MIB, 16, &e));
    struct pollfd p = { .fd = cgroup_event_fd(&g), .events = cgroup_event_poll(&g) };
    ck_assert_int_eq(cgroup_oom_happened(&g), false);
    pid_t pid = start_in(&g, touch_64_mib_in_a_child);
    bool happened = false;
    for (int i = 0; i < 100 && !happened; i++) {
        ck_assert_int_eq(poll(&p, 1, 10000), 1);
        happened = cgroup_oom_happened(&g);
    }
    ck_assert(happened);
    ck_assert_int_eq(cgroup_kill(&g), 0);
    ck_assert(WIFSIGNALED(wait_for(pid)));
    struct cgroup_usage u = { 0 };
    for (int i = 0; i < 100 && u.oom_kills == 0; i++) {
        ck_ok(cgroup_usage(&g, &u, &e));
        usleep(1000);
    }
    ck_assert_int_ge(u.oom_kills, 1);
    ck_assert(u.memory_limit_met);
    ck_assert_int_le(u.memory_peak_bytes, 16 * MIB);
    cgroup_destroy(&g);
    cgroup_root_close(r);
}
END_TEST

START_TEST(the_event_is_quiet_while_nothing_happens)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 64 * MIB, 16, &e));
    wait_for(start_in(&g, touch_20_mib));
    struct pollfd p = { .fd = cgroup_event_fd(&g), .events = cgroup_event_poll(&g) };
    ck_assert_int_eq(poll(&p, 1, 100), 0);
    cgroup_destroy(&g);
    cgroup_root_close(r);
}
END_TEST

START_TEST(limits_go_up_and_down)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    static const int64_t mib[] = { 64, 256, 256, 16, 1024, 4 };
    for (size_t i = 0; i < ARRAY_COUNT(mib); i++)
        ck_ok(cgroup_limit(&g, mib[i] * MIB, 10 + (int64_t)i, &e));
    ck_ok(cgroup_limit(&g, 4 * MIB, 1, &e));
    cgroup_destroy(&g);
    cgroup_root_close(r);
}
END_TEST

static void fork_20(void)
{
    for (int i = 0; i < 20; i++)
        if (fork() == 0)
            sleep_long();
    sleep_long();
}

START_TEST(forks_above_the_limit_are_refused_and_all_die_at_once)
{
    struct err e = { 0 };
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 64 * MIB, 8, &e));
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t pid = start_in(&g, fork_20);
    struct cgroup_usage u = { 0 };
    for (int i = 0; i < 500 && u.process_refusals < 13; i++) {
        usleep(2000);
        ck_ok(cgroup_usage(&g, &u, &e));
    }
    ck_assert_int_eq(u.process_refusals, 13);
    ck_assert(u.process_peak_count == 8 || u.process_peak_count == -1);
    ck_assert_int_eq(cgroup_task_count(&g), 8);
    ck_assert_int_eq(cgroup_kill(&g), 0);
    wait_for(pid);
    while (wait(NULL) > 0) /* ours by now, see PR_SET_CHILD_SUBREAPER; a zombie is a task */
        ;
    ck_assert_int_eq(cgroup_task_count(&g), 0);
    cgroup_destroy(&g);
    cgroup_root_close(r);
}
END_TEST

START_TEST(a_group_that_is_still_busy_is_removed_later)
{
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    pid_t pid = start_in(&g, sleep_long);
    cgroup_destroy(&g);
    ck_assert_ptr_null(g.root);
    ck_assert_ptr_nonnull(r->leftovers);
    kill(pid, SIGKILL);
    wait_for(pid);
    struct cgroup next = make_group(r);
    ck_assert_ptr_null(r->leftovers);
    cgroup_destroy(&next);
    cgroup_root_close(r);
}
END_TEST

START_TEST(closing_the_root_ends_what_runs_in_it)
{
    struct cgroup_root *r = open_root();
    struct cgroup g = make_group(r);
    pid_t pid = start_in(&g, sleep_long);
    auto_free_ char *path = xstrdup(cgroup_root_path(r));
    cgroup_destroy(&g);
    cgroup_root_close(r);
    ck_assert_int_eq(WTERMSIG(wait_for(pid)), SIGKILL);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* What a keeper leaves that was killed: a root with a cell in which a process runs. */
static pid_t leave_a_stale_root(char **ret_path)
{
    int link[2];
    ck_assert_int_eq(pipe2(link, O_CLOEXEC), 0);
    pid_t keeper = fork();
    if (keeper == 0) {
        struct cgroup_root *r = open_root();
        struct cgroup g = make_group(r);
        pid_t pid = start_in(&g, sleep_long);
        const char *path = cgroup_root_path(r);
        bool told = write(link[1], &pid, sizeof pid) > 0 && write(link[1], path, strlen(path)) > 0;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(told ? 0 : 1); /* with no PDEATHSIG of its own left, the sleeper must outlive us */
    }
    char path[4096] = "";
    pid_t pid = -1;
    close(link[1]);
    wait_for(keeper);
    ck_assert_int_eq(read(link[0], &pid, sizeof pid), sizeof pid);
    ck_assert_int_gt(read(link[0], path, sizeof path - 1), 0);
    *ret_path = xstrdup(path);
    close(link[0]);
    return pid;
}

START_TEST(what_a_dead_keeper_left_is_swept_and_a_living_one_is_left_alone)
{
    auto_free_ char *path = NULL;
    struct cgroup_root *alive = open_root();
    struct cgroup g = make_group(alive);
    leave_a_stale_root(&path);
    ck_assert_int_eq(access(path, F_OK), 0);
    pid_t other = fork();
    if (other == 0) {
        cgroup_root_close(open_root());
        _exit(0);
    }
    wait_for(other);
    ck_assert_msg(access(path, F_OK) == -1, "%s is still there", path);
    ck_assert(path_exists(alive));
    ck_assert_int_eq(cgroup_task_count(&g), 0);
    cgroup_destroy(&g);
    cgroup_root_close(alive);
}
END_TEST

START_TEST(a_forked_child_does_not_remove_its_parents_groups)
{
    struct cgroup_root *r = open_root();
    pid_t pid = fork();
    if (pid == 0) {
        cgroup_root_close(r);
        _exit(0);
    }
    wait_for(pid);
    ck_assert(path_exists(r));
    cgroup_root_close(r);
}
END_TEST

START_TEST(groups_work_where_no_cgroup_file_system_is_mounted)
{
    if (geteuid() != 0)
        return;
    struct cgroup_root *r = open_root();
    ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
    ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    ck_assert_int_eq(umount2("/sys/fs/cgroup", MNT_DETACH), 0);
    struct err e = { 0 };
    struct cgroup g = make_group(r);
    ck_ok(cgroup_limit(&g, 16 * MIB, 4, &e));
    wait_for(start_in(&g, burn_100_ms));
    ck_assert_int_ge(cpu_of(&g), 95 * NS_PER_MS);
    cgroup_destroy(&g);
    ck_assert_ptr_null(r->leftovers);
    cgroup_root_close(r);
}
END_TEST

START_TEST(the_empty_group_is_harmless)
{
    struct cgroup g = { 0 };
    int64_t cpu_ns;
    cgroup_destroy(&g);
    cgroup_root_close(NULL);
    cgroup_sample_memory(&g);
    ck_assert_int_eq(cgroup_kill(&g), 0);
    ck_assert_int_eq(cgroup_task_count(&g), 0);
    ck_assert_int_eq(cgroup_event_fd(&g), -1);
    ck_assert_int_eq(cgroup_clone_fd(&g), -1);
    ck_assert(!cgroup_oom_happened(&g));
    ck_assert_int_eq(cgroup_cpu_ns(&g, &cpu_ns), -1);
}
END_TEST

/* Root can as a rule, others where a group was delegated to them. */
static bool can_make_groups(void)
{
    struct err e = { 0 };
    struct cgroup_root *r = NULL;
    bool able = cgroup_root_open("auto", &r, &e) == 0;
    if (!able)
        printf("skipped: %s\n", e.msg);
    cgroup_root_close(r);
    return able;
}

int main(void)
{
    const TTest *const tests[] = {
        numbers_and_words_are_found_in_group_files,
        the_empty_group_is_harmless,
        a_place_that_does_not_exist_is_refused_by_name,
        the_root_is_made_and_removed,
        a_given_place_is_used,
        a_forked_child_does_not_remove_its_parents_groups,
        limits_go_up_and_down,
        cpu_time_counts_children_that_nobody_waited_for,
        one_cpu_is_the_time_of_one_core,
        a_heavier_group_has_more_of_a_core_that_two_want,
        the_memory_peak_outlives_the_process,
        file_pages_are_in_the_peak_and_not_in_the_figure_without_cache,
        a_child_that_needs_too_much_memory_is_told_by_the_event,
        the_event_is_quiet_while_nothing_happens,
        forks_above_the_limit_are_refused_and_all_die_at_once,
        a_group_that_is_still_busy_is_removed_later,
        closing_the_root_ends_what_runs_in_it,
        what_a_dead_keeper_left_is_swept_and_a_living_one_is_left_alone,
        groups_work_where_no_cgroup_file_system_is_mounted,
    };
    bool able = can_make_groups();
    if (!able && getenv("MINOS_MUST_WORK") != NULL)
        return 1;
    return unit_main("cgroup", tests, able ? ARRAY_COUNT(tests) : 2);
}
