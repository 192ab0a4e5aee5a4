/* service.c - starting and stopping the service under test; the minos-bench process. */
#include "tests/bench/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"

enum {
    READY_TIMEOUT_MS = 120000, /* languages are detected first */
    STOP_TIMEOUT_MS = 30000,
    READY_BYTES_MAX = 256,
    KEY_BYTES_MAX = 256,
};

/* What a child becomes. */
struct start {
    char *const *argv;
    int ready_fd;          /* where "ready URL\n" is written: its descriptor 1 */
    const char *log;       /* and its standard error */
    const char *languages; /* the language files, by MINOS_LANGUAGES */
    const char *own_as;    /* run as the owner of this file; NULL: as we are */
};

_Noreturn static void become(const struct start *s)
{
    struct stat st = { 0 };
    sigset_t none;
    sigemptyset(&none);
    int log_fd = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log_fd < 0 || dup2(null_fd, 0) < 0 || dup2(s->ready_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        _exit(126);
    if (s->own_as != NULL && (stat(s->own_as, &st) < 0 || setgid(st.st_gid) < 0 ||
                              setuid(st.st_uid) < 0 || chdir("/") < 0)) {
        perror(s->own_as);
        _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* after setuid, which clears it */
    sigprocmask(SIG_SETMASK, &none, NULL);
    setenv("MINOS_LANGUAGES", s->languages, 1);
    execv(s->argv[0], s->argv);
    perror(s->argv[0]);
    _exit(127);
}

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
    const char *complaint = strstr(log.data, " error ");
    if (complaint == NULL)
        complaint = log.data;
    return err_wrap(e, "%.*s", (int)strcspn(complaint + 1, "\n"), complaint + 1);
}

static int start(struct service *s, char *const *argv, const char *dir, const char *own_as,
                 struct err *e)
{
    char line[READY_BYTES_MAX];
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    auto_fd_ int ours = pipe_fds[0], theirs = pipe_fds[1];
    auto_free_ char *languages = xasprintf("%s/languages", dir);
    struct start how = { argv, theirs, s->log, languages, own_as };
    s->pid = fork();
    if (s->pid == 0)
        become(&how);
    if (s->pid < 0) {
        s->pid = 0;
        return err_sys(e, "fork");
    }
    close_fd(&theirs);
    if (read_ready(ours, line, sizeof line, e) < 0)
        return add_log(s, e);
    if (strncmp(line, "ready http", 10) != 0)
        return err_set(e, ERR_SYS, 0, "expected \"ready URL\", the service said \"%s\"", line);
    s->url = xstrdup(line + strlen("ready "));
    return 0;
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
    if (start(s, argv, dir, own_as, e) == 0 && read_key(s, dir, e) == 0)
        return 0;
    service_down(s);
    return err_wrap(e, "%s", argv[0]);
}

/* The command line is cut at blanks: no path of ours has one, TMPDIR must not. */
static int start_line(struct service *s, char *line, const char *dir, const char *own_as,
                      struct err *e)
{
    enum { WORDS_MAX = 16 };
    char *argv[WORDS_MAX + 1] = { NULL }, *word;
    for (size_t i = 0; i < WORDS_MAX && (word = strsep(&line, " ")) != NULL; i++)
        argv[i] = word;
    return start_and_key(s, argv, dir, own_as, e);
}

int service_up(struct service *s, const char *programs_dir, const char *dir, struct err *e)
{
    auto_free_ char *line =
        xasprintf("%s/minos up --config %s/minos.yaml --listen 127.0.0.1:0 --data %s/data",
                  programs_dir, dir, dir);
    return start_line(s, line, dir, NULL, e);
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
    if (s->pid > 0) {
        auto_fd_ int pidfd = pidfd_open(s->pid, 0);
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        kill(s->pid, SIGTERM);
        if (pidfd < 0 || poll(&p, 1, STOP_TIMEOUT_MS) <= 0)
            kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    free(s->url);
    free(s->key);
    free(s->log);
    *s = (struct service){ 0 };
}
