/*
 * test_up.c - `minos up` with programs that only pretend: starting, crashing, stopping, dropping
 * ids. Needs root, as `minos up` does; without it, only what needs none is tested.
 *
 * The programs are shell scripts beside this test's executable's copy of the service: each tells
 * readiness on descriptor 3 and what it is on standard error.
 */
#include "server/cli/up.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "sandbox/base/io.h"
#include "server/cli/cli.h"
#include "tests/unit/cli/unit.h"

static const struct up_ids nobody = { UP_FALLBACK_ID, UP_FALLBACK_ID };

/* Whether this may run; a skip is a failure where it must work. */
static bool have_root(void)
{
    if (geteuid() == 0)
        return true;
    ck_assert_msg(getenv("MINOS_MUST_WORK") == NULL, "these tests need root");
    return false;
}

START_TEST(root_cannot_be_the_service_user)
{
    struct up_ids ids;
    struct err e;
    ck_assert_int_eq(up_find_ids("root", &ids, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_int_eq(up_find_ids("no-such-user-here", &ids, &e), 0);
    ck_assert_uint_eq(ids.uid, UP_FALLBACK_ID);
}
END_TEST

START_TEST(a_new_data_directory_is_closed_and_belongs_to_the_service)
{
    if (!have_root())
        return;
    char *folder = unit_folder();
    auto_free_ char *dir = xasprintf("%s/data", folder);
    struct up_data d, again;
    struct err e;
    struct stat st;
    ck_assert_int_eq(up_data_open(dir, &nobody, &d, &e), 0);
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_uint_eq(st.st_uid, UP_FALLBACK_ID);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    ck_assert_int_eq(up_data_open(dir, &nobody, &again, &e), -1); /* it is locked */
    ck_assert_int_eq(e.kind, ERR_BUSY);
    up_data_close(&d);
    ck_assert_int_eq(up_data_open(dir, &nobody, &d, &e), 0);
    up_data_close(&d);
    unit_remove(folder);
}
END_TEST

/* That opening `dir` is refused, for a reason that has `part`. */
static void refuse_dir(const char *dir, const char *part)
{
    struct up_data d;
    struct err e;
    ck_assert_msg(up_data_open(dir, &nobody, &d, &e) == -1, "accepted: %s", dir);
    ck_assert_has(e.msg, part);
}

START_TEST(a_directory_of_somebody_else_is_left_alone)
{
    if (!have_root())
        return;
    char *folder = unit_folder();
    unit_write(folder, "theirs/file", "x");
    auto_free_ char *dir = xasprintf("%s/theirs", folder);
    auto_free_ char *link = xasprintf("%s/link", folder);
    struct stat st;
    refuse_dir(dir, "belongs to user 0");
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_uint_eq(st.st_uid, 0);
    ck_assert_int_eq(symlink("/etc", link), 0);
    refuse_dir(link, "no link");
    refuse_dir("/", "directory of its own");
    refuse_dir("/nonexistent/parent/data", "/nonexistent/parent");
    refuse_dir("/tmp/a-name-that-is-so-long-that-no-socket-can-live-below-it-whatever-it-is-called",
               "at most");
    unit_remove(folder);
}
END_TEST

START_TEST(a_trap_where_run_should_be_is_not_followed)
{
    if (!have_root())
        return;
    char *folder = unit_folder();
    auto_free_ char *run = xasprintf("%s/run", folder);
    ck_assert_int_eq(chown(folder, UP_FALLBACK_ID, UP_FALLBACK_ID), 0);
    ck_assert_int_eq(symlink("/etc", run), 0);
    refuse_dir(folder, "run: expected a directory");
    unit_remove(folder);
}
END_TEST

START_TEST(sockets_of_the_dead_are_removed)
{
    if (!have_root())
        return;
    char *folder = unit_folder();
    auto_free_ char *dir = xasprintf("%s/data", folder);
    struct up_data d;
    struct err e;
    ck_assert_int_eq(up_data_open(dir, &nobody, &d, &e), 0);
    auto_fd_ int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s/run/box.sock", dir);
    ck_assert_int_eq(bind(sock, (struct sockaddr *)&sa, sizeof sa), 0);
    ck_assert_int_eq(access(sa.sun_path, F_OK), 0);
    up_data_close(&d);
    ck_assert_int_eq(access(sa.sun_path, F_OK), -1);
    unit_remove(folder);
}
END_TEST

START_TEST(languages_below_a_closed_directory_are_copied)
{
    if (!have_root())
        return;
    char *folder = unit_folder();
    unit_write(folder, "languages/c.yaml", "id: c\n");
    unit_write(folder, "languages/notes.txt", "no\n");
    auto_free_ char *from = xasprintf("%s/languages", folder);
    auto_free_ char *dir = xasprintf("%s/data", folder);
    auto_free_ char *copy = NULL;
    struct up_data d;
    struct err e;
    ck_assert(!up_can_read_dir(from, &nobody)); /* mkdtemp made it 0700 */
    ck_assert(up_can_read_dir("/usr", &nobody));
    ck_assert_int_eq(up_data_open(dir, &nobody, &d, &e), 0);
    for (int twice = 0; twice < 2; twice++) {
        free(take_ptr(&copy));
        ck_assert_int_eq(up_data_stage(&d, from, &nobody, &copy, &e), 0);
    }
    auto_free_ char *one = xasprintf("%s/c.yaml", copy), *two = xasprintf("%s/notes.txt", copy);
    ck_assert_int_eq(access(one, R_OK), 0);
    ck_assert_int_eq(access(two, F_OK), -1);
    up_data_close(&d);
    unit_remove(folder);
}
END_TEST

/* Launch `sh -c script` and give its output. */
static char *output_of(const char *script, const struct up_ids *ids)
{
    char sh[] = "/bin/sh", flag[] = "-c", path[] = "PATH=/usr/bin:/bin";
    char *copy = xstrdup(script);
    char *argv[] = { sh, flag, copy, NULL }, *envp[] = { path, NULL };
    int fds[2];
    struct err e;
    pid_t pid = 0;
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    struct up_launch l = { .path = sh,
                           .argv = argv,
                           .envp = envp,
                           .ids = ids,
                           .cwd = "/",
                           .out_fd = fds[1],
                           .ready_fd = -1,
                           .listen_fd = -1 };
    int r = up_launch(&l, &pid, &e);
    ck_assert_msg(r == 0, "%s", r < 0 ? e.msg : "");
    close(fds[1]);
    auto_buf_ struct buf b = { 0 };
    ck_assert_int_eq(io_read_to_buf(fds[0], &b, &e), 0);
    close(fds[0]);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    free(copy);
    return buf_take(&b);
}

START_TEST(a_dropped_child_has_nothing_left)
{
    if (!have_root())
        return;
    auto_free_ char *status = output_of(
        "grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs):' /proc/self/status | tr -s '\\t ' ' '",
        &nobody);
    ck_assert_has(status, "Uid: 1879048190 1879048190 1879048190 1879048190\n");
    ck_assert_has(status, "Gid: 1879048190 1879048190 1879048190 1879048190\n");
    ck_assert_has(status, "Groups: \n");
    ck_assert_has(status, "CapInh: 0000000000000000\nCapPrm: 0000000000000000\n"
                          "CapEff: 0000000000000000\nCapBnd: 0000000000000000\n"
                          "CapAmb: 0000000000000000\n");
    ck_assert_has(status, "NoNewPrivs: 1\n");
}
END_TEST

START_TEST(a_child_inherits_only_what_it_was_given)
{
    int leak = open("/dev/null", O_RDONLY); /* NOLINT: the leak is what is tested */
    auto_free_ char *fds = output_of("ls /proc/$$/fd", NULL);
    auto_free_ char *rest =
        output_of("umask; ulimit -c; cut -d' ' -f6 /proc/$$/stat; echo $$", NULL);
    close(leak);
    ck_assert_str_eq(fds, "0\n1\n2\n");
    long session = 0, pid = -1;
    ck_assert_int_eq(sscanf(rest, "0077\n0\n%ld\n%ld", &session, &pid), 2);
    ck_assert_int_eq(session, pid);
}
END_TEST

START_TEST(what_cannot_start_says_why)
{
    char name[] = "/etc/passwd";
    char *argv[] = { name, NULL }, *envp[] = { NULL };
    struct up_launch l = { .path = name,
                           .argv = argv,
                           .envp = envp,
                           .cwd = "/",
                           .out_fd = 1,
                           .ready_fd = -1,
                           .listen_fd = -1 };
    struct err e;
    pid_t pid;
    ck_assert_int_eq(up_launch(&l, &pid, &e), -1);
    ck_assert_has(e.msg, "/etc/passwd: Permission denied");
    l.cwd = "/nonexistent";
    ck_assert_int_eq(up_launch(&l, &pid, &e), -1);
    ck_assert_has(e.msg, "/nonexistent");
    l.path = "/nonexistent/program";
    ck_assert_int_eq(up_launch(&l, &pid, &e), -1);
    ck_assert_has(e.msg, "/nonexistent/program");
}
END_TEST

/* ---- the loop, with scripts for programs ------------------------------------------------- */

struct stage {
    char *folder, *data;
    struct up up;
};

static void stage_child(struct stage *s, enum up_role role, const char *name, const char *script)
{
    struct up_child *c = &s->up.children[role];
    auto_free_ char *file = xasprintf("%s.sh", name);
    auto_free_ char *text = xasprintf("#!/bin/sh\nexec 2>>%s/log\n%s\n", s->folder, script);
    unit_write(s->folder, file, text);
    c->name = name;
    c->path = xasprintf("%s/%s", s->folder, file);
    ck_assert_int_eq(chmod(c->path, 0755), 0);
    up_push(&c->argv, name);
    c->drops = false;
}

#define SERVES(ready)                                                                              \
    "trap 'echo end >&2; exit 0' TERM; echo '" ready "' >&3; exec 3>&-; while :; do sleep 0.02; "  \
    "done"

static void stage_open(struct stage *s, const char *box, const char *worker, const char *server)
{
    struct err e;
    *s = (struct stage){ .folder = unit_folder() };
    s->data = xasprintf("%s/data", s->folder);
    s->up.log = (struct log){ "minos-up", LOG_ERROR };
    s->up.ids = (struct up_ids){ geteuid(), getegid() };
    s->up.listen_fd = -1;
    ck_assert_int_eq(up_data_open(s->data, &s->up.ids, &s->up.data, &e), 0);
    up_push(&s->up.envp, "PATH=/usr/bin:/bin");
    stage_child(s, UP_BOX, "box", box);
    stage_child(s, UP_WORKER, "worker", worker);
    stage_child(s, UP_SERVER, "server", server);
    s->up.children[UP_HELLO].ready_fd = -1;
}

static char *stage_log(struct stage *s)
{
    struct buf b = { 0 };
    struct err e;
    auto_free_ char *path = xasprintf("%s/log", s->folder);
    if (io_read_file(AT_FDCWD, path, 1 << 20, &b, &e) < 0)
        buf_puts(&b, e.msg);
    return buf_take(&b);
}

static void stage_close(struct stage *s)
{
    up_data_close(&s->up.data);
    for (size_t i = 0; i < UP_ROLE_COUNT; i++) {
        free(s->up.children[i].path);
        up_vector_free(s->up.children[i].argv);
        buf_done(&s->up.children[i].said);
    }
    up_vector_free(s->up.envp);
    free(s->up.url);
    free(s->data);
    unit_remove(s->folder);
}

/* Supervise in a child of our own that gets `signum` after `after_ms`; its exit status. */
static int supervise(struct stage *s, int signum, int after_ms, char **ret_out)
{
    int fds[2], status;
    struct err e;
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null_fd, STDERR_FILENO);
        _exit(up_supervise(&s->up));
    }
    close(fds[1]);
    struct timespec ts = { after_ms / 1000, after_ms % 1000 * 1000000L };
    nanosleep(&ts, NULL);
    if (signum != 0)
        kill(pid, signum);
    auto_buf_ struct buf b = { 0 };
    ck_assert_int_eq(io_read_to_buf(fds[0], &b, &e), 0);
    close(fds[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    *ret_out = buf_take(&b);
    return WEXITSTATUS(status);
}

START_TEST(it_says_ready_and_stops_in_order)
{
    struct stage s;
    auto_free_ char *out = NULL;
    stage_open(&s, "echo box >&2;" SERVES("ready"), "echo worker >&2;" SERVES("ready"),
               "trap 'echo server-end >&2; exit 0' TERM; echo 'ready http://127.0.0.1:1' >&3; exec "
               "3>&-; while :; do sleep 0.02; done");
    ck_assert_int_eq(supervise(&s, SIGTERM, 600, &out), CLI_OK);
    ck_assert_str_eq(out, "ready http://127.0.0.1:1\n");
    auto_free_ char *log = stage_log(&s);
    ck_assert_str_eq(log, "box\nworker\nserver-end\nend\nend\n");
    stage_close(&s);
}
END_TEST

START_TEST(it_can_be_stopped_before_it_serves)
{
    struct stage s;
    auto_free_ char *out = NULL;
    stage_open(&s, SERVES("ready"), "trap 'exit 0' TERM; while :; do sleep 0.02; done",
               SERVES("ready http://127.0.0.1:1"));
    ck_assert_int_eq(supervise(&s, SIGINT, 600, &out), CLI_OK);
    ck_assert_str_eq(out, "");
    stage_close(&s);
}
END_TEST

START_TEST(what_cannot_start_ends_everything)
{
    struct stage s;
    auto_free_ char *out = NULL;
    /* later than the worker's shell has come to its trap */
    stage_open(&s, SERVES("ready"), SERVES("ready"), "sleep 0.5; echo no port >&2; exit 3");
    ck_assert_int_eq(supervise(&s, 0, 0, &out), CLI_SERVICE);
    ck_assert_str_eq(out, "");
    auto_free_ char *log = stage_log(&s);
    ck_assert_str_eq(log, "no port\nend\nend\n");
    stage_close(&s);
}
END_TEST

START_TEST(a_box_that_refuses_starts_nothing_else)
{
    struct stage s;
    auto_free_ char *out = NULL;
    stage_open(&s, "echo a layer is missing >&2; exit 1", SERVES("ready"), SERVES("ready"));
    ck_assert_int_eq(supervise(&s, 0, 0, &out), CLI_SERVICE);
    auto_free_ char *log = stage_log(&s);
    ck_assert_str_eq(log, "a layer is missing\n");
    stage_close(&s);
}
END_TEST

START_TEST(a_crashed_server_comes_back_on_the_same_socket)
{
    struct stage s;
    struct err e;
    auto_free_ char *out = NULL;
    /* The server tells its socket, and crashes the first time. */
    stage_open(
        &s, SERVES("ready"), SERVES("ready"),
        "readlink /proc/$$/fd/4 >&2; echo 'ready http://127.0.0.1:7' >&3; exec 3>&-\n"
        "if mkdir $0.crashed; then sleep 0.2; kill -9 $$; fi; " SERVES("again") " 3>/dev/null");
    ck_assert_int_eq(up_listen("127.0.0.1:0", &s.up.listen_fd, &e), 0);
    ck_assert_int_eq(supervise(&s, SIGINT, 1500, &out), CLI_OK);
    close(s.up.listen_fd);
    ck_assert_str_eq(out, "ready http://127.0.0.1:7\n");
    auto_free_ char *log = stage_log(&s);
    ck_assert_has(log, "socket:[");
    auto_free_ char *first = xstrndup(log, strcspn(log, "\n") + 1);
    ck_assert_has(log + strlen(first), first);
    stage_close(&s);
}
END_TEST

START_TEST(a_socket_is_said_plainly_to_be_taken_or_wrong)
{
    struct err e;
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof sa;
    int fd = -1, other = -1;
    ck_assert_int_eq(up_listen("127.0.0.1:0", &fd, &e), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    auto_free_ char *taken = xasprintf("127.0.0.1:%d", ntohs(sa.sin_port));
    ck_assert_int_eq(up_listen(taken, &other, &e), -1);
    ck_assert_has(e.msg, "in use");
    ck_assert_int_eq(up_listen("192.0.2.1:0", &other, &e), -1); /* of no interface here */
    ck_assert_int_eq(e.kind, ERR_SYS);
    ck_assert_int_eq(up_listen("here", &other, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    close(fd);
}
END_TEST

START_TEST(what_children_leave_behind_is_ended_too)
{
    struct stage s;
    auto_free_ char *out = NULL;
    stage_open(&s, SERVES("ready"), "(sleep 1000; :) & echo $! >&2;" SERVES("ready"),
               SERVES("ready http://127.0.0.1:1"));
    ck_assert_int_eq(supervise(&s, SIGTERM, 500, &out), CLI_OK);
    auto_free_ char *log = stage_log(&s);
    long pid = 0;
    ck_assert_int_eq(sscanf(log, "%ld", &pid), 1);
    ck_assert_int_eq(kill((pid_t)pid, 0), -1);
    stage_close(&s);
}
END_TEST

UNIT_MAIN("up", root_cannot_be_the_service_user,
          a_new_data_directory_is_closed_and_belongs_to_the_service,
          a_directory_of_somebody_else_is_left_alone, a_trap_where_run_should_be_is_not_followed,
          sockets_of_the_dead_are_removed, languages_below_a_closed_directory_are_copied,
          a_dropped_child_has_nothing_left, a_child_inherits_only_what_it_was_given,
          what_cannot_start_says_why, it_says_ready_and_stops_in_order,
          it_can_be_stopped_before_it_serves, what_cannot_start_ends_everything,
          a_box_that_refuses_starts_nothing_else, a_crashed_server_comes_back_on_the_same_socket,
          a_socket_is_said_plainly_to_be_taken_or_wrong, what_children_leave_behind_is_ended_too)
