/* service.c - starting and stopping the service under test; the minos-bench process. */
#include "tests/bench/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "tests/bench/bench.h"
#include "tests/bench/child.h"

enum {
    READY_TIMEOUT_MS = 120000, /* languages are detected first */
    READY_BYTES_MAX = 256,
    READY_REST_MS = 100,
    GROUNDWORK_TIMEOUT_MS = 120000,
    LOG_BYTES_MAX = 16 << 20,
    KEY_BYTES_MAX = 256,
};

/* Read up to the line's end, in time. */
static int read_ready(int fd, char *line, size_t size, struct err *e)
{
    int64_t deadline_mono_ns = clock_mono_ns() + READY_TIMEOUT_MS * NS_PER_MS;
    size_t len = 0;
    while (len == 0 || line[len - 1] != '\n') {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left_ms = (deadline_mono_ns - clock_mono_ns()) / NS_PER_MS;
        int n = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || len + 1 == size)
            return err_set(e, ERR_SYS, ETIMEDOUT, "the service is not ready");
        ssize_t got = read(fd, line + len, 1);
        if (got <= 0)
            return err_set(e, ERR_SYS, 0, "the service ended before it was ready");
        len += (size_t)got;
    }
    line[len - 1] = '\0';
    return 0;
}

/* Its first complaint, for the error. */
static int add_log(const struct service *s, struct err *e)
{
    struct err ignored;
    auto_buf_ struct buf log = { 0 };
    if (io_read_file(AT_FDCWD, s->log, 1 << 20, &log, &ignored) < 0 || log.len == 0)
        return -1;
    const char *found = strstr(log.data, " error ");
    const char *complaint = found != NULL ? found + 1 : log.data;
    return err_wrap(e, "%.*s", (int)strcspn(complaint, "\n"), complaint);
}

static int start(struct service *s, char *const *argv, const char *own_as, struct err *e)
{
    char line[READY_BYTES_MAX];
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    auto_fd_ int ours = pipe_fds[0], theirs = pipe_fds[1];
    struct child_plan plan = { argv, theirs, s->log, own_as };
    if (child_start(&plan, &s->pid, e) < 0)
        return -1;
    close_fd(&theirs);
    if (read_ready(ours, line, sizeof line, e) < 0)
        return add_log(s, e);
    if (strncmp(line, "ready http", 10) != 0)
        return err_set(e, ERR_SYS, 0, "expected \"ready URL\", the service said \"%s\"", line);
    s->url = xstrdup(line + strlen("ready "));
    return 0;
}

/* What an idle slot does after a start is not what is to be measured: wait until it is done. */
static int await_groundwork(const struct service *s, struct err *e)
{
    int64_t deadline_mono_ns = clock_mono_ns() + GROUNDWORK_TIMEOUT_MS * NS_PER_MS;
    for (;;) {
        auto_buf_ struct buf log = { 0 };
        if (io_read_file(AT_FDCWD, s->log, LOG_BYTES_MAX, &log, e) < 0)
            return -1;
        if (strstr(buf_text(&log), "groundwork_done") != NULL)
            return 0;
        if (clock_mono_ns() > deadline_mono_ns)
            return err_set(e, ERR_SYS, ETIMEDOUT, "the groundwork is not done");
        bench_sleep_ms(READY_REST_MS);
    }
}

static int read_key(struct service *s, const char *dir, struct err *e)
{
    auto_buf_ struct buf b = { 0 };
    auto_free_ char *path = xasprintf("%s/data/admin.key", dir);
    if (io_read_file(AT_FDCWD, path, KEY_BYTES_MAX, &b, e) < 0)
        return -1;
    s->key = xstrndup(buf_text(&b), strcspn(buf_text(&b), "\n"));
    return 0;
}

static int start_and_key(struct service *s, char *const *argv, const char *dir, const char *own_as,
                         struct err *e)
{
    *s = (struct service){ .log = xasprintf("%s/service.log", dir) };
    if (start(s, argv, own_as, e) == 0 && read_key(s, dir, e) == 0)
        return 0;
    service_down(s);
    return err_wrap(e, "%s", argv[0]);
}

/* The command line is cut at blanks: no path of ours has one, TMPDIR must not. */
static int start_line(struct service *s, char *line, const char *dir, const char *own_as,
                      struct err *e)
{
    enum { WORDS_MAX = 24 };
    char *argv[WORDS_MAX + 1] = { NULL }, *word;
    for (size_t i = 0; i < WORDS_MAX && (word = strsep(&line, " ")) != NULL; i++)
        argv[i] = word;
    return start_and_key(s, argv, dir, own_as, e);
}

static int up(struct service *s, const char *programs_dir, const char *base, const char *dir,
              const char *const *settings, struct err *e)
{
    auto_buf_ struct buf line = { 0 };
    buf_printf(&line, "%s/minos up --config %s/minos.yaml --listen 127.0.0.1:0 --data %s/data",
               programs_dir, base, dir);
    for (size_t i = 0; settings[i] != NULL; i++)
        buf_printf(&line, " --set %s", settings[i]);
    auto_free_ char *text = xstrdup(buf_text(&line));
    if (start_line(s, text, dir, NULL, e) < 0)
        return -1;
    if (strstr(buf_text(&line), "worker.groundwork=false") != NULL || await_groundwork(s, e) == 0)
        return 0;
    service_down(s);
    return -1;
}

int service_up(struct service *s, const char *programs_dir, const char *dir, struct err *e)
{
    return up(s, programs_dir, dir, dir, (const char *const[]){ NULL }, e);
}

int service_up_apart(struct service *s, const char *programs_dir, const char *base,
                     const char *name, const char *const *settings, struct err *e)
{
    auto_free_ char *dir = xasprintf("%s/%s", base, name);
    if (mkdir(dir, 0755) < 0)
        return err_sys(e, "mkdir %s", dir);
    return up(s, programs_dir, base, dir, settings, e);
}

int service_up_server(struct service *s, const char *programs_dir, const char *dir, struct err *e)
{
    auto_free_ char *data = xasprintf("%s/data", dir);
    auto_free_ char *line =
        xasprintf("%s/minos-server --config %s/minos.yaml --set server.listen=127.0.0.1:0 "
                  "--set store.data_dir=%s --ready-fd 1",
                  programs_dir, dir, data);
    return start_line(s, line, dir, data, e);
}

void service_down(struct service *s)
{
    child_stop(s->pid);
    free(s->url);
    free(s->key);
    free(s->log);
    *s = (struct service){ 0 };
}
