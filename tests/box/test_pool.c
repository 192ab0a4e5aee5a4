/* test_pool.c - how many cells a keeper has ready: after a burst, and after a rest. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/box/kit.h"

enum { SHOTS = 20, BURST = 6, PER_CELL = 2, PIDS_MAX = 64, REST_S_MAX = 40, ROUND_US = 100000 };

/* So many processes are in the keeper's groups. */
struct expected {
    struct kit *kit;
    size_t count;
};

static bool holds(void *ctx)
{
    const struct expected *x = ctx;
    pid_t pids[PIDS_MAX];
    return kit_processes(x->kit->keeper_pid, pids, PIDS_MAX) == x->count;
}

static size_t processes(struct kit *k)
{
    pid_t pids[PIDS_MAX];
    return kit_processes(k->keeper_pid, pids, PIDS_MAX);
}

static void burst(struct kit *k, int count)
{
    for (int i = 0; i < count; i++) {
        struct box_outcome o = shot_at(k, "exit", "0");
        check_exit(&o, 0);
    }
}

START_TEST(a_burst_makes_the_pool_deeper_until_a_rest)
{
    static const char *const none[] = { "box.warm=0", NULL };
    static const char *const set[] = { "box.warm=1", "box.warm_burst=6", NULL };
    struct kit k;
    kit_open(&k, none);
    size_t without = processes(&k);
    kit_close(&k);
    kit_open(&k, set);
    struct expected one = { &k, without + PER_CELL }, many = { &k, without + PER_CELL * BURST };
    ck_assert(kit_wait(holds, &one));
    burst(&k, SHOTS);
    ck_assert(kit_wait(holds, &many));
    burst(&k, SHOTS); /* those that wait are used, and made again */
    ck_assert(kit_wait(holds, &many));
    bool rested = false;
    for (int i = 0; i < kit_slow(REST_S_MAX * 10) && !rested; i++) {
        usleep(ROUND_US);
        rested = holds(&one);
    }
    ck_assert_msg(rested, "%zu processes, expected %zu", processes(&k), one.count);
    burst(&k, 1);
    kit_close(&k);
}
END_TEST

START_TEST(none_are_ready_where_none_are_wanted)
{
    static const char *const set[] = { "box.warm=0", NULL };
    struct kit k;
    kit_open(&k, set);
    size_t before = processes(&k);
    burst(&k, SHOTS);
    struct expected same = { &k, before };
    ck_assert(kit_wait(holds, &same));
    kit_close(&k);
}
END_TEST

/* What a program sees of its image. */
static void look_around(struct kit *k, const char *image, const char *expected)
{
    struct shot s;
    shot_init(&s, "exists", "/marker", "/usr/bin", NULL);
    s.command.image = image;
    shot_run(k, &s);
    check_exit(&s.o, 0);
    ck_assert_str_eq(buf_text(&s.out), expected);
    shot_done(&s);
}

static const char *const image_dirs[] = { "proc", "dev", "tmp", "box", "etc", "marker" };

static void make_image(char root[])
{
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chmod(root, 0755), 0);
    for (size_t i = 0; i < ARRAY_COUNT(image_dirs); i++) {
        auto_free_ char *dir = xasprintf("%s/%s", root, image_dirs[i]);
        ck_assert_int_eq(mkdir(dir, 0755), 0);
    }
}

static void remove_image(const char *root)
{
    for (size_t i = 0; i < ARRAY_COUNT(image_dirs); i++) {
        auto_free_ char *dir = xasprintf("%s/%s", root, image_dirs[i]);
        ck_assert_int_eq(rmdir(dir), 0);
    }
    ck_assert_int_eq(rmdir(root), 0);
}

START_TEST(each_of_the_last_four_images_has_its_own)
{
    char root[] = "/tmp/minos-image-test-XXXXXX";
    static const char *const images[] = { "a", "b", "c", "d", "e" };
    const char *set[8] = { "box.warm=1", "box.warm_burst=0" };
    struct kit k;
    make_image(root);
    for (size_t i = 0; i < ARRAY_COUNT(images); i++)
        set[2 + i] = xasprintf("images.%s=%s", images[i], root); /* the test's process ends */
    kit_open(&k, set);
    look_around(&k, "host", "/usr/bin\n");
    usleep((useconds_t)kit_slow(300000)); /* for the next one to be there */
    struct expected x = { &k, processes(&k) };
    look_around(&k, "host", "/usr/bin\n");
    for (size_t i = 0; i < ARRAY_COUNT(images); i++) {
        for (int again = 0; again < 3; again++)
            look_around(&k, images[i], "/marker\n");
        x.count += i < 3 ? PER_CELL : 0; /* then the first ones' go */
        ck_assert_msg(kit_wait(holds, &x), "after %s: %zu processes, expected %zu", images[i],
                      processes(&k), x.count);
    }
    for (int again = 0; again < 3; again++) {
        look_around(&k, "host", "/usr/bin\n");
        look_around(&k, "e", "/marker\n");
        ck_assert(kit_wait(holds, &x));
    }
    kit_close(&k);
    remove_image(root);
}
END_TEST

KIT_MAIN("pool", a_burst_makes_the_pool_deeper_until_a_rest, none_are_ready_where_none_are_wanted,
         each_of_the_last_four_images_has_its_own)
