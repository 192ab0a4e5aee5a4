/* kit.c - what the box tests share; runs in each test program, as root or as an ordinary user whose
 * control group is his own. */
#include "tests/box/kit.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/base/units.h"
#include "sandbox/box_private.h"

char *kit_built(const char *name)
{
    char own[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    ck_assert_int_gt(n, 0);
    own[n] = '\0';
    *strrchr(own, '/') = '\0';
    return xasprintf("%s/%s", own, name);
}

static void copy_inside(const char *artifacts)
{
    struct err e;
    auto_free_ char *from = kit_built("inside");
    auto_free_ char *dir = xasprintf("%s/" KIT_INSIDE, artifacts);
    auto_free_ char *to = xasprintf("%s/inside", dir);
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    ck_assert_msg(io_read_file(AT_FDCWD, from, 16 << 20, &b, &e) == 0, "%s", e.msg);
    ck_assert_int_eq(mkdir(dir, 0755), 0);
    auto_fd_ int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    ck_assert_int_eq(io_write_all(fd, b.data, b.len), 0);
}

void kit_open(struct kit *k, const char *const *set)
{
    struct err e;
    *k = (struct kit){ .artifacts = "/tmp/minos-box-test-XXXXXX" };
    ck_assert_ptr_nonnull(mkdtemp(k->artifacts));
    ck_assert_int_eq(chmod(k->artifacts, 0755), 0);
    copy_inside(k->artifacts);
    const char *args[32] = { "--artifacts", k->artifacts, "--set", "log.level=error" };
    for (size_t i = 0; set != NULL && set[i] != NULL; i++) {
        args[4 + 2 * i] = "--set";
        args[5 + 2 * i] = set[i];
    }
    auto_free_ char *program = kit_built("../minos-box");
    struct box_options o = { .program = program, .args = args, .timeout_ms = kit_slow(30000) };
    ck_assert_msg(box_open(&o, &k->box, &e) == 0, "%s", e.msg);
    k->keeper_pid = k->box->keeper_pid;
}

pid_t kit_listen(const char *socket_path, const char *const *set)
{
    int ready[2];
    char line[300] = "";
    auto_free_ char *program = kit_built("../minos-box");
    ck_assert_int_eq(pipe(ready), 0); /* inherited, on purpose */
    pid_t pid = fork();
    if (pid == 0) {
        auto_free_ char *fd = xasprintf("%d", ready[1]), *uid = xasprintf("%u", geteuid());
        const char *argv[32] = {
            program, "listen",     "--socket", socket_path, "--uid",
            uid,     "--ready-fd", fd,         "--set",     "log.level=error"
        };
        size_t count = 10;
        for (size_t i = 0; set[i] != NULL && count + 2 < ARRAY_COUNT(argv); i++) {
            if (strncmp(set[i], "--", 2) != 0)
                argv[count++] = "--set";
            argv[count++] = set[i];
        }
        close(ready[0]);
        execv(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ready[1]);
    ck_assert_int_gt(read(ready[0], line, sizeof line - 1), 0);
    ck_assert_msg(strncmp(line, "ready", 5) == 0, "%s", line);
    close(ready[0]);
    return pid;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void kit_close(struct kit *k)
{
    box_close(k->box);
    k->box = NULL;
    ck_assert_uint_eq(kit_groups(k->keeper_pid), 0);
    ck_assert_int_eq(nftw(k->artifacts, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static int keep(void *ctx, const void *data, size_t len)
{
    struct err e;
    return buf_add(ctx, data, len, &e);
}

void shot_init(struct shot *s, const char *verb, ...)
{
    static const char *const env[] = { "PATH=/bin:/usr/bin", "HOME=/box", NULL };
    *s = (struct shot){ .argv = { "/box/inside", verb } };
    va_list ap;
    va_start(ap, verb);
    for (size_t i = 2; i < ARRAY_COUNT(s->argv) - 1; i++) {
        s->argv[i] = va_arg(ap, const char *);
        if (s->argv[i] == NULL)
            break;
    }
    va_end(ap);
    s->command = (struct box_command){
        .image = "host",
        .artifact = KIT_INSIDE,
        .argv = s->argv,
        .env = env,
        .limits = limits_run_defaults(),
        .stdin_fd = -1,
        .stdout_sink = { .fd = -1, .write = keep, .ctx = &s->out },
        .stderr_sink = { .fd = -1, .write = keep, .ctx = &s->err },
    };
    s->command.limits.memory_bytes = 32 << 20;
    s->command.limits.file_bytes = 16 << 20;
    s->command.limits.process_count = 16;
}

void shot_done(struct shot *s)
{
    buf_done(&s->out);
    buf_done(&s->err);
}

void shot_run(struct kit *k, struct shot *s)
{
    struct err e;
    ck_assert_msg(box_run(k->box, &s->command, 1, NULL, 0, NULL, &s->o, &e) == 0, "%s", e.msg);
}

struct box_outcome shot_at(struct kit *k, const char *verb, const char *arg)
{
    struct shot s;
    shot_init(&s, verb, arg, NULL);
    shot_run(k, &s);
    shot_done(&s);
    return s.o;
}

void check_exit(const struct box_outcome *o, int code)
{
    ck_assert_msg(o->started && o->exited && o->exit_code == code && o->cause == BOX_CAUSE_NONE,
                  "expected exit code %d, got %s code %d signal %d cause %s (exec: %s)", code,
                  o->exited ? "exit" : "no exit", o->exit_code, o->signal, box_cause_name(o->cause),
                  strerror(o->exec_errno));
}

void check_cause(const struct box_outcome *o, enum box_cause cause)
{
    ck_assert_msg(o->started && o->cause == cause,
                  "expected cause %s, got %s with code %d signal %d", box_cause_name(cause),
                  box_cause_name(o->cause), o->exit_code, o->signal);
}

int kit_memfd(const char *text)
{
    struct err e;
    int fd;
    ck_assert_int_eq(io_sealed_memfd("test", text, strlen(text), &fd, &e), 0);
    return fd;
}

/* --- what is left on the host ----------------------------------------------------------------- */

/* nftw has no context argument; each test is a process of its own. */
static struct search {
    char name[32]; /* "minos-PID-" */
    size_t groups, process_count, cap;
    pid_t *pids, planted_for;
} search;

static void add_processes(const char *dir)
{
    auto_free_ char *path = xasprintf("%s/cgroup.procs", dir);
    auto_file_ FILE *f = fopen(path, "re");
    long pid;
    while (f != NULL && fscanf(f, "%ld", &pid) == 1) {
        bool known = false;
        for (size_t i = 0; i < search.process_count && i < search.cap; i++)
            known = known || search.pids[i] == (pid_t)pid;
        if (known)
            continue;
        if (search.process_count < search.cap)
            search.pids[search.process_count] = (pid_t)pid;
        search.process_count++;
    }
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (type == FTW_D && strstr(path, search.name) != NULL) {
        search.groups++;
        add_processes(path);
    }
    return 0;
}

static void look_for(pid_t keeper_pid, pid_t *pids, size_t cap)
{
    search = (struct search){ .pids = pids, .cap = cap };
    snprintf(search.name, sizeof search.name, "/minos-%d-", keeper_pid);
    (void)nftw("/sys/fs/cgroup", visit, 32, FTW_PHYS);
}

static int plant_beside(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    const char *name = path + ftw->base - 1;
    if (type != FTW_D || strncmp(name, search.name, strlen(search.name)) != 0)
        return 0;
    auto_free_ char *beside = xasprintf("%.*s/minos-%d-1", ftw->base - 1, path, search.planted_for);
    search.groups += mkdir(beside, 0755) == 0;
    return 0;
}

size_t kit_plant_groups(pid_t keeper_pid, pid_t owner_pid)
{
    search = (struct search){ .planted_for = owner_pid };
    snprintf(search.name, sizeof search.name, "/minos-%d-", keeper_pid);
    (void)nftw("/sys/fs/cgroup", plant_beside, 32, FTW_PHYS);
    return search.groups;
}

size_t kit_groups(pid_t keeper_pid)
{
    look_for(keeper_pid, NULL, 0);
    return search.groups;
}

size_t kit_processes(pid_t keeper_pid, pid_t *pids, size_t cap)
{
    look_for(keeper_pid, pids, cap);
    return search.process_count < cap ? search.process_count : cap;
}

size_t kit_lines(pid_t pid, const char *file)
{
    auto_free_ char *path = xasprintf("/proc/%d/%s", pid, file);
    auto_file_ FILE *f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    size_t lines = 0;
    for (int c; (c = getc(f)) != EOF;)
        lines += c == '\n';
    return lines;
}

size_t kit_entries(pid_t pid, const char *dir)
{
    auto_free_ char *path = xasprintf("/proc/%d/%s", pid, dir);
    auto_dir_ DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    size_t entries = 0;
    while (readdir(d) != NULL)
        entries++;
    return entries;
}

int64_t kit_slow(int64_t value)
{
    const char *text = getenv("MINOS_TEST_SLOWNESS");
    struct err e;
    int64_t slowness = 1;
    bool good = text == NULL || units_parse_int(text, 1, 1000, &slowness, &e) == 0;
    assert(good && "MINOS_TEST_SLOWNESS is a whole number from 1 on");
    return value * slowness;
}

bool kit_wait(bool (*holds)(void *ctx), void *ctx)
{
    int64_t deadline_mono_ns = clock_mono_ns() + kit_slow(5 * NS_PER_S);
    while (!holds(ctx)) {
        if (clock_mono_ns() > deadline_mono_ns)
            return false;
        usleep(10000);
    }
    return true;
}

int kit_main(const char *name, const TTest *const tests[], size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, (double)kit_slow(120));
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
