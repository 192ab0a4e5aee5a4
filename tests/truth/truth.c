/* truth.c - what the truth tests and `make truth` share; runs in each of them, as kit.c does. */
#include "tests/truth/truth.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/box_private.h"

static void add_program(const char *dir, const char *name)
{
    struct err e;
    auto_free_ char *from = kit_built(name);
    auto_free_ char *to = xasprintf("%s/%s", dir, name);
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    ck_assert_msg(io_read_file(AT_FDCWD, from, 1 << 30, &b, &e) == 0, "%s", e.msg);
    auto_fd_ int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    ck_assert_int_eq(io_write_all(fd, b.data, b.len), 0);
}

void truth_open(struct kit *k, const char *const *set)
{
    kit_open(k, set);
    auto_free_ char *dir = xasprintf("%s/" TRUTH_KNOWN, k->artifacts);
    ck_assert_int_eq(mkdir(dir, 0755), 0);
    add_program(dir, "known");
    add_program(dir, "large");
}

void truth_shot(struct shot *s, const char *verb, ...)
{
    shot_init(s, verb, NULL);
    s->argv[0] = "/box/known";
    s->command.artifact = TRUTH_KNOWN;
    va_list ap;
    va_start(ap, verb);
    for (size_t i = 2; i < ARRAY_COUNT(s->argv) - 1; i++) {
        s->argv[i] = va_arg(ap, const char *);
        if (s->argv[i] == NULL)
            break;
    }
    va_end(ap);
    struct limits *l = &s->command.limits;
    l->cpu_time_ms = kit_slow(2000);
    l->wall_time_ms = kit_slow(10000);
    l->memory_bytes = 256 << 20;
    l->file_bytes = 1 << 30;
    l->process_count = 100;
}

void truth_said(const struct shot *s, int64_t *ret_a, int64_t *ret_b)
{
    long long a = 0, b = 0;
    auto_free_ char *text = strndup(s->out.data != NULL ? s->out.data : "", s->out.len);
    ck_assert_int_eq(sscanf(text, "%lld %lld", &a, &b), 2);
    *ret_a = a;
    *ret_b = b;
}

/* nftw has no context argument; every test is a process of its own. */
static struct search {
    char keeper[32]; /* "/minos-PID-" */
    long newest;     /* number of the cell, which is its group's name, "c12" */
    char path[4096];
} search;

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    const char *own = strstr(path, search.keeper), *file = path + ftw->base;
    const char *cell = own != NULL ? strchr(own + 1, '/') : NULL;
    bool clock = strcmp(file, "cpuacct.usage") == 0 || strcmp(file, "cpu.stat") == 0;
    /* cpu.stat of v1 tells of throttling only. */
    if (type != FTW_F || cell == NULL || !clock || strstr(path, "/cpu/") != NULL)
        return 0;
    long number = 0;
    if (sscanf(cell, "/c%ld/", &number) == 1 && number > search.newest) {
        search.newest = number;
        snprintf(search.path, sizeof search.path, "%s", path);
    }
    return 0;
}

char *truth_clock_path(pid_t keeper_pid)
{
    search = (struct search){ 0 };
    snprintf(search.keeper, sizeof search.keeper, "/minos-%d-", keeper_pid);
    (void)nftw("/sys/fs/cgroup", visit, 32, FTW_PHYS);
    return search.path[0] != '\0' ? strdup(search.path) : NULL;
}

int64_t truth_clock_ns(const char *path)
{
    auto_file_ FILE *f = fopen(path, "re");
    long long value;
    bool v2 = strstr(path, "cpu.stat") != NULL;
    if (f == NULL || fscanf(f, v2 ? "usage_usec %lld" : "%lld", &value) != 1)
        return -1;
    return v2 ? value * 1000 : value;
}

void truth_load(struct truth_load *l, size_t count)
{
    *l = (struct truth_load){ 0 };
    for (; l->count < count && l->count < ARRAY_COUNT(l->pids); l->count++) {
        pid_t parent = getpid(), pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(1);
            for (volatile unsigned i = 0;; i++)
                ;
        }
        l->pids[l->count] = pid;
    }
}

void truth_unload(struct truth_load *l)
{
    for (size_t i = 0; i < l->count; i++) {
        (void)kill(l->pids[i], SIGKILL);
        (void)waitpid(l->pids[i], NULL, 0);
    }
    l->count = 0;
}

size_t truth_cores(void)
{
    cpu_set_t set;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    return (size_t)CPU_COUNT(&set);
}
