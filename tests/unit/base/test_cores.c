/* test_cores.c - which processors slots get, on machines that this one is not. */
#include "sandbox/base/cores.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"

/* A machine: for each processor its line of siblings, NULL: no file. */
static char *make_machine(const char *const *siblings, size_t count)
{
    char *dir = xstrdup("/tmp/minos-cores-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (size_t i = 0; i < count; i++) {
        auto_free_ char *cpu = xasprintf("%s/cpu%zu", dir, i);
        auto_free_ char *topology = xasprintf("%s/topology", cpu);
        auto_free_ char *file = xasprintf("%s/thread_siblings_list", topology);
        ck_assert_int_eq(mkdir(cpu, 0755), 0);
        ck_assert_int_eq(mkdir(topology, 0755), 0);
        if (siblings[i] == NULL)
            continue;
        auto_fd_ int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        ck_assert_int_eq(write(fd, siblings[i], strlen(siblings[i])), (ssize_t)strlen(siblings[i]));
    }
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_machine(char *dir)
{
    ck_assert_int_eq(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(dir);
}

/* The order of slots on that machine as a text: "0 1 2". */
static char *order(const char *const *siblings, size_t count, size_t allowed, bool smt)
{
    char *dir = make_machine(siblings, count);
    struct cores c;
    cpu_set_t set;
    struct buf b = { 0 };
    CPU_ZERO(&set);
    for (size_t i = 0; i < count; i++)
        if ((allowed >> i & 1) != 0)
            CPU_SET(i, &set);
    cores_choose(dir, &set, smt, &c);
    for (size_t i = 0; i < c.count; i++)
        buf_printf(&b, i == 0 ? "%d" : " %d", c.cpus[i]);
    remove_machine(dir);
    return buf_take(&b);
}

static const char *const plain[] = { "0\n", "1\n", "2\n", "3\n" };
static const char *const pairs[] = { "0-1\n", "0-1\n", "2-3\n", "2-3\n" };
static const char *const halves[] = { "0,2\n", "1,3\n", "0,2\n", "1,3\n" };
static const char *const unknown[] = { NULL, "what\n", "9999999\n", "3-2\n" };
enum { ALL = 0xf };

START_TEST(without_threads_each_processor_is_a_core)
{
    auto_free_ char *got = order(plain, 4, ALL, false);
    ck_assert_str_eq(got, "0 1 2 3");
}
END_TEST

START_TEST(of_the_threads_of_a_core_one_is_used)
{
    auto_free_ char *neighbours = order(pairs, 4, ALL, false);
    auto_free_ char *apart = order(halves, 4, ALL, false);
    ck_assert_str_eq(neighbours, "0 2");
    ck_assert_str_eq(apart, "0 1");
}
END_TEST

START_TEST(where_asked_the_other_threads_come_last)
{
    auto_free_ char *neighbours = order(pairs, 4, ALL, true);
    auto_free_ char *apart = order(halves, 4, ALL, true);
    ck_assert_str_eq(neighbours, "0 2 1 3");
    ck_assert_str_eq(apart, "0 1 2 3");
}
END_TEST

START_TEST(only_allowed_processors_count)
{
    auto_free_ char *second_threads = order(pairs, 4, 0xa, false);
    auto_free_ char *one_core = order(pairs, 4, 0x3, false);
    auto_free_ char *one_core_smt = order(pairs, 4, 0x3, true);
    ck_assert_str_eq(second_threads, "1 3");
    ck_assert_str_eq(one_core, "0");
    ck_assert_str_eq(one_core_smt, "0 1");
}
END_TEST

START_TEST(a_processor_without_a_topology_is_a_core)
{
    auto_free_ char *got = order(unknown, 4, ALL, false);
    ck_assert_str_eq(got, "0 1 2 3");
}
END_TEST

/* The processors of a slot as bits. */
static unsigned bits(const struct cores *c, int64_t slot, int64_t wanted, int64_t expected_count)
{
    cpu_set_t set;
    int64_t count;
    unsigned got = 0;
    cores_of_slot(c, slot, wanted, &set, &count);
    ck_assert_int_eq(count, expected_count);
    ck_assert_int_eq(CPU_COUNT(&set), expected_count);
    for (unsigned i = 0; i < 32; i++)
        got |= CPU_ISSET(i, &set) ? 1U << i : 0;
    return got;
}

START_TEST(slots_get_processors_of_their_own_while_there_are_any)
{
    const struct cores c = { .cpus = { 0, 2, 4, 6, 8 }, .count = 5 };
    ck_assert_uint_eq(cores_slots(&c, 1), 5);
    ck_assert_uint_eq(bits(&c, 0, 1, 1), 1U << 0);
    ck_assert_uint_eq(bits(&c, 4, 1, 1), 1U << 8);
    ck_assert_uint_eq(bits(&c, 5, 1, 1), 1U << 0);
    ck_assert_uint_eq(cores_slots(&c, 2), 2);
    ck_assert_uint_eq(bits(&c, 0, 2, 2), 1U << 0 | 1U << 2);
    ck_assert_uint_eq(bits(&c, 1, 2, 2), 1U << 4 | 1U << 6);
    ck_assert_uint_eq(bits(&c, 2, 2, 2), 1U << 0 | 1U << 2);
    ck_assert_uint_eq(cores_slots(&c, 9), 1);
    ck_assert_uint_eq(bits(&c, 3, 9, 5), 0x155);
}
END_TEST

START_TEST(this_machine_has_a_core)
{
    struct cores c;
    struct err e;
    ck_assert_int_eq(cores_read(CORES_SYS_DIR, true, &c, &e), 0);
    ck_assert_uint_ge(c.count, 1);
    size_t all = c.count;
    ck_assert_int_eq(cores_read(CORES_SYS_DIR, false, &c, &e), 0);
    ck_assert_uint_ge(c.count, 1);
    ck_assert_uint_le(c.count, all);
}
END_TEST

UNIT_MAIN("cores", without_threads_each_processor_is_a_core, of_the_threads_of_a_core_one_is_used,
          where_asked_the_other_threads_come_last, only_allowed_processors_count,
          a_processor_without_a_topology_is_a_core,
          slots_get_processors_of_their_own_while_there_are_any, this_machine_has_a_core)
