/*
 * test_next.c - the command that is run next is announced while one runs: its cell is armed
 * meanwhile, it runs as any other, and nothing is left of it when it is given up. Real keepers,
 * root.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "tests/box/kit.h"
#include "tests/box/raw.h"

enum { CHAIN = 12 };

/* Shots that follow each other; while one runs the one after it is announced. */
struct chain {
    struct shot shots[CHAIN];
    size_t at, count, asked_count;
};

static const struct box_command *next_of(void *ctx)
{
    struct chain *c = ctx;
    c->asked_count++;
    return c->at + 1 < c->count ? &c->shots[c->at + 1].command : NULL;
}

static int run_at(struct box *b, struct chain *c, size_t at, struct err *e)
{
    struct box_watch watch = { .poll_fd = -1, .next = next_of, .next_ctx = c };
    c->at = at;
    return box_run(b, &c->shots[at].command, 1, NULL, 0, &watch, &c->shots[at].o, e);
}

static struct chain *chain_of(size_t count)
{
    struct chain *c = xcalloc(1, sizeof *c);
    c->count = count;
    for (size_t i = 0; i < count; i++)
        shot_init(&c->shots[i], "exit", "0", NULL);
    return c;
}

static void chain_free(struct chain *c)
{
    for (size_t i = 0; i < c->count; i++)
        shot_done(&c->shots[i]);
    free(c);
}

/* Each with an input, a file and an argument of its own, and another memory limit. */
static void run_chain(struct box *b)
{
    struct chain *c = chain_of(CHAIN);
    char words[CHAIN][16];
    int inputs[CHAIN];
    struct box_file files[CHAIN];
    struct err e;
    for (size_t i = 0; i < CHAIN; i++) {
        struct shot *s = &c->shots[i];
        snprintf(words[i], sizeof words[i], "word %zu", i);
        inputs[i] = kit_memfd(words[i]);
        files[i] = (struct box_file){ .name = words[i], .fd = inputs[i] };
        s->argv[1] = "cat";
        s->argv[2] = i % 3 == 2 ? words[i] : NULL; /* its file, or its input */
        s->command.stdin_fd = inputs[i];
        s->command.files = &files[i];
        s->command.file_count = i % 3 == 2;
        s->command.limits.memory_bytes += (int64_t)(i % 4) << 20;
    }
    for (size_t i = 0; i < CHAIN; i++) {
        ck_assert_msg(run_at(b, c, i, &e) == 0, "%zu: %s", i, e.msg);
        check_exit(&c->shots[i].o, 0);
        ck_assert_str_eq(buf_text(&c->shots[i].out), words[i]);
        ck_assert_int_eq(c->shots[i].o.stdout_bytes, (int64_t)strlen(words[i]));
        ck_assert_int_eq(c->shots[i].o.stderr_bytes, 0);
    }
    ck_assert_uint_eq(c->asked_count, CHAIN);
    for (size_t i = 0; i < CHAIN; i++)
        close(inputs[i]);
    chain_free(c);
}

START_TEST(each_gets_its_own_input_files_and_output)
{
    static const char *const warm[] = { "box.warm=2", NULL }, *const cold[] = { "box.warm=0",
                                                                                NULL };
    const char *const *sets[] = { warm, cold };
    for (size_t i = 0; i < ARRAY_COUNT(sets); i++) {
        struct kit k;
        kit_open(&k, sets[i]);
        run_chain(k.box);
        run_chain(k.box);
        kit_close(&k);
    }
}
END_TEST

/* --- armed, and not asked for -------------------------------------------------------------------
 */

static size_t cells_of(pid_t keeper_pid)
{
    auto_free_ char *path = xasprintf("/proc/%d/root/cells", (int)keeper_pid);
    size_t count = 0;
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(d);
    return count;
}

static bool one_cell_is_there(void *ctx)
{
    const struct kit *k = ctx;
    return cells_of(k->keeper_pid) == 1;
}

static bool no_cell_is_there(void *ctx)
{
    const struct kit *k = ctx;
    return cells_of(k->keeper_pid) == 0;
}

static const char *const cold[] = { "box.warm=0", NULL };

START_TEST(one_that_is_killed_while_it_waits_is_made_again)
{
    struct kit k;
    struct err e;
    pid_t pids[8];
    kit_open(&k, cold);
    struct chain *c = chain_of(2);
    c->shots[1].argv[2] = "9";
    ck_assert_msg(run_at(k.box, c, 0, &e) == 0, "%s", e.msg);
    ck_assert(kit_wait(one_cell_is_there, &k));
    usleep(20000); /* for it to be armed */
    size_t count = kit_processes(k.keeper_pid, pids, ARRAY_COUNT(pids));
    ck_assert_uint_gt(count, 1);
    for (size_t i = 0; i < count; i++)
        ck_assert(pids[i] == k.keeper_pid || kill(pids[i], SIGKILL) == 0 || errno == ESRCH);
    usleep(20000);
    ck_assert_msg(run_at(k.box, c, 1, &e) == 0, "%s", e.msg);
    check_exit(&c->shots[1].o, 9);
    chain_free(c);
    kit_close(&k);
}
END_TEST

START_TEST(what_is_forgotten_leaves_nothing_and_never_runs)
{
    struct kit k;
    struct err e;
    kit_open(&k, cold);
    struct chain *c = chain_of(2);
    c->shots[1].argv[1] = "cat";
    c->shots[1].argv[2] = NULL;
    int input = kit_memfd("never read");
    c->shots[1].command.stdin_fd = input;
    size_t groups = kit_groups(k.keeper_pid);
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(run_at(k.box, c, 0, &e) == 0, "%s", e.msg);
        check_exit(&c->shots[0].o, 0);
        ck_assert(kit_wait(one_cell_is_there, &k)); /* armed, without anybody having asked */
        ck_assert_msg(box_forget(k.box, &e) == 0, "%s", e.msg);
        ck_assert(kit_wait(no_cell_is_there, &k));
        ck_assert_msg(box_forget(k.box, &e) == 0, "%s", e.msg); /* of nothing */
    }
    ck_assert_uint_eq(kit_groups(k.keeper_pid), groups);
    ck_assert_uint_eq(c->shots[1].out.len, 0);
    shot_run(&k, &c->shots[1]);
    ck_assert_str_eq(buf_text(&c->shots[1].out), "never read");
    close(input);
    chain_free(c);
    kit_close(&k);
}
END_TEST

START_TEST(another_command_may_be_run_in_its_place)
{
    struct kit k;
    struct err e;
    kit_open(&k, NULL);
    struct chain *c = chain_of(2);
    c->shots[1].argv[2] = "9";
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(run_at(k.box, c, 0, &e) == 0, "%s", e.msg);
        struct box_outcome o = shot_at(&k, "exit", "5");
        check_exit(&o, 5);
        ck_assert_msg(run_at(k.box, c, 1, &e) == 0, "%s", e.msg); /* not announced any more */
        check_exit(&c->shots[1].o, 9);
        ck_assert_msg(run_at(k.box, c, 0, &e) == 0, "%s", e.msg);
        ck_assert_msg(box_release(k.box, &e) == 0, "%s", e.msg); /* in between */
        ck_assert_msg(run_at(k.box, c, 1, &e) == 0, "%s", e.msg);
        check_exit(&c->shots[1].o, 9);
    }
    chain_free(c);
    kit_close(&k);
}
END_TEST

START_TEST(its_own_limits_and_clocks_hold)
{
    struct kit k;
    struct err e;
    kit_open(&k, NULL);
    struct chain *c = chain_of(4);
    c->shots[1].argv[1] = "spin";
    c->shots[1].argv[2] = NULL;
    c->shots[1].command.limits.cpu_time_ms = 100;
    c->shots[2].argv[1] = "memory";
    c->shots[2].argv[2] = "1000000000";
    c->shots[3].argv[1] = "sleep";
    c->shots[3].argv[2] = "60000";
    c->shots[3].command.limits.wall_time_ms = 200;
    static const enum box_cause expected[] = { BOX_CAUSE_NONE, BOX_CAUSE_CPU, BOX_CAUSE_MEMORY,
                                               BOX_CAUSE_IDLE };
    for (size_t i = 0; i < 4; i++) {
        usleep(i % 2 * 300000); /* armed long before, which is nobody's time */
        ck_assert_msg(run_at(k.box, c, i, &e) == 0, "%s", e.msg);
        check_cause(&c->shots[i].o, expected[i]);
    }
    chain_free(c);
    kit_close(&k);
}
END_TEST

/* What is wrong with it does not trouble the one that runs. */
static void check_wrong(struct kit *k, struct chain *c, const char *what)
{
    struct err e;
    ck_assert_msg(run_at(k->box, c, 0, &e) == 0, "%s: %s", what, e.msg);
    check_exit(&c->shots[0].o, 0);
    ck_assert_int_eq(run_at(k->box, c, 1, &e), -1);
    ck_assert_msg(e.kind == ERR_INPUT && e.msg[0] != '\0', "%s: %s", what, e.msg);
    ck_assert_msg(run_at(k->box, c, 0, &e) == 0, "%s: %s", what, e.msg);
    ck_assert_msg(box_forget(k->box, &e) == 0, "%s: %s", what, e.msg);
    shot_done(&c->shots[1]);
    shot_init(&c->shots[1], "exit", "0", NULL);
}

START_TEST(what_is_wrong_with_it_is_told_by_its_own_run)
{
    struct kit k;
    kit_open(&k, NULL);
    struct chain *c = chain_of(2);
    c->shots[1].command.image = "nowhere";
    check_wrong(&k, c, "an image that is not there");
    c->shots[1].command.limits.cpu_time_ms = INT64_MAX;
    check_wrong(&k, c, "more than the ceiling");
    c->shots[1].command.stdout_sink.fd = 1;
    check_wrong(&k, c, "two ends of stdout");
    c->shots[1].command.artifact = "00";
    check_wrong(&k, c, "an artifact's name");
    auto_fd_ int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    c->shots[1].command.stdin_fd = dir;
    check_wrong(&k, c, "a directory as its input");
    struct box_file twice[] = { { "a", dir, false }, { "b", dir, false } };
    c->shots[1].command.files = twice;
    c->shots[1].command.file_count = 2;
    check_wrong(&k, c, "directories as its files");
    chain_free(c);
    kit_close(&k);
}
END_TEST

/* --- by hand ---------------------------------------------------------------------------------- */

static void start(struct scene *s, const char *verb, const char *arg, unsigned flags)
{
    raw_put_command(&s->raw, 0, verb, arg, flags);
    ck_assert(raw_say_out(&s->raw, NULL, 0) && raw_say_run(&s->raw, 1));
}

static void announce(struct scene *s, unsigned flags)
{
    raw_put_command(&s->raw, 0, "exit", "0", flags);
    ck_assert(raw_say_out(&s->raw, NULL, 0));
}

static void stop_and_hear(struct scene *s)
{
    wire_put_stop(&s->raw.out, BOX_CAUSE_CANCEL, WIRE_STOP_ALL);
    ck_assert(raw_say_out(&s->raw, NULL, 0));
    ck_assert_int_eq(raw_hear(&s->raw), WIRE_OUTCOME);
}

START_TEST(one_may_be_announced_while_one_runs_alone)
{
    struct scene *s = scene_open();
    raw_open(&s->raw, &s->neighbour);
    start(s, "sleep", "60000", 0);
    announce(s, 0);
    announce(s, 0);
    scene_check_refused(s, "two of them");
    start(s, "sleep", "60000", WIRE_KEEP_FILES);
    announce(s, 0);
    scene_check_refused(s, "beside files that are kept");
    raw_put_command(&s->raw, 0, "sleep", "60000", 0);
    ck_assert(raw_say_out(&s->raw, NULL, 0));
    raw_put_command(&s->raw, 1, "sleep", "60000", 0);
    ck_assert(raw_say_out(&s->raw, NULL, 0) && raw_say_run(&s->raw, 2));
    announce(s, 0);
    scene_check_refused(s, "beside two");
    start(s, "sleep", "60000", 0);
    announce(s, 0);
    stop_and_hear(s);
    raw_put_command(&s->raw, 1, "exit", "0", 0); /* one more, between the two */
    ck_assert(raw_say_out(&s->raw, NULL, 0) && raw_say_run(&s->raw, 2));
    ck_assert_int_eq(raw_hear(&s->raw), WIRE_OUTCOME);
    ck_assert_int_eq(raw_hear(&s->raw), WIRE_OUTCOME);
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

START_TEST(a_broken_one_is_refused_when_it_is_asked_for)
{
    struct scene *s = scene_open();
    static const uint8_t words[] = { WIRE_COMMAND, WIRE_PLACE };
    raw_open(&s->raw, &s->neighbour);
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        start(s, "sleep", "60000", 0);
        if (words[i] == WIRE_PLACE)
            announce(s, WIRE_FILES);
        ck_assert(raw_say(&s->raw, &words[i], 1, NULL, 0));
        stop_and_hear(s);
        ck_assert(raw_say_run(&s->raw, 1));
        scene_check_refused(s, "a broken one");
        start(s, "sleep", "60000", 0);
        announce(s, WIRE_FILES); /* which do not come */
        stop_and_hear(s);
        ck_assert(raw_say_run(&s->raw, 1));
        scene_check_refused(s, "one without its files");
    }
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

static size_t descriptors_of(pid_t pid)
{
    auto_free_ char *path = xasprintf("/proc/%d/fd", (int)pid);
    size_t count = 0;
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    while (readdir(d) != NULL)
        count++;
    closedir(d);
    return count;
}

/* Broken ones, each with 8 descriptors; the keeper may hear of none or refuse all. */
static void say_places(struct scene *s, int times)
{
    static const uint8_t word = WIRE_PLACE;
    int fds[8];
    for (size_t k = 0; k < ARRAY_COUNT(fds); k++)
        fds[k] = s->raw.sock;
    for (int i = 0; i < times; i++)
        if (!raw_say(&s->raw, &word, 1, fds, ARRAY_COUNT(fds)))
            return;
}

START_TEST(a_flood_of_files_is_refused_and_costs_no_descriptors)
{
    struct scene *s = scene_open();
    raw_open(&s->raw, &s->neighbour);
    announce(s, WIRE_FILES);
    ck_assert(raw_serves(&s->raw));
    size_t before = descriptors_of(s->raw.pid);
    say_places(s, 40);
    ck_assert(raw_serves(&s->raw));
    ck_assert_uint_le(descriptors_of(s->raw.pid), before + 8);
    ck_assert(raw_say_run(&s->raw, 1));
    scene_check_refused(s, "the files of one command, again and again");
    start(s, "sleep", "60000", 0);
    announce(s, WIRE_FILES);
    say_places(s, 2);
    scene_check_refused(s, "the files of the next one twice");
    start(s, "sleep", "60000", 0);
    say_places(s, 1);
    scene_check_refused(s, "files of nothing");
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

/* The number that the cell of a program has got, of all that the keeper made. */
static long number_of_only_cell(const struct raw *r)
{
    auto_free_ char *path = xasprintf("/proc/%d/root/cells", (int)r->pid);
    long number = -1;
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        number = entry->d_name[0] != '.' ? strtol(entry->d_name, NULL, 10) : number;
    closedir(d);
    return number;
}

static long number_while_it_sleeps(struct scene *s)
{
    start(s, "sleep", "60000", 0);
    usleep(50000);
    return number_of_only_cell(&s->raw);
}

START_TEST(one_that_cannot_be_armed_is_not_tried_for_ever)
{
    struct scene *s = scene_open();
    auto_fd_ int fd = kit_memfd("no program");
    const struct box_file file = { "inside", fd, false }; /* the artifact has one of that name */
    raw_open(&s->raw, &s->neighbour);
    long first = number_while_it_sleeps(s);
    announce(s, WIRE_FILES);
    wire_put_place(&s->raw.out, 0, &file, 1);
    ck_assert(raw_say_out(&s->raw, &fd, 1));
    stop_and_hear(s);
    for (int i = 0; i < 20; i++) {
        wire_put_stop(&s->raw.out, BOX_CAUSE_CANCEL, WIRE_STOP_ALL); /* late ones */
        ck_assert(raw_say_out(&s->raw, NULL, 0));
        usleep(10000);
    }
    ck_assert(raw_say_empty(&s->raw, WIRE_FORGET));
    ck_assert_int_le(number_while_it_sleeps(s), first + 3);
    stop_and_hear(s);
    raw_close(&s->raw);
    scene_close(s);
}
END_TEST

START_TEST(a_client_that_goes_leaves_nothing_armed)
{
    struct scene *s = scene_open();
    for (int i = 0; i < 4; i++) {
        raw_open(&s->raw, &s->neighbour);
        start(s, "sleep", "60000", 0);
        announce(s, 0);
        if (i % 2 == 1)
            stop_and_hear(s);
        if (i / 2 == 1)
            usleep(20000);  /* for it to be armed */
        raw_close(&s->raw); /* and sees no group and no process of it */
        scene_check(s);
    }
    scene_close(s);
}
END_TEST

/* A socket whose last owner waits 20 s for a peer that never reads. */
static int slow_to_close(int *ret_peer)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof addr;
    const struct linger patience = { .l_onoff = 1, .l_linger = 20 };
    static const char words[65536];
    auto_fd_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, len), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    ck_assert(connect(fd, (struct sockaddr *)&addr, len) == 0 || errno == EINPROGRESS);
    *ret_peer = accept(listener, NULL, NULL);
    ck_assert_int_ge(*ret_peer, 0);
    while (send(fd, words, sizeof words, MSG_NOSIGNAL) > 0)
        ;
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0); /* only a blocking one is waited for */
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &patience, sizeof patience), 0);
    return fd;
}

enum { WITH_STOP, WITH_COMMAND, WITH_PLACE, WITH_NOTHING_KNOWN, WAY_COUNT };

static void lend(struct scene *s, int way, int fd)
{
    const struct box_file file = { "x", fd, false };
    const uint8_t unknown = 200;
    if (way == WITH_STOP) {
        wire_put_stop(&s->raw.out, BOX_CAUSE_CANCEL, 0);
        ck_assert(raw_say_out(&s->raw, &fd, 1));
    } else if (way == WITH_COMMAND) {
        raw_put_command(&s->raw, 0, "exit", "0", WIRE_STDIN);
        ck_assert(raw_say_out(&s->raw, &fd, 1));
    } else if (way == WITH_PLACE) {
        announce(s, WIRE_FILES);
        wire_put_place(&s->raw.out, 0, &file, 1);
        ck_assert(raw_say_out(&s->raw, &fd, 1));
    } else {
        ck_assert(raw_say(&s->raw, &unknown, 1, &fd, 1));
    }
}

static bool runs_no_more(void *ctx)
{
    const struct raw *r = ctx;
    pid_t pids[8];
    return kit_processes(r->pid, pids, ARRAY_COUNT(pids)) <= 1;
}

static bool it_runs(void *ctx)
{
    return !runs_no_more(ctx);
}

/* A keeper that waited for such a thing would not see a limit. */
START_TEST(nobody_keeps_a_keeper_from_its_clocks)
{
    struct scene *s = scene_open();
    for (int way = 0; way < WAY_COUNT; way++) {
        int peer;
        raw_open(&s->raw, &s->neighbour);
        start(s, "spin", NULL, 0);
        ck_assert(kit_wait(it_runs, &s->raw));
        int fd = slow_to_close(&peer);
        ck_assert_int_eq(kill(s->raw.pid, SIGSTOP),
                         0); /* so that the last to close is the keeper */
        lend(s, way, fd);
        close(fd);
        ck_assert_int_eq(kill(s->raw.pid, SIGCONT), 0);
        int64_t begun_mono_ns = clock_mono_ns();
        ck_assert_msg(kit_wait(runs_no_more, &s->raw), "way %d: it spins on", way);
        ck_assert_msg(clock_mono_ns() - begun_mono_ns < 5 * NS_PER_S || kit_slow(1) > 1, "way %d",
                      way);
        close(peer); /* which lets go whoever waits */
        ck_assert_int_ne(raw_hear(&s->raw), RAW_END);
        raw_close(&s->raw);
    }
    scene_close(s);
}
END_TEST

KIT_MAIN("box next", each_gets_its_own_input_files_and_output,
         what_is_forgotten_leaves_nothing_and_never_runs,
         one_that_is_killed_while_it_waits_is_made_again, another_command_may_be_run_in_its_place,
         its_own_limits_and_clocks_hold, what_is_wrong_with_it_is_told_by_its_own_run,
         one_may_be_announced_while_one_runs_alone, a_broken_one_is_refused_when_it_is_asked_for,
         a_flood_of_files_is_refused_and_costs_no_descriptors,
         one_that_cannot_be_armed_is_not_tried_for_ever, a_client_that_goes_leaves_nothing_armed,
         nobody_keeps_a_keeper_from_its_clocks)
