/* test_files.c - files into cells, artifacts below them, and what is collected; real keepers, root.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "tests/box/kit.h"

START_TEST(files_are_there_with_their_bits_and_belong_to_the_program)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    auto_fd_ int text = kit_memfd("the text");
    struct box_file files[] = { { .name = "a name with blanks", .fd = text },
                                { .name = "other", .fd = text, .executable = true } };
    shot_init(&s, "cat", "a name with blanks", NULL);
    s.command.files = files;
    s.command.file_count = 2;
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_str_eq(buf_text(&s.out), "the text");
    s.argv[1] = "put"; /* over a file that was given */
    s.argv[3] = "changed";
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    s.argv[0] = "/box/other"; /* executable, but no program */
    shot_run(&k, &s);
    ck_assert(!s.o.started);
    s.argv[0] = "/box/a name with blanks";
    shot_run(&k, &s);
    ck_assert(!s.o.started);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(as_many_files_as_allowed_fit)
{
    struct kit k;
    struct shot s;
    struct box_file files[BOX_FILES_MAX];
    char names[BOX_FILES_MAX][BOX_NAME_MAX + 1];
    kit_open(&k, NULL);
    auto_fd_ int text = kit_memfd("x");
    for (size_t i = 0; i < BOX_FILES_MAX; i++) {
        memset(names[i], 'n', BOX_NAME_MAX);
        snprintf(names[i] + BOX_NAME_MAX - 2, 3, "%02zu", i);
        files[i] = (struct box_file){ .name = names[i], .fd = text };
    }
    shot_init(&s, "cat", names[63], NULL);
    s.command.files = files;
    s.command.file_count = BOX_FILES_MAX;
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_str_eq(buf_text(&s.out), "x");
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(a_file_of_one_run_is_gone_in_the_next)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    shot_init(&s, "put", "secret", "text", NULL);
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    shot_done(&s);
    shot_init(&s, "exists", "/box/secret", "/tmp/full", "/box/inside", NULL);
    shot_run(&k, &s);
    ck_assert_str_eq(buf_text(&s.out), "/box/inside\n");
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(an_artifact_can_be_changed_in_the_cell_but_not_on_the_host)
{
    struct kit k;
    struct shot s;
    struct stat before, after;
    kit_open(&k, NULL);
    auto_free_ char *path = xasprintf("%s/" KIT_INSIDE "/inside", k.artifacts);
    auto_free_ char *more = xasprintf("%s/" KIT_INSIDE "/data", k.artifacts);
    auto_fd_ int fd = open(more, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_eq(io_write_all(fd, "old", 3), 0);
    ck_assert_int_eq(stat(more, &before), 0);
    shot_init(&s, "put", "data", "new", NULL);
    shot_run(&k, &s);
    shot_done(&s);
    ck_assert_int_eq(stat(more, &after), 0);
    ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    shot_init(&s, "cat", "data", NULL);
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    ck_assert_str_eq(buf_text(&s.out), "old");
    shot_done(&s);
    ck_assert_int_eq(access(path, X_OK), 0);
    kit_close(&k);
}
END_TEST

START_TEST(an_artifact_that_is_not_there_is_the_askers_fault_or_the_hosts)
{
    struct kit k;
    struct shot s;
    struct err e;
    kit_open(&k, NULL);
    shot_init(&s, "exit", "0", NULL);
    s.command.artifact = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    ck_assert_int_eq(box_run(k.box, &s.command, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert(e.kind == ERR_INPUT || e.kind == ERR_SYS);
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* --- collecting ------------------------------------------------------------------------------- */

struct harvest {
    struct box_collected *files;
    size_t count, refused;
};

static const struct box_collected *find(const struct harvest *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++)
        if (strcmp(h->files[i].name, name) == 0)
            return &h->files[i];
    return NULL;
}

static void run_and_keep(struct kit *k, const char *verb, const char *name, const char *text)
{
    struct shot s;
    shot_init(&s, verb, name, text, NULL);
    s.command.keep_files = true;
    shot_run(k, &s);
    check_exit(&s.o, 0);
    shot_done(&s);
}

static void check_content(const struct box_collected *f, const char *text, bool executable)
{
    char got[64] = "";
    if (f == NULL)
        ck_abort_msg("%s was not collected", text);
    ck_assert_int_eq(f->executable, executable);
    ck_assert_int_eq(f->bytes, (int64_t)strlen(text));
    ck_assert_int_eq(pread(f->fd, got, sizeof got - 1, 0), (ssize_t)strlen(text));
    ck_assert_str_eq(got, text);
    ck_assert_int_eq(fcntl(f->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
}

START_TEST(only_plain_files_with_one_name_are_collected)
{
    struct kit k;
    struct harvest h;
    struct err e;
    kit_open(&k, NULL);
    run_and_keep(&k, "leave", NULL, NULL);
    ck_assert_msg(box_collect(k.box, 1 << 20, NULL, NULL, &h.files, &h.count, &h.refused, &e) == 0,
                  "%s", e.msg);
    for (size_t i = 0; i < h.count; i++) {
        struct stat st;
        ck_assert_int_eq(fstat(h.files[i].fd, &st), 0);
        ck_assert_msg(S_ISREG(st.st_mode) && st.st_nlink == 1, "%s", h.files[i].name);
    }
    ck_assert_uint_eq(h.count, 3);
    check_content(find(&h, "good"), "good", true);
    check_content(find(&h, "a/b/deep"), "a/b/deep", true);
    check_content(find(&h, "a/more"), "a/more", false);
    /* symlink, a/inner, dirlink, fifo, both names of linked */
    ck_assert_uint_eq(h.refused, 6);
    box_collected_free(h.files, h.count);
    ck_assert_int_eq(box_release(k.box, &e), 0);
    kit_close(&k);
}
END_TEST

static bool keep_deep(void *ctx, const char *name)
{
    ++*(int *)ctx;
    return strcmp(name, "a/b/deep") == 0;
}

START_TEST(the_collector_asks_for_each_name)
{
    struct kit k;
    struct harvest h;
    struct err e;
    int asked = 0;
    kit_open(&k, NULL);
    run_and_keep(&k, "leave", NULL, NULL);
    /* 8 bytes are enough for what is kept, not for all. */
    ck_assert_int_eq(box_collect(k.box, 8, keep_deep, &asked, &h.files, &h.count, &h.refused, &e),
                     0);
    ck_assert_int_eq(asked, 3);
    ck_assert_uint_eq(h.count, 1);
    check_content(&h.files[0], "a/b/deep", true);
    box_collected_free(h.files, h.count);
    kit_close(&k);
}
END_TEST

START_TEST(more_bytes_than_asked_for_are_refused_and_the_keeper_goes_on)
{
    struct kit k;
    struct harvest h;
    struct err e;
    int asked = 0;
    kit_open(&k, NULL);
    run_and_keep(&k, "put", "file", "0123456789");
    ck_assert_int_eq(box_collect(k.box, 9, NULL, NULL, &h.files, &h.count, &h.refused, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    run_and_keep(&k, "leave", NULL, NULL);
    ck_assert_int_eq(box_collect(k.box, 7, keep_deep, &asked, &h.files, &h.count, &h.refused, &e),
                     -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    run_and_keep(&k, "put", "file", "0123456789");
    ck_assert_int_eq(box_collect(k.box, 10, NULL, NULL, &h.files, &h.count, &h.refused, &e), 0);
    check_content(find(&h, "file"), "0123456789", true);
    box_collected_free(h.files, h.count);
    kit_close(&k);
}
END_TEST

START_TEST(collected_files_outlive_their_cell)
{
    struct kit k;
    struct harvest h;
    struct err e;
    kit_open(&k, NULL);
    run_and_keep(&k, "put", "d/file", "still here");
    ck_assert_int_eq(box_collect(k.box, 100, NULL, NULL, &h.files, &h.count, &h.refused, &e), 0);
    ck_assert_int_eq(box_release(k.box, &e), 0);
    struct box_outcome o = shot_at(&k, "exit", "0");
    check_exit(&o, 0);
    check_content(find(&h, "d/file"), "still here", true);
    box_collected_free(h.files, h.count);
    kit_close(&k);
}
END_TEST

START_TEST(without_kept_files_there_is_nothing_to_collect)
{
    struct kit k;
    struct harvest h;
    struct err e;
    kit_open(&k, NULL);
    struct box_outcome o = shot_at(&k, "exit", "0");
    check_exit(&o, 0);
    ck_assert_int_eq(box_collect(k.box, 100, NULL, NULL, &h.files, &h.count, &h.refused, &e), -1);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_int_eq(box_release(k.box, &e), 0);
    o = shot_at(&k, "exit", "0");
    check_exit(&o, 0);
    kit_close(&k);
}
END_TEST

KIT_MAIN("box files", files_are_there_with_their_bits_and_belong_to_the_program,
         as_many_files_as_allowed_fit, a_file_of_one_run_is_gone_in_the_next,
         an_artifact_can_be_changed_in_the_cell_but_not_on_the_host,
         an_artifact_that_is_not_there_is_the_askers_fault_or_the_hosts,
         only_plain_files_with_one_name_are_collected, the_collector_asks_for_each_name,
         more_bytes_than_asked_for_are_refused_and_the_keeper_goes_on,
         collected_files_outlive_their_cell, without_kept_files_there_is_nothing_to_collect)
