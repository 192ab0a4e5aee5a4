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

UNIT_MAIN("wake", every_receiver_of_the_topic_and_no_other_is_told,
          sending_to_nobody_and_nowhere_does_nothing, closing_removes_the_socket,
          the_socket_of_a_killed_process_is_removed_by_the_next_sender,
          a_stale_socket_of_our_own_number_is_taken_over,
          a_receiver_that_may_have_lost_some_is_told_to_look_at_everything,
          a_long_path_is_no_obstacle)
