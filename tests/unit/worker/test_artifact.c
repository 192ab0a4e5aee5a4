/* test_artifact.c - the cache of compiled programs on a real file system: kept, found, evicted,
 * swept. */
#include "tests/unit/worker/unit.h"

#include <sys/file.h>

#include "sandbox/base/io.h"
#include "worker/artifact.h"
#include "worker/artifact_tree.h"

static struct artifact_cache *open_cache(const struct place *p, int64_t max_bytes)
{
    struct err e;
    struct artifact_cache *c = NULL;
    ck_ok(artifact_cache_open(p->dir, max_bytes, &c, &e));
    return c;
}

static struct box_collected file(const char *name, const char *text, bool executable)
{
    struct err e;
    struct box_collected f = { .name = xstrdup(name),
                               .bytes = (int64_t)strlen(text),
                               .executable = executable };
    ck_ok(io_sealed_memfd("test", text, strlen(text), &f.fd, &e));
    return f;
}

static void file_done(struct box_collected *f)
{
    free(f->name);
    close(f->fd);
}

/* A name of 64 hex digits that ends in `n`. */
static const char *hex_of(int n)
{
    static char text[STORE_HEX_BYTES];
    snprintf(text, sizeof(text), "%064x", (unsigned)n);
    return text;
}

static void put_one(struct artifact_cache *c, int n, const char *name, const char *text)
{
    struct err e;
    struct buf diagnostics = { 0 };
    struct artifact a = ARTIFACT_NONE;
    struct box_collected f = file(name, text, true);
    struct compile_result r = { .present = true, .verdict = VERDICT_ACCEPTED };
    ck_ok(artifact_put(c, hex_of(n), &f, 1, &r, &diagnostics, &a, &e));
    ck_assert(a.has_files);
    artifact_done(&a);
    file_done(&f);
}

static bool is_there(struct artifact_cache *c, int n)
{
    struct err e;
    bool found = false;
    auto_buf_ struct buf diagnostics;
    buf_init(&diagnostics, 0);
    struct artifact a = ARTIFACT_NONE;
    struct compile_result r = { 0 };
    ck_ok(artifact_find(c, hex_of(n), &a, &r, &diagnostics, &found, &e));
    compile_result_done(&r);
    artifact_done(&a);
    return found;
}

START_TEST(a_compile_is_found_again_with_its_files_result_and_diagnostics)
{
    auto_place_ struct place p = place_empty();
    struct artifact_cache *c = open_cache(&p, 1 << 30);
    struct err e;
    auto_buf_ struct buf diagnostics, again;
    buf_init(&diagnostics, 0);
    buf_init(&again, 0);
    buf_puts(&diagnostics, "main.c:1: warning\n{\xff}\n");
    struct box_collected files[] = { file("program", "ELF", true),
                                     file("a/b/c.txt", "text", false) };
    struct compile_result r = { .present = true,
                                .verdict = VERDICT_ACCEPTED,
                                .usage = { 1, 2, 3, 4, 5, -1, -1 },
                                .output = { .bytes = 99, .head_bytes = 10 } },
                          seen = { 0 };
    struct artifact a = ARTIFACT_NONE;
    bool found = true;
    ck_ok(artifact_find(c, hex_of(1), &a, &seen, &again, &found, &e));
    ck_assert(!found);
    ck_ok(artifact_put(c, hex_of(1), files, 2, &r, &diagnostics, &a, &e));
    artifact_done(&a);
    ck_ok(artifact_find(c, hex_of(1), &a, &seen, &again, &found, &e));
    ck_assert(found && a.has_files && seen.cached && seen.present);
    ck_assert_int_eq(seen.verdict, VERDICT_ACCEPTED);
    ck_assert_int_eq(seen.usage.memory_nocache_bytes, -1);
    ck_assert_int_eq(seen.output.bytes, 99);
    ck_assert_str_eq(buf_text(&again), buf_text(&diagnostics));
    struct stat st;
    auto_free_ char *program = xasprintf("%s/artifacts/%s/program", p.dir, hex_of(1));
    auto_free_ char *deep = xasprintf("%s/artifacts/%s/a/b/c.txt", p.dir, hex_of(1));
    ck_assert(stat(program, &st) == 0 && st.st_mode == (S_IFREG | 0755) && st.st_size == 3);
    ck_assert(stat(deep, &st) == 0 && st.st_mode == (S_IFREG | 0644));
    compile_result_done(&seen);
    artifact_done(&a);
    file_done(&files[0]);
    file_done(&files[1]);
    artifact_cache_close(c);
}
END_TEST

START_TEST(a_name_that_leaves_its_folder_is_refused)
{
    static const char *const bad[] = { "../x", "/x", "a//b", "a/./b", "a/..", "", "." };
    auto_place_ struct place p = place_empty();
    struct err e;
    auto_fd_ int dir = open(p.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct box_collected f = file(bad[i], "x", false);
        ck_fails(artifact_tree_write(dir, "t", &f, 1, &e), ERR_BUG, "leaves its directory");
        ck_ok(artifact_tree_remove(dir, "t", &e));
        file_done(&f);
    }
}
END_TEST

START_TEST(two_slots_may_keep_the_same_compile)
{
    auto_place_ struct place p = place_empty();
    struct artifact_cache *a = open_cache(&p, 1 << 30), *b = open_cache(&p, 1 << 30);
    put_one(a, 1, "program", "one");
    put_one(b, 1, "program", "one");
    ck_assert(is_there(a, 1));
    artifact_cache_close(a);
    artifact_cache_close(b);
}
END_TEST

START_TEST(what_a_crash_left_is_swept_and_what_is_whole_stays)
{
    auto_place_ struct place p = place_empty();
    struct artifact_cache *c = open_cache(&p, 1 << 30);
    struct err e;
    struct stat st;
    put_one(c, 1, "a/b/program", "one");
    put_one(c, 2, "program", "two");
    auto_free_ char *root = xasprintf("%s/artifacts", p.dir);
    auto_free_ char *meta = xasprintf("%s/%s.meta", root, hex_of(2));
    ck_assert_int_eq(unlink(meta), 0); /* killed before the meta was renamed */
    auto_free_ char *temp = xasprintf("%s/.new-1-0", root);
    ck_assert_int_eq(mkdir(temp, 0700), 0);
    free(write_text(temp, "half", "written"));
    free(write_text(root, ".new-1-1", "half a meta"));
    ck_ok(artifact_sweep(c, &e));
    ck_assert_int_eq(stat(temp, &st), -1);
    auto_free_ char *orphan = xasprintf("%s/%s", root, hex_of(2));
    ck_assert_int_eq(stat(orphan, &st), -1);
    ck_assert(is_there(c, 1));
    ck_assert(!is_there(c, 2));
    artifact_cache_close(c);
}
END_TEST

START_TEST(what_one_slot_left_is_swept_while_others_write)
{
    auto_place_ struct place p = place_empty();
    struct artifact_cache *c = open_cache(&p, 1 << 30);
    struct err e;
    struct stat st;
    auto_free_ char *root = xasprintf("%s/artifacts", p.dir);
    auto_free_ char *dead = xasprintf("%s/.new-1-0", root);
    ck_assert_int_eq(mkdir(dead, 0700), 0);
    free(write_text(dead, "half", "written"));
    auto_free_ char *other = write_text(root, ".new-12-0", "half a meta");
    ck_ok(artifact_sweep_slot(c, 1, &e));
    ck_assert_int_eq(stat(dead, &st), -1);
    ck_assert_int_eq(stat(other, &st), 0);
    artifact_cache_close(c);
}
END_TEST

START_TEST(a_damaged_entry_is_not_found_and_can_be_kept_again)
{
    auto_place_ struct place p = place_empty();
    struct artifact_cache *c = open_cache(&p, 1 << 30);
    auto_free_ char *root = xasprintf("%s/artifacts", p.dir);
    static const char *const damage[] = { "", "{\"bytes\":1", "{}\n", "\xff\n", "[1]\n" };
    for (size_t i = 0; i < ARRAY_COUNT(damage); i++) {
        put_one(c, 1, "program", "one");
        auto_free_ char *name = xasprintf("%s.meta", hex_of(1));
        free(write_text(root, name, damage[i]));
        ck_assert(!is_there(c, 1));
    }
    put_one(c, 1, "program", "one");
    auto_free_ char *files = xasprintf("%s/%s/program", root, hex_of(1));
    ck_assert_int_eq(truncate(files, 2), 0);
    ck_assert(!is_there(c, 1)); /* half of it is not taken for the whole */
    put_one(c, 1, "program", "one");
    auto_free_ char *dir = xasprintf("%s/%s", root, hex_of(1));
    ck_assert(unlink(files) == 0 && rmdir(dir) == 0);
    ck_assert(!is_there(c, 1));
    artifact_cache_close(c);
}
END_TEST

START_TEST(the_least_recently_used_goes_first_and_what_is_in_use_stays)
{
    auto_place_ struct place p = place_empty();
    struct artifact_cache *c = open_cache(&p, 1 << 30);
    struct err e;
    struct compile_result r = { 0 };
    struct artifact used = ARTIFACT_NONE;
    auto_buf_ struct buf diagnostics;
    bool found = false;
    buf_init(&diagnostics, 0);
    for (int i = 1; i <= 4; i++) {
        put_one(c, i, "program", "text");
        struct timespec old[2] = { { 1000 + i, 0 }, { 1000 + i, 0 } };
        auto_free_ char *meta = xasprintf("%s/artifacts/%s.meta", p.dir, hex_of(i));
        ck_assert_int_eq(utimensat(AT_FDCWD, meta, old, 0), 0);
    }
    ck_assert(is_there(c, 2)); /* now the youngest */
    ck_ok(artifact_find(c, hex_of(1), &used, &r, &diagnostics, &found, &e));
    compile_result_done(&r);
    struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
    ck_assert_int_eq(futimens(used.lock_fd, old), 0);
    ck_ok(artifact_evict(c, 2 * (8192 + 4096 + 1024), &e));
    ck_assert(is_there(c, 1) && is_there(c, 2));
    ck_assert(!is_there(c, 3) && !is_there(c, 4));
    artifact_done(&used);
    ck_ok(artifact_evict(c, 0, &e));
    ck_assert(!is_there(c, 1) && !is_there(c, 2));
    artifact_cache_close(c);
}
END_TEST

START_TEST(the_cache_stays_within_its_size)
{
    auto_place_ struct place p = place_empty();
    int64_t max_bytes = 1 << 20;
    struct artifact_cache *c = open_cache(&p, max_bytes);
    for (int i = 1; i <= 200; i++)
        put_one(c, i, "program", "text");
    int kept = 0;
    for (int i = 1; i <= 200; i++)
        kept += is_there(c, i);
    ck_assert_int_gt(kept, 40);
    ck_assert_int_le((int64_t)kept * (8192 + 4096), max_bytes);
    ck_assert(is_there(c, 200) && !is_there(c, 1));
    artifact_cache_close(c);
}
END_TEST

UNIT_MAIN("artifact", a_compile_is_found_again_with_its_files_result_and_diagnostics,
          a_name_that_leaves_its_folder_is_refused, two_slots_may_keep_the_same_compile,
          what_a_crash_left_is_swept_and_what_is_whole_stays,
          what_one_slot_left_is_swept_while_others_write,
          a_damaged_entry_is_not_found_and_can_be_kept_again,
          the_least_recently_used_goes_first_and_what_is_in_use_stays,
          the_cache_stays_within_its_size)
