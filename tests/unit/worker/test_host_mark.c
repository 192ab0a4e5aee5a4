/* test_host_mark.c - what counts as a change of the host's programs. */
#include "tests/unit/worker/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "worker/host_mark.h"

static void touch(const char *path)
{
    auto_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
}

START_TEST(a_file_that_comes_goes_or_is_replaced_is_a_change)
{
    char dir[] = "/tmp/minos-host-mark-XXXXXX", file[64], other[64], late[64];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/file", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(late, sizeof late, "%s-late", dir);
    const char *const paths[] = { dir, late, NULL };
    uint64_t marks[5];
    marks[0] = host_mark_of("", paths);
    ck_assert_uint_eq(host_mark_of("", paths), marks[0]);
    usleep(10000); /* times of files have the grain of a tick */
    touch(file);
    marks[1] = host_mark_of("", paths);
    usleep(10000);
    touch(other);
    ck_assert_int_eq(rename(other, file), 0);
    marks[2] = host_mark_of("", paths);
    usleep(10000);
    ck_assert_int_eq(unlink(file), 0);
    marks[3] = host_mark_of("", paths);
    ck_assert_int_eq(mkdir(late, 0755), 0);
    marks[4] = host_mark_of("", paths);
    for (size_t i = 0; i < ARRAY_COUNT(marks); i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_msg(marks[i] != marks[k], "%zu and %zu", k, i);
    ck_assert_int_eq(rmdir(late), 0);
    ck_assert_uint_eq(host_mark_of("", paths), marks[3]);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(which_path_changed_makes_a_difference)
{
    const char *const one[] = { "/usr", "/nowhere", NULL }, *const two[] = { "/nowhere", "/usr",
                                                                             NULL };
    ck_assert_uint_ne(host_mark_of("", one), host_mark_of("", two));
}
END_TEST

START_TEST(a_program_of_an_image_counts_as_one_of_the_host)
{
    char root[] = "/tmp/minos-host-mark-XXXXXX", bin[64], file[64];
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(bin, sizeof bin, "%s/bin", root);
    snprintf(file, sizeof file, "%s/bin/tool", root);
    ck_assert_int_eq(mkdir(bin, 0755), 0);
    struct conf c;
    struct err e;
    conf_init(&c);
    uint64_t without = host_mark(&c);
    auto_free_ char *set = xasprintf("images.mine=%s", root);
    ck_ok(conf_set_pair(&c, set, &e));
    uint64_t with = host_mark(&c);
    ck_assert_uint_ne(with, without);
    usleep(10000);
    touch(file);
    ck_assert_uint_ne(host_mark(&c), with);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(rmdir(bin), 0);
    ck_assert_int_eq(rmdir(root), 0);
    conf_done(&c);
}
END_TEST

UNIT_MAIN("host_mark", a_program_of_an_image_counts_as_one_of_the_host,
          a_file_that_comes_goes_or_is_replaced_is_a_change, which_path_changed_makes_a_difference)
