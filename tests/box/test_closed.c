/* test_closed.c - nothing of the host is in a cell; real keepers. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "tests/box/kit.h"

START_TEST(all_eight_namespaces_differ_from_the_hosts_and_from_run_to_run)
{
    static const char *const kinds[] = {
        "user", "pid", "mnt", "net", "ipc", "uts", "cgroup", "time"
    };
    struct kit k;
    struct shot s, again;
    kit_open(&k, NULL);
    shot_init(&s, "namespaces", "user", "pid", "mnt", "net", "ipc", "uts", "cgroup", "time", NULL);
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    shot_init(&again, "namespaces", "user", "pid", "mnt", "net", "ipc", "uts", "cgroup", "time",
              NULL);
    shot_run(&k, &again);
    char *left = s.out.data, *left_again = again.out.data;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        char path[64], host[64] = "";
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
        ck_assert_int_gt(readlink(path, host, sizeof host - 1), 0);
        const char *inside = strsep(&left, "\n"), *next = strsep(&left_again, "\n");
        ck_assert_msg(strncmp(inside, kinds[i], strlen(kinds[i])) == 0, "%s: %s", kinds[i], inside);
        ck_assert_str_ne(inside, host);
        ck_assert_str_ne(next, host);
    }
    shot_done(&s);
    shot_done(&again);
    kit_close(&k);
}
END_TEST

START_TEST(the_environment_is_what_was_given_and_no_more)
{
    static const char *const env[] = { "ONLY=this", NULL };
    struct kit k;
    struct shot s;
    ck_assert_int_eq(setenv("MINOS_TEST_SECRET", "secret", 1), 0);
    kit_open(&k, NULL);
    shot_init(&s, "env", NULL);
    s.command.env = env;
    shot_run(&k, &s);
    ck_assert_str_eq(buf_text(&s.out), "ONLY=this\n");
    s.out.len = 0;
    s.command.env = NULL;
    shot_run(&k, &s);
    ck_assert_uint_eq(s.out.len, 0);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(there_are_three_descriptors_whatever_the_caller_holds_open)
{
    struct kit k;
    struct shot s;
    int open_fds[20];
    for (size_t i = 0; i < ARRAY_COUNT(open_fds); i++)
        open_fds[i] = open("/etc/shadow", O_RDONLY); /* inheritable, on purpose */
    kit_open(&k, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(open_fds); i++)
        close(open_fds[i]);
    shot_init(&s, "descriptors", NULL);
    shot_run(&k, &s);
    ck_assert_str_eq(buf_text(&s.out), "0\n1\n2\n");
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(no_path_of_the_host_is_there)
{
    struct kit k;
    struct shot s;
    char cwd[256];
    kit_open(&k, NULL);
    auto_free_ char *own = xasprintf("%s/" KIT_INSIDE, k.artifacts);
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof cwd));
    shot_init(&s, "exists", "/root", "/home", "/var/log", "/run", "/sys/kernel", "/boot",
              "/etc/shadow", "/etc/ssh", "/dev/kmsg", "/proc/kcore", own, cwd, NULL);
    shot_run(&k, &s);
    ck_assert_str_eq(buf_text(&s.out), "");
    shot_done(&s);
    shot_init(&s, "exists", "/proc/sys", "/proc/keys", "/proc/meminfo", "/proc/cpuinfo",
              "/proc/1/root/etc", "/proc/1/cwd/box", "/old_root", "/.oldroot", "/dev/mem",
              "/dev/sda", "/dev/vda", NULL);
    shot_run(&k, &s);
    ck_assert_str_eq(buf_text(&s.out), "");
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(the_program_is_an_ordinary_user_in_box)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "identity", NULL);
    shot_run(&k, &s);
    const char *text = buf_text(&s.out);
    ck_assert_msg(strstr(text, "uid 1000 gid 1000 groups 0\n") != NULL ||
                      strstr(text, "uid 1000 gid 1000 groups 1\n") != NULL,
                  "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "cwd /box\n"));
    ck_assert_ptr_nonnull(strstr(text, "up short\n"));
    char host[65], line[80];
    gethostname(host, sizeof host);
    snprintf(line, sizeof line, "host %s\n", host);
    ck_assert_ptr_null(strstr(text, line));
    shot_done(&s);
    shot_init(&s, "processes", NULL); /* none but itself: init is hidden */
    shot_run(&k, &s);
    ck_assert_msg(strcmp(buf_text(&s.out), "0\n") == 0 || strcmp(buf_text(&s.out), "1\n") == 0,
                  "%s", buf_text(&s.out));
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(an_image_is_the_directory_that_the_configuration_names)
{
    struct kit k;
    struct shot s;
    char root[] = "/tmp/minos-image-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chmod(root, 0755), 0);
    static const char *const dirs[] = { "proc", "dev", "tmp", "box", "etc", "marker" };
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++) {
        auto_free_ char *dir = xasprintf("%s/%s", root, dirs[i]);
        ck_assert_int_eq(mkdir(dir, 0755), 0);
    }
    auto_free_ char *of_image = xasprintf("%s/tmp/of-image", root);
    ck_assert_int_eq(mkdir(of_image, 0755), 0);
    auto_free_ char *image = xasprintf("images.mine=%s", root);
    const char *const set[] = { image, NULL };
    kit_open(&k, set);
    /* What each cell has of its own covers what the image has there. */
    shot_init(&s, "exists", "/marker", "/usr", "/bin/sh", "/tmp/of-image", NULL);
    s.command.image = "mine";
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_str_eq(buf_text(&s.out), "/marker\n");
    shot_done(&s);
    shot_init(&s, "describe", "/tmp", "/box", "/tmp/of-image", NULL);
    s.command.image = "mine";
    shot_run(&k, &s);
    unsigned long links[2] = { 0, 0 };
    ck_assert_int_eq(sscanf(buf_text(&s.out), "/tmp d 1777 %*u %*d %lu %*x /box d 755 1000 %*d %lu",
                            &links[0], &links[1]),
                     2);
    ck_assert_msg(links[0] == 2 && links[1] == 2, "merged directories have one link: %s",
                  buf_text(&s.out));
    shot_done(&s);
    kit_close(&k);
    ck_assert_int_eq(rmdir(of_image), 0);
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++) {
        auto_free_ char *dir = xasprintf("%s/%s", root, dirs[i]);
        ck_assert_int_eq(rmdir(dir), 0);
    }
    ck_assert_int_eq(rmdir(root), 0);
}
END_TEST

START_TEST(the_proof_is_whole_and_names_every_layer)
{
    struct kit k;
    kit_open(&k, NULL);
    const struct box_proof *p = box_proof(k.box);
    ck_assert_uint_ge(p->count, 30);
    for (size_t i = 0; i < p->count; i++)
        ck_assert_msg(p->rows[i].ok, "%s: %s; seen %s", p->rows[i].layer, p->rows[i].claim,
                      p->rows[i].seen);
    ck_assert(p->complete);
    ck_assert_str_eq(p->mode, geteuid() == 0 ? "root" : "rootless");
    kit_close(&k);
}
END_TEST

KIT_MAIN("box closed", all_eight_namespaces_differ_from_the_hosts_and_from_run_to_run,
         the_environment_is_what_was_given_and_no_more,
         there_are_three_descriptors_whatever_the_caller_holds_open, no_path_of_the_host_is_there,
         the_program_is_an_ordinary_user_in_box,
         an_image_is_the_directory_that_the_configuration_names,
         the_proof_is_whole_and_names_every_layer)
