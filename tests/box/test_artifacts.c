/* test_artifacts.c - what programs find of an artifact in /box, and what they can do to it; real
 * keepers, root. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/keeper_furnish.h"
#include "tests/box/kit.h"

enum { LARGE = FURNISH_COPY_MAX_BYTES + 12345 };

static unsigned long sum_of(const char *bytes, size_t len)
{
    unsigned long sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    return sum;
}

static void add(const struct kit *k, const char *name, const void *bytes, size_t len, mode_t mode)
{
    auto_free_ char *path = xasprintf("%s/" KIT_INSIDE "/%s", k->artifacts, name);
    auto_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_msg(fd >= 0, "%s", path);
    ck_assert_int_eq(io_write_all(fd, bytes, len), 0);
    ck_assert_int_eq(fchmod(fd, mode), 0);
}

static void add_dir(const struct kit *k, const char *name)
{
    auto_free_ char *path = xasprintf("%s/" KIT_INSIDE "/%s", k->artifacts, name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

/* Beside the program itself: small, deep/run (executable), and the large ones. */
static char *large_bytes(void)
{
    char *bytes = xcalloc(LARGE, 1);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 7 + i / 4096);
    return bytes;
}

static void fill(const struct kit *k)
{
    auto_free_ char *large = large_bytes();
    add(k, "small", "small", 5, 04644); /* a bit that no program is to see */
    add_dir(k, "deep");
    add_dir(k, "deep/er");
    add(k, "deep/run", "#!", 2, 0755);
    add(k, "deep/er/large", large, LARGE, 0644);
    add(k, "large", large, LARGE, 0755);
    add(k, "empty", "", 0, 0644);
}

/* 0, the cell's root; where all there is is one id, the program's own. */
static unsigned owner_in(struct kit *k)
{
    struct shot s;
    unsigned owner = 9;
    shot_init(&s, "describe", "small", NULL);
    shot_run(k, &s);
    ck_assert_int_eq(sscanf(buf_text(&s.out), "small f 644 %u", &owner), 1);
    ck_assert_msg(owner == 0 || owner == 1000, "%u", owner);
    shot_done(&s);
    return owner;
}

static void check_line(const struct shot *s, const char *line)
{
    ck_assert_msg(strstr(buf_text(&s->out), line) != NULL, "expected %s in\n%s", line,
                  buf_text(&s->out));
}

START_TEST(files_of_every_size_are_whole_and_not_the_programs)
{
    struct kit k;
    struct shot s;
    char line[128];
    auto_free_ char *large = large_bytes();
    kit_open(&k, NULL);
    fill(&k);
    unsigned owner = owner_in(&k);
    shot_init(&s, "describe", "small", "deep", "deep/run", "deep/er/large", "large", "empty", ".",
              NULL);
    s.command.limits.file_bytes = 65536; /* is for what the program writes */
    shot_run(&k, &s);
    check_exit(&s.o, 0);
    snprintf(line, sizeof line, "small f 644 %u 5 1 %lx\n", owner, sum_of("small", 5));
    check_line(&s, line);
    snprintf(line, sizeof line, "deep/run f 755 %u 2 1 %lx\n", owner, sum_of("#!", 2));
    check_line(&s, line);
    snprintf(line, sizeof line, "deep d 755 %u ", owner);
    check_line(&s, line);
    snprintf(line, sizeof line, "empty f 644 %u 0 1 0\n", owner);
    check_line(&s, line);
    check_line(&s, ". d 755 1000 ");
    snprintf(line, sizeof line, " %d 1 %lx\n", (int)LARGE, sum_of(large, LARGE));
    check_line(&s, line);
    const char *first = strstr(buf_text(&s.out), line);
    ck_assert_ptr_nonnull(strstr(first + 1, line)); /* both of them */
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* Its listing would be kept by the kernel for whoever has it open, charged to nobody. */
START_TEST(no_directory_in_box_is_a_merged_one)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    fill(&k);
    shot_init(&s, "describe", ".", "deep", "deep/er", NULL);
    shot_run(&k, &s);
    for (const char *line = buf_text(&s.out); *line != '\0'; line = strchr(line, '\n') + 1) {
        unsigned long links = 0;
        ck_assert_int_eq(sscanf(line, "%*s d %*o %*u %*d %lu", &links), 1);
        ck_assert_msg(links >= 2, "%s", line); /* of a merged one links are not counted: 1 */
    }
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(large_files_show_no_path_of_the_host)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    fill(&k);
    shot_init(&s, "cat", "/proc/self/mountinfo", NULL);
    shot_run(&k, &s);
    check_line(&s, " /box/large ro,nosuid,nodev,noatime ");
    check_line(&s, " /box/deep/er/large ro,nosuid,nodev,noatime ");
    ck_assert_ptr_null(strstr(buf_text(&s.out), k.artifacts));
    ck_assert_ptr_null(strstr(buf_text(&s.out), KIT_INSIDE));
    shot_done(&s);
    kit_close(&k);
}
END_TEST

START_TEST(what_a_program_does_to_them_ends_with_it)
{
    struct kit k;
    struct shot s;
    kit_open(&k, NULL);
    fill(&k);
    bool own = owner_in(&k) != 0;
    static const char *const names[] = { "deep/er/large", "large", "small", "deep/run" };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        shot_init(&s, "put", names[i], "changed", NULL);
        shot_run(&k, &s);
        check_exit(&s.o, own && i >= 2 ? 0 : 1);
        shot_done(&s);
    }
    shot_init(&s, "rename", "small", "other", "large", "gone", "other", "deep/other", NULL);
    shot_run(&k, &s);
    check_exit(&s.o, own ? 1 : 2); /* /box is the program's, deep is not; a large file stays */
    shot_done(&s);
    shot_init(&s, "exists", "small", "large", "other", "gone", NULL);
    shot_run(&k, &s);
    ck_assert_str_eq(buf_text(&s.out), "small\nlarge\n");
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* --- collecting ------------------------------------------------------------------------------- */

static void run_and_collect(struct kit *k, struct shot *s, struct box_collected **ret,
                            size_t *ret_count, size_t *ret_refused)
{
    struct err e;
    s->command.keep_files = true;
    shot_run(k, s);
    check_exit(&s->o, 0);
    shot_done(s);
    ck_assert_msg(box_collect(k->box, 64 << 20, NULL, NULL, ret, ret_count, ret_refused, &e) == 0,
                  "%s", e.msg);
}

START_TEST(what_was_left_as_it_was_is_not_collected)
{
    struct kit k;
    struct shot s;
    struct box_collected *files;
    size_t count, refused;
    kit_open(&k, NULL);
    fill(&k);
    shot_init(&s, "put", "new", "text", NULL);
    run_and_collect(&k, &s, &files, &count, &refused);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(files[0].name, "new");
    ck_assert_uint_eq(refused, 0);
    box_collected_free(files, count);
    kit_close(&k);
}
END_TEST

START_TEST(what_was_moved_is_collected_and_a_large_one_is_refused)
{
    struct kit k;
    struct shot s;
    struct box_collected *files;
    size_t count, refused;
    kit_open(&k, NULL);
    fill(&k);
    shot_init(&s, "rename", "small", "small-too", "deep", "deeper", NULL);
    run_and_collect(&k, &s, &files, &count, &refused);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(strcmp(files[i].name, "small-too") == 0 ||
                          strcmp(files[i].name, "deeper/run") == 0,
                      "%s", files[i].name);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(refused, 1); /* deeper/er/large: of it the cell's layer holds nothing */
    box_collected_free(files, count);
    kit_close(&k);
}
END_TEST

/* --- as much as there may be ------------------------------------------------------------------ */

static size_t count_mounts(struct kit *k, const char *where)
{
    struct shot s;
    size_t count = 0;
    shot_init(&s, "cat", "/proc/self/mountinfo", NULL);
    shot_run(k, &s);
    for (const char *at = buf_text(&s.out); (at = strstr(at, where)) != NULL; at++)
        count++;
    shot_done(&s);
    return count;
}

START_TEST(more_than_may_be_copied_is_mounted)
{
    struct kit k;
    struct shot s;
    auto_free_ char *bytes = xcalloc(FURNISH_COPY_MAX_BYTES, 1);
    kit_open(&k, NULL);
    enum { FILES = FURNISH_COPIES_MAX_BYTES / FURNISH_COPY_MAX_BYTES + 2 };
    for (int i = 0; i < FILES; i++) {
        char name[16];
        snprintf(name, sizeof name, "part%d", i);
        bytes[0] = (char)('0' + i);
        add(&k, name, bytes, FURNISH_COPY_MAX_BYTES, 0644);
    }
    ck_assert_uint_eq(count_mounts(&k, " /box/part"),
                      FILES - FURNISH_COPIES_MAX_BYTES / FURNISH_COPY_MAX_BYTES);
    shot_init(&s, "describe", "part0", "part17", NULL);
    shot_run(&k, &s);
    ck_assert_ptr_null(strstr(buf_text(&s.out), "none"));
    shot_done(&s);
    kit_close(&k);
}
END_TEST

/* More at once than one batch; and the artifact may be another than the last one, or changed. */
START_TEST(many_large_files_are_all_there)
{
    struct kit k;
    auto_free_ char *large = large_bytes();
    kit_open(&k, NULL);
    struct box_outcome o = shot_at(&k, "exit", "0");
    check_exit(&o, 0);
    add_dir(&k, "d");
    for (int i = 0; i < 2 * FURNISH_BATCH + 1; i++) {
        char name[16];
        snprintf(name, sizeof name, "d/%d", i);
        add(&k, name, large, LARGE, 0644);
    }
    ck_assert_uint_eq(count_mounts(&k, " /box/d/"), 2 * FURNISH_BATCH + 1);
    kit_close(&k);
}
END_TEST

START_TEST(more_files_than_a_compile_may_leave_are_refused)
{
    struct kit k;
    struct shot s;
    struct err e;
    kit_open(&k, NULL);
    for (int i = 0; i < BOX_COLLECT_FILES_MAX; i++) { /* and the program */
        char name[16];
        snprintf(name, sizeof name, "file%d", i);
        add(&k, name, "x", 1, 0644);
    }
    shot_init(&s, "exit", "0", NULL);
    ck_assert_int_eq(box_run(k.box, &s.command, 1, NULL, 0, NULL, &s.o, &e), -1);
    ck_assert_msg(e.kind == ERR_INPUT && strstr(e.msg, "artifact: expected at most") != NULL, "%s",
                  e.msg);
    shot_done(&s);
    auto_free_ char *one = xasprintf("%s/" KIT_INSIDE "/file0", k.artifacts);
    ck_assert_int_eq(unlink(one), 0);
    struct box_outcome o = shot_at(&k, "exit", "0");
    check_exit(&o, 0);
    kit_close(&k);
}
END_TEST

KIT_MAIN("box artifacts", files_of_every_size_are_whole_and_not_the_programs,
         no_directory_in_box_is_a_merged_one, large_files_show_no_path_of_the_host,
         what_a_program_does_to_them_ends_with_it, what_was_left_as_it_was_is_not_collected,
         what_was_moved_is_collected_and_a_large_one_is_refused, more_than_may_be_copied_is_mounted,
         many_large_files_are_all_there, more_files_than_a_compile_may_leave_are_refused)
