/* test_walls.c - ways round the walls of a cell that a client might lend and a program might find;
 * real keepers, root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "tests/box/kit.h"
#include "tests/box/raw.h"

/* --- what the keeper gave up ------------------------------------------------------------------ */

/* The number behind `name` in /proc/PID/status. */
static uint64_t status_number(pid_t pid, const char *name, int base)
{
    char path[32], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    auto_file_ FILE *f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            return strtoull(line + strlen(name), NULL, base);
    ck_abort_msg("%s has no %s", path, name);
}

START_TEST(a_keeper_that_serves_holds_what_its_table_says_and_no_more)
{
    static const char *const sets[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
    uint64_t listed = 0;
#define START 0
#define SERVE 1
#define ONE_ID (geteuid() != 0)
#define CAPABILITY(name, phase, reason) listed |= (uint64_t)(phase) << CAP_##name;
#include "sandbox/capabilities.def"
#undef CAPABILITY
#undef ONE_ID
#undef SERVE
#undef START
#ifdef MINOS_UNGUARDED
    listed |= UINT64_C(1) << CAP_SYS_PTRACE;
#endif
    struct kit k;
    kit_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(sets); i++)
        ck_assert_msg((status_number(k.keeper_pid, sets[i], 16) & ~listed) == 0, "%s", sets[i]);
    if (geteuid() == 0)
        ck_assert_uint_ne(status_number(k.keeper_pid, "CapEff:", 16), 0);
    ck_assert_uint_eq(status_number(k.keeper_pid, "NoNewPrivs:", 10), 1);
#ifndef MINOS_UNGUARDED
    ck_assert_uint_eq(status_number(k.keeper_pid, "Seccomp:", 10), 2);
#endif
    kit_close(&k);
}
END_TEST

/* --- what a client may lend ------------------------------------------------------------------- */

static void check_refused(struct kit *k, int fd)
{
    struct shot s;
    struct err e;
    shot_init(&s, "exit", "0", NULL);
    s.command.stdin_fd = fd;
    ck_assert_int_eq(box_run(k->box, &s.command, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert_msg(e.kind == ERR_INPUT && strstr(e.msg, "stdin") != NULL, "%s", e.msg);
    shot_done(&s);
}

START_TEST(no_descriptor_leads_out_of_the_root)
{
    struct kit k;
    int pair[2];
    kit_open(&k, NULL);
    auto_fd_ int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd_ int handle = open("/", O_PATH | O_CLOEXEC);
    auto_fd_ int file_handle = open("/etc/passwd", O_PATH | O_CLOEXEC);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    auto_fd_ int end = pair[0];
    auto_fd_ int other_end = pair[1];
    check_refused(&k, directory);
    check_refused(&k, handle);
    check_refused(&k, file_handle);
    check_refused(&k, end);
    struct box_outcome o = shot_at(&k, "exit", "0"); /* it serves on */
    check_exit(&o, 0);
    kit_close(&k);
}
END_TEST

/* Artifacts lie in a directory of the worker's: by a link in the place of one, a program would see
 * whatever the keeper, who is root, can reach. */
START_TEST(an_artifact_is_a_directory_and_never_a_link)
{
    static const char name[] = "00000000000000000000000000000000000000000000000000000000000000bb";
    struct kit k;
    struct err e;
    char secret[] = "/tmp/minos-secret-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(secret));
    ck_assert_int_eq(chmod(secret, 0755), 0);
    kit_open(&k, NULL);
    auto_free_ char *link = xasprintf("%s/%s", k.artifacts, name);
    auto_free_ char *by_process = xasprintf("/proc/%d/root%s", (int)getpid(), secret);
    auto_free_ char *by_keeper = xasprintf("/proc/%d/root/cells", (int)k.keeper_pid);
    const char *const targets[] = { "../cells",       "/",       "../usr",
                                    by_process,       by_keeper, "/proc/1/root",
                                    KIT_INSIDE "/..", KIT_INSIDE };
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        struct shot s;
        ck_assert_int_eq(symlink(targets[i], link), 0);
        shot_init(&s, "exit", "0", NULL);
        s.command.artifact = name;
        s.argv[0] = "/bin/true";
        ck_assert_msg(box_run(k.box, &s.command, 1, NULL, 0, NULL, &s.o, &e) == -1, "%s",
                      targets[i]);
        ck_assert_msg(e.kind == ERR_INPUT && strstr(e.msg, "artifact") != NULL, "%s: %s",
                      targets[i], e.msg);
        shot_done(&s);
        ck_assert_int_eq(unlink(link), 0);
    }
    struct box_outcome o = shot_at(&k, "exit", "0"); /* it serves on */
    check_exit(&o, 0);
    kit_close(&k);
    ck_assert_int_eq(rmdir(secret), 0);
}
END_TEST

/* Nor does it hold one, or anything else but files and directories. */
START_TEST(an_artifact_with_more_than_files_is_refused)
{
    struct kit k;
    struct err e;
    kit_open(&k, NULL);
    auto_free_ char *odd = xasprintf("%s/" KIT_INSIDE "/below/odd", k.artifacts);
    auto_free_ char *below = xasprintf("%s/" KIT_INSIDE "/below", k.artifacts);
    ck_assert_int_eq(mkdir(below, 0755), 0);
    for (int i = 0; i < 4; i++) {
        struct shot s;
        int made = i == 0   ? symlink("/etc/shadow", odd)
                   : i == 1 ? symlink("../inside", odd)
                   : i == 2 ? mkfifo(odd, 0644)
                            : mknod(odd, S_IFSOCK | 0644, 0);
        ck_assert_int_eq(made, 0);
        shot_init(&s, "exit", "0", NULL);
        ck_assert_int_eq(box_run(k.box, &s.command, 1, NULL, 0, NULL, &s.o, &e), -1);
        ck_assert_msg(e.kind == ERR_INPUT && strstr(e.msg, "below/odd: expected a") != NULL, "%s",
                      e.msg);
        shot_done(&s);
        ck_assert_int_eq(unlink(odd), 0);
    }
    struct box_outcome o = shot_at(&k, "exit", "0"); /* it serves on */
    check_exit(&o, 0);
    kit_close(&k);
}
END_TEST

/* A client could have made a second name for what it may not read. */
START_TEST(an_artifact_with_a_file_of_another_user_is_refused)
{
    struct kit k;
    struct shot s;
    struct err e;
    if (geteuid() != 0)
        return; /* an ordinary user's keeper reads what he may read */
    kit_open(&k, NULL);
    auto_free_ char *path = xasprintf("%s/" KIT_INSIDE "/secret", k.artifacts);
    auto_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_eq(io_write_all(fd, "secret", 6), 0);
    ck_assert_int_eq(fchown(fd, 12345, 12345), 0);
    shot_init(&s, "cat", "secret", NULL);
    ck_assert_int_eq(box_run(k.box, &s.command, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert_msg(e.kind == ERR_INPUT && strstr(e.msg, "belongs to another user") != NULL, "%s",
                  e.msg);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_link_in_the_place_of_all_artifacts_is_refused_at_the_start)
{
    char dir[] = "/tmp/minos-artifacts-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    auto_free_ char *link = xasprintf("%s/artifacts", dir);
    auto_free_ char *program = kit_built("../minos-box");
    ck_assert_int_eq(symlink("/", link), 0);
    const char *args[] = { "--artifacts", link, "--set", "log.level=error", NULL };
    struct box_options o = { .program = program, .args = args, .timeout_ms = kit_slow(30000) };
    struct box *b = NULL;
    struct err e;
    ck_assert_int_eq(box_open(&o, &b, &e), -1);
    ck_assert_msg(strstr(e.msg, "artifacts: expected a directory") != NULL, "%s", e.msg);
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_left)
{
    static struct raw r;
    struct kit k;
    struct timeval patience = { .tv_sec = kit_slow(20) };
    kit_open(&k, NULL);
    raw_open(&r, &k);
    ck_assert_int_eq(setsockopt(r.sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    int said = 0;
    while (said < 100000 && raw_say_empty(&r, WIRE_RELEASE))
        said++;
    ck_assert_int_lt(said, 100000); /* it has gone */
    raw_close(&r);
    kit_close(&k);
}
END_TEST

/* --- what a program may leave ----------------------------------------------------------------- */

START_TEST(the_null_device_carries_no_word_to_the_next)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    for (int i = 0; i < 2; i++) {
        shot_init(&s, "stdin-word", NULL);
        shot_run(&k, &s);
        check_exit(&s.o, 0);
        ck_assert_str_eq(buf_text(&s.out), "0 0\n");
        shot_done(&s);
    }
    kit_close(&k);
}
END_TEST

/* --- what a program may take from others ------------------------------------------------------ */

struct neighbour {
    struct shot *hoarder;
    bool asked, inotify, queue, signal;
};

/* Once the program in the cell holds what it got: is there something left for the host's root? */
static enum box_cause look_around(void *ctx)
{
    struct neighbour *n = ctx;
    if (strchr(buf_text(&n->hoarder->out), '\n') == NULL)
        return BOX_CAUSE_NONE;
    struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    timer_t timer;
    char name[32];
    snprintf(name, sizeof name, "/minos-test-%d", (int)getpid());
    auto_fd_ int watch = inotify_init1(IN_CLOEXEC);
    mqd_t queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
    n->asked = true;
    n->inotify = watch >= 0;
    n->queue = queue != (mqd_t)-1;
    n->signal = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
    if (n->queue)
        (void)mq_close(queue);
    (void)mq_unlink(name);
    return BOX_CAUSE_ENOUGH;
}

START_TEST(what_the_kernel_counts_by_user_is_not_counted_as_the_hosts_roots)
{
    struct kit k;
    struct shot s;
    struct err e;
    if (geteuid() != 0)
        return; /* cells of an ordinary user count as his */
    kit_open(&k, NULL);
    shot_init(&s, "hoard", NULL);
    struct neighbour n = { .hoarder = &s };
    struct box_watch watch = { .poll_fd = -1, .every_ms = 20, .check = look_around, .ctx = &n };
    struct rlimit few = { 4096, 4096 };
    ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &few), 0);
    ck_assert_int_eq(box_run(k.box, &s.command, 1, NULL, 0, &watch, &s.o, &e), 0);
    ck_assert(n.asked);
    ck_assert_msg(n.inotify && n.queue && n.signal, "inotify %d, queues %d, signals %d: %s",
                  n.inotify, n.queue, n.signal, buf_text(&s.out));
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* Some containers hold back the capability that sets the floor. */
static bool may_set_floors(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    ck_assert_int_eq(syscall(SYS_capget, &header, data), 0);
    return (data[0].effective & 1U << CAP_SYS_RESOURCE) != 0;
}

START_TEST(the_program_stays_the_first_to_be_killed_for_memory)
{
    struct kit k;
    if (!may_set_floors())
        return;
    kit_open(&k, NULL);
    struct box_outcome o = shot_at(&k, "oom-score", NULL);
    check_exit(&o, 0);
    kit_close(&k);
}
END_TEST

KIT_MAIN("walls", a_keeper_that_serves_holds_what_its_table_says_and_no_more,
         no_descriptor_leads_out_of_the_root, an_artifact_is_a_directory_and_never_a_link,
         an_artifact_with_more_than_files_is_refused,
         an_artifact_with_a_file_of_another_user_is_refused,
         a_link_in_the_place_of_all_artifacts_is_refused_at_the_start,
         a_client_that_does_not_read_is_left, the_null_device_carries_no_word_to_the_next,
         what_the_kernel_counts_by_user_is_not_counted_as_the_hosts_roots,
         the_program_stays_the_first_to_be_killed_for_memory)
