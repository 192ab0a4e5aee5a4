/* test_wake.c - hints between processes: delivered, lost and made up for; real sockets. */
#include "schema/wake.h"

#include <poll.h>
#include <signal.h>

#include "tests/unit/schema/unit.h"

static struct place place_for_wakes(void)
{
    struct place p = place_empty();
    auto_free_ char *run = xasprintf("%s/run", p.dir);
    ck_assert_int_eq(mkdir(run, 0700), 0);
    return p;
}

static struct wake *listen_to(const struct place *p, enum wake_topic topic)
{
    struct err e;
    struct wake *w = NULL;
    ck_ok(wake_open(p->dir, topic, &w, &e));
    return w;
}

static bool next(struct wake *w, struct wake_event *ret)
{
    struct err e;
    bool found = false;
    ck_ok(wake_next(w, ret, &found, &e));
    return found;
}

static bool readable(struct wake *w)
{
    struct pollfd p = { .fd = wake_fd(w), .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

START_TEST(every_receiver_of_the_topic_and_no_other_is_told)
{
    auto_place_ struct place p = place_for_wakes();
    struct wake *a = listen_to(&p, WAKE_QUEUE), *b = listen_to(&p, WAKE_QUEUE);
    struct wake *other = listen_to(&p, WAKE_PROGRESS);
    struct wake_event event;
    char id[STORE_ID_BYTES];
    store_new_id(id);
    ck_assert(!readable(a));
    wake_send(p.dir, WAKE_QUEUE, id);
    ck_assert(readable(a));
    ck_assert(next(a, &event));
    ck_assert_int_eq(event.topic, WAKE_QUEUE);
    ck_assert_str_eq(event.id, id);
    ck_assert(!next(a, &event));
    ck_assert(next(b, &event));
    ck_assert(!next(other, &event));
    wake_send(p.dir, WAKE_PROGRESS, "");
    ck_assert(next(other, &event));
    ck_assert_str_eq(event.id, "");
    wake_close(a);
    wake_close(b);
    wake_close(other);
}
END_TEST

START_TEST(sending_to_nobody_and_nowhere_does_nothing)
{
    auto_place_ struct place p = place_for_wakes();
    wake_send(p.dir, WAKE_QUEUE, "");
    wake_send("/no/such/folder", WAKE_QUEUE, "");
}
END_TEST

static size_t sockets(const struct place *p)
{
    size_t count = 0;
    auto_free_ char *run = xasprintf("%s/run", p->dir);
    auto_dir_ DIR *dir = opendir(run);
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
        count += d->d_name[0] != '.';
    return count;
}

START_TEST(closing_removes_the_socket)
{
    auto_place_ struct place p = place_for_wakes();
    struct wake *w = listen_to(&p, WAKE_QUEUE);
    ck_assert_uint_eq(sockets(&p), 1);
    wake_close(w);
    ck_assert_uint_eq(sockets(&p), 0);
    wake_close(NULL);
}
END_TEST

START_TEST(the_socket_of_a_killed_process_is_removed_by_the_next_sender)
{
    auto_place_ struct place p = place_for_wakes();
    pid_t child = fork();
    if (child == 0) {
        listen_to(&p, WAKE_QUEUE);
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_uint_eq(sockets(&p), 1);
    wake_send(p.dir, WAKE_QUEUE, "");
    ck_assert_uint_eq(sockets(&p), 0);
}
END_TEST

START_TEST(a_stale_socket_of_our_own_number_is_taken_over)
{
    auto_place_ struct place p = place_for_wakes();
    struct wake *w = listen_to(&p, WAKE_QUEUE);
    auto_free_ char *name = xasprintf("%s/run/queue-%d-0.sock", p.dir, (int)getpid());
    auto_free_ char *kept = xasprintf("%s/kept", p.dir);
    ck_assert_int_eq(rename(name, kept), 0);
    wake_close(w);
    ck_assert_int_eq(rename(kept, name), 0); /* as if we had been killed */
    w = listen_to(&p, WAKE_QUEUE);
    ck_assert_uint_eq(sockets(&p), 1);
    wake_close(w);
}
END_TEST

START_TEST(a_receiver_that_may_have_lost_some_is_told_to_look_at_everything)
{
    enum { MANY = 20000 };
    auto_place_ struct place p = place_for_wakes();
    struct wake *w = listen_to(&p, WAKE_PROGRESS);
    struct wake_event event;
    char id[STORE_ID_BYTES];
    store_new_id(id);
    int64_t from_mono_ns = clock_mono_ns();
    for (int i = 0; i < MANY; i++)
        wake_send(p.dir, WAKE_PROGRESS, id); /* never blocks, though nobody reads */
    ck_assert_int_lt(clock_mono_ns() - from_mono_ns, 20 * NS_PER_S);
    int count = 0;
    bool everything = false;
    while (next(w, &event)) {
        count++;
        everything = event.id[0] == '\0';
    }
    ck_assert_int_lt(count, MANY);
    ck_assert(everything); /* the last one */
    ck_assert(!next(w, &event));
    wake_close(w);
}
END_TEST

START_TEST(a_long_path_is_no_obstacle)
{
    auto_place_ struct place p = place_empty();
    struct err e;
    struct wake *w = NULL;
    struct wake_event event;
    auto_free_ char *deep = xasprintf("%s/%0150d", p.dir, 0);
    auto_free_ char *run = xasprintf("%s/run", deep);
    ck_assert_int_eq(mkdir(deep, 0700), 0);
    ck_assert_int_eq(mkdir(run, 0700), 0);
    ck_ok(wake_open(deep, WAKE_QUEUE, &w, &e));
    wake_send(deep, WAKE_QUEUE, "");
    ck_assert(next(w, &event));
    wake_close(w);
    ck_fails(wake_open("/no/such", WAKE_QUEUE, &w, &e), ERR_SYS, "/no/such/run");
}
END_TEST

static struct store *store_at(const struct place *p)
{
    const struct store_options o = { .data_dir = p->dir };
    struct store *s = NULL;
    struct err e;
    ck_ok(store_open(&o, &s, &e));
    return s;
}

/* As if nothing had changed in the directory for long. */
static void settle(const struct place *p)
{
    auto_free_ char *run = xasprintf("%s/run", p->dir);
    const struct timespec long_ago[] = { { 1000, 0 }, { 1000, 0 } };
    ck_assert_int_eq(utimensat(AT_FDCWD, run, long_ago, 0), 0);
}

START_TEST(who_owns_a_store_tells_every_receiver_of_the_topic_and_no_other)
{
    auto_place_ struct place p = place_empty();
    struct store *s = store_at(&p);
    struct wake *a = listen_to(&p, WAKE_QUEUE), *b = listen_to(&p, WAKE_QUEUE);
    struct wake *other = listen_to(&p, WAKE_PROGRESS);
    struct wake_event event;
    char id[STORE_ID_BYTES];
    store_new_id(id);
    settle(&p);
    for (int i = 0; i < 2; i++) { /* found, and known */
        wake_tell(s, WAKE_QUEUE, id);
        ck_assert(next(a, &event) && next(b, &event));
        ck_assert_str_eq(event.id, id);
        ck_assert(!next(a, &event) && !next(other, &event));
        wake_tell(s, WAKE_PROGRESS, "");
        ck_assert(next(other, &event));
        ck_assert_str_eq(event.id, "");
    }
    wake_close(a);
    wake_close(b);
    wake_close(other);
    store_close(s);
}
END_TEST

START_TEST(receivers_that_come_and_go_are_noticed)
{
    auto_place_ struct place p = place_empty();
    struct store *s = store_at(&p);
    struct wake_event event;
    wake_tell(s, WAKE_QUEUE, ""); /* nobody */
    for (int i = 0; i < 3; i++) {
        struct wake *a = listen_to(&p, WAKE_QUEUE);
        wake_tell(s, WAKE_QUEUE, "");
        ck_assert(next(a, &event));
        settle(&p);
        wake_tell(s, WAKE_QUEUE, "");
        ck_assert(next(a, &event));
        struct wake *b = listen_to(&p, WAKE_QUEUE);
        wake_tell(s, WAKE_QUEUE, "");
        ck_assert(next(a, &event) && next(b, &event));
        wake_close(a);
        wake_tell(s, WAKE_QUEUE, "");
        ck_assert(next(b, &event));
        wake_close(b);
    }
    store_close(s);
}
END_TEST

START_TEST(the_socket_of_a_killed_process_is_removed_by_who_owns_a_store)
{
    auto_place_ struct place p = place_empty();
    struct store *s = store_at(&p);
    size_t before = sockets(&p);
    int bound[2];
    ck_assert_int_eq(pipe(bound), 0);
    pid_t child = fork();
    if (child == 0) {
        listen_to(&p, WAKE_QUEUE);
        ck_assert_int_eq(write(bound[1], "", 1), 1);
        pause();
    }
    char byte;
    ck_assert_int_eq(read(bound[0], &byte, 1), 1);
    settle(&p);
    wake_tell(s, WAKE_QUEUE, ""); /* to one who lives, and is known now */
    ck_assert_uint_eq(sockets(&p), before + 1);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    wake_tell(s, WAKE_QUEUE, "");
    ck_assert_uint_eq(sockets(&p), before);
    close(bound[0]);
    close(bound[1]);
    store_close(s);
}
END_TEST

START_TEST(more_receivers_than_a_sender_keeps_sockets_to_are_told_all_the_same)
{
    enum { MANY = 140 };
    auto_place_ struct place p = place_empty();
    struct store *s = store_at(&p);
    struct wake *w[MANY];
    struct wake_event event;
    for (int i = 0; i < MANY; i++)
        w[i] = listen_to(&p, WAKE_QUEUE);
    for (int round = 0; round < 2; round++) {
        settle(&p);
        wake_tell(s, WAKE_QUEUE, "");
        for (int i = 0; i < MANY; i++)
            ck_assert(next(w[i], &event));
    }
    for (int i = 0; i < MANY; i++)
        wake_close(w[i]);
    store_close(s);
}
END_TEST

UNIT_MAIN("wake", who_owns_a_store_tells_every_receiver_of_the_topic_and_no_other,
          receivers_that_come_and_go_are_noticed,
          the_socket_of_a_killed_process_is_removed_by_who_owns_a_store,
          more_receivers_than_a_sender_keeps_sockets_to_are_told_all_the_same,
          every_receiver_of_the_topic_and_no_other_is_told,
          sending_to_nobody_and_nowhere_does_nothing, closing_removes_the_socket,
          the_socket_of_a_killed_process_is_removed_by_the_next_sender,
          a_stale_socket_of_our_own_number_is_taken_over,
          a_receiver_that_may_have_lost_some_is_told_to_look_at_everything,
          a_long_path_is_no_obstacle)
