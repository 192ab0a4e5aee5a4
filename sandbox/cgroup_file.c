/* cgroup_file.c - reads and writes the small files of control groups; runs in the keeper */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/cgroup_private.h"

const char *cgroup_controller_name(enum cgroup_controller c)
{
    static const char *const names[CTL_COUNT] = { "memory", "pids", "cpu", "cpuacct" };
    return names[c];
}

void cgroup_nap(int64_t ns)
{
    struct timespec t = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
    nanosleep(&t, NULL);
}

int cgroup_read_text(int fd, char text[CGROUP_TEXT_BYTES])
{
    ssize_t n;
    do
        n = pread(fd, text, CGROUP_TEXT_BYTES - 1, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    text[n] = '\0';
    return 0;
}

int cgroup_read_text_at(int dir_fd, const char *file, char text[CGROUP_TEXT_BYTES])
{
    auto_fd_ int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : cgroup_read_text(fd, text);
}

static int parse_number(const char *text, int64_t *ret)
{
    if (strncmp(text, "max", 3) == 0) {
        *ret = INT64_MAX;
        return 0;
    }
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (end == text || errno != 0) {
        errno = EPROTO;
        return -1;
    }
    *ret = v > INT64_MAX ? INT64_MAX : (int64_t)v;
    return 0;
}

int cgroup_read_int(int fd, int64_t *ret)
{
    char text[CGROUP_TEXT_BYTES];
    return cgroup_read_text(fd, text) < 0 ? -1 : parse_number(text, ret);
}

int cgroup_read_int_at(int dir_fd, const char *file, int64_t *ret)
{
    auto_fd_ int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : cgroup_read_int(fd, ret);
}

int64_t cgroup_text_value(const char *text, const char *key)
{
    size_t len = strlen(key);
    const char *line = text;
    while (line != NULL) {
        if (strncmp(line, key, len) == 0 && line[len] == ' ') {
            int64_t v;
            return parse_number(line + len + 1, &v) < 0 ? -1 : v;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return -1;
}

bool cgroup_text_has_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    const char *p = text;
    while (*p != '\0') {
        p += strspn(p, " \n,");
        size_t n = strcspn(p, " \n,");
        if (n == len && memcmp(p, word, len) == 0)
            return true;
        p += n;
    }
    return false;
}

int cgroup_write_int(int fd, int64_t value)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRId64, value);
    ssize_t done;
    do
        done = pwrite(fd, text, (size_t)n, 0);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -1 : 0;
}

/* Reads in pieces, as a full group can hold thousands of pids; a number cut by the end of a piece
 * goes on in the next one. */
int cgroup_each_in(int dir_fd, const char *file, int (*visit)(void *ctx, pid_t pid), void *ctx)
{
    auto_fd_ int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    char text[CGROUP_TEXT_BYTES];
    int seen = 0;
    pid_t pid = 0;
    for (;;) {
        ssize_t n = read(fd, text, sizeof text);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -1 : seen;
        for (ssize_t i = 0; i < n; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
                continue;
            }
            seen++;
            if (visit(ctx, pid) != 0)
                return seen;
            pid = 0;
        }
    }
}

int cgroup_each_process(int dir_fd, int (*visit)(void *ctx, pid_t pid), void *ctx)
{
    return cgroup_each_in(dir_fd, "cgroup.procs", visit, ctx);
}

/* A pid of 0 is a process of a foreign pid namespace, which we could not signal. */
static int kill_one(void *ctx, pid_t pid)
{
    (void)ctx;
    if (pid > 1 && pid != getpid())
        kill(pid, SIGKILL);
    return 0;
}

int cgroup_kill_dir(int dir_fd, int rounds)
{
    if (io_write_file_at(dir_fd, "cgroup.kill", "1") == 0)
        return 0;
    if (errno != ENOENT && errno != EACCES) /* before 5.14, and on v1, there is no such file */
        return -1;
    int64_t nap_ns = 50000;
    for (int i = 0; i < rounds; i++) {
        int n = cgroup_each_process(dir_fd, kill_one, NULL);
        if (n <= 0)
            return n;
        if (i > 2) {
            cgroup_nap(nap_ns);
            nap_ns = nap_ns < NS_PER_MS ? nap_ns * 2 : NS_PER_MS;
        }
    }
    return 0;
}
