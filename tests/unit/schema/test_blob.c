/* test_blob.c - bytes by hash: in the database, in files, damaged, and swept; one process. */
#include "tests/unit/schema/unit.h"

#include <dirent.h>
#include <signal.h>
#include <sys/file.h>

#include "schema/inner.h"

enum { LARGE = DB_BLOB_INLINE_BYTES + 1 };

static char *bytes_of(size_t len, unsigned seed)
{
    char *data = xmalloc(len);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 31 + seed + (i >> 8));
    return data;
}

static char *path_of(const struct place *p, const struct blob *b)
{
    char hex[STORE_HEX_BYTES];
    store_hex(b->sha256, hex);
    return xasprintf("%s/blobs/%.2s/%s", p->dir, hex, hex);
}

static bool has_file(const struct place *p, const struct blob *b)
{
    auto_free_ char *path = path_of(p, b);
    return access(path, F_OK) == 0;
}

static struct blob put_bytes(struct store *s, const char *data, size_t len)
{
    struct err e;
    struct blob b;
    ck_ok(blob_put(s, data, len, &b, &e));
    return b;
}

static void ck_content(struct store *s, const struct blob *b, const char *data, size_t len)
{
    struct err e;
    auto_buf_ struct buf got, read;
    buf_init(&got, 0);
    buf_init(&read, 0);
    ck_ok(blob_get(s, b, &got, &e));
    ck_assert_uint_eq(got.len, len);
    ck_assert_int_eq(memcmp(buf_text(&got), data, len), 0);
    auto_fd_ int fd = -1;
    ck_ok(blob_open(s, b, &fd, &e));
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
    ck_ok(io_read_to_buf(fd, &read, &e));
    ck_assert_uint_eq(read.len, len);
    ck_assert_int_eq(memcmp(buf_text(&read), data, len), 0);
    ck_assert_int_eq(write(fd, "x", 1), -1); /* whoever gets the descriptor cannot change it */
}

START_TEST(bytes_of_any_length_come_back)
{
    static const size_t lengths[] = { 0, 1, 4096, LARGE - 1, LARGE, 3 * 1024 * 1024 };
    auto_place_ struct place p = place_new();
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        auto_free_ char *data = bytes_of(lengths[i], 1);
        struct blob b = put_bytes(p.s, data, lengths[i]);
        ck_assert(b.present);
        ck_assert_int_eq(b.bytes, (int64_t)lengths[i]);
        ck_assert_int_eq(has_file(&p, &b), lengths[i] >= LARGE);
        ck_content(p.s, &b, data, lengths[i]);
    }
}
END_TEST

START_TEST(an_absent_blob_reads_as_empty)
{
    auto_place_ struct place p = place_new();
    struct blob absent = { 0 };
    struct err e;
    auto_buf_ struct buf got;
    auto_fd_ int fd = -1;
    buf_init(&got, 0);
    ck_ok(blob_get(p.s, &absent, &got, &e));
    ck_assert_uint_eq(got.len, 0);
    ck_ok(blob_open(p.s, &absent, &fd, &e));
}
END_TEST

START_TEST(the_same_bytes_are_stored_once)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 2);
    for (int i = 0; i < 3; i++) {
        put_bytes(p.s, data, LARGE);
        put_bytes(p.s, data, 10);
    }
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM blob"), 2);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM blob_data"), 1);
}
END_TEST

START_TEST(staged_bytes_are_put_without_looking_at_them_again)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 11);
    static const size_t lengths[] = { 0, 10, LARGE };
    struct err e;
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        struct blob b;
        ck_ok(store_begin(p.s, STORE_DURABLE, &e)); /* another thread's, say */
        ck_ok(blob_stage(p.s, data, lengths[i], &b, &e));
        store_rollback(p.s);
        ck_assert_int_eq(has_file(&p, &b), lengths[i] == LARGE);
        ck_assert_int_eq(number(p.s, "SELECT count(*) FROM blob"), (int64_t)i);
        ck_ok(blob_put_staged(p.s, &b, data, &e));
        ck_content(p.s, &b, data, lengths[i]);
    }
}
END_TEST

START_TEST(staged_bytes_that_a_sweep_took_meanwhile_are_written_again)
{
    auto_place_ struct place p = place_empty();
    p.s = open_store(&p, (struct store_options){ .blob_grace_ms = -1 });
    auto_free_ char *data = bytes_of(LARGE, 12);
    struct blob b = put_bytes(p.s, data, LARGE);
    struct err e;
    int64_t deleted = 0;
    ck_ok(blob_stage(p.s, data, LARGE, &b, &e)); /* finds the file */
    ck_ok(store_prune(p.s, 0, 10, &deleted, &e));
    ck_assert(!has_file(&p, &b));
    ck_ok(blob_put_staged(p.s, &b, data, &e));
    ck_content(p.s, &b, data, LARGE);
}
END_TEST

/* Make the next row `count` further on, as if so many blobs had been put. */
static void skip_rows(struct store *s, int64_t count)
{
    struct err e;
    auto_free_ char *sql = xasprintf(
        "INSERT INTO blob SELECT max(id) + %lld, 0, randomblob(32), 65537, 1, 0 FROM blob",
        (long long)count);
    ck_ok(sql_exec(s, sql, &e));
}

START_TEST(small_bytes_are_found_over_two_epochs_and_stored_again_after)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 13);
    struct blob small = put_bytes(p.s, data, 10), large = put_bytes(p.s, data, LARGE);
    skip_rows(p.s, DB_EPOCH_ROWS);
    ck_assert_int_eq(put_bytes(p.s, data, 10).row, small.row);
    skip_rows(p.s, DB_EPOCH_ROWS);
    struct blob again = put_bytes(p.s, data, 10);
    ck_assert_int_ne(again.row, small.row);
    ck_assert_int_eq(put_bytes(p.s, data, 10).row, again.row);
    ck_assert_int_eq(put_bytes(p.s, data, LARGE).row, large.row); /* one row for one file */
    ck_content(p.s, &small, data, 10);
    ck_content(p.s, &again, data, 10);
}
END_TEST

START_TEST(a_blob_is_found_by_its_hash_alone_however_old)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 14);
    struct blob small = put_bytes(p.s, data, 10), large = put_bytes(p.s, data, LARGE);
    skip_rows(p.s, 5 * DB_EPOCH_ROWS);
    small.row = 0;
    large.row = 99; /* of another */
    ck_content(p.s, &small, data, 10);
    ck_content(p.s, &large, data, LARGE);
}
END_TEST

START_TEST(a_blob_that_was_never_put_is_missing)
{
    auto_place_ struct place p = place_new();
    struct blob b = { .present = true, .bytes = 3 };
    struct err e;
    auto_buf_ struct buf got;
    buf_init(&got, 0);
    ck_fails(blob_get(p.s, &b, &got, &e), ERR_SYS, "is missing");
}
END_TEST

START_TEST(a_file_that_lost_bytes_is_told_and_put_again)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 3);
    struct blob b = put_bytes(p.s, data, LARGE);
    auto_free_ char *path = path_of(&p, &b);
    struct err e;
    int fd = -1;
    ck_assert_int_eq(truncate(path, 100), 0);
    ck_fails(blob_open(p.s, &b, &fd, &e), ERR_SYS, "100 bytes instead of 65537");
    ck_assert_int_eq(unlink(path), 0);
    ck_fails(blob_open(p.s, &b, &fd, &e), ERR_SYS, "open");
    put_bytes(p.s, data, LARGE);
    ck_content(p.s, &b, data, LARGE);
}
END_TEST

START_TEST(a_link_in_place_of_a_file_is_not_followed)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 4);
    struct blob b = put_bytes(p.s, data, LARGE);
    auto_free_ char *path = path_of(&p, &b);
    struct err e;
    int fd = -1;
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_fails(blob_open(p.s, &b, &fd, &e), ERR_SYS, "open");
}
END_TEST

START_TEST(nothing_temporary_is_left_behind)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 5);
    auto_free_ char *path = xasprintf("%s/blobs/tmp", p.dir);
    put_bytes(p.s, data, LARGE);
    auto_dir_ DIR *dir = opendir(path);
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
        ck_assert_int_eq(d->d_name[0], '.');
}
END_TEST

START_TEST(opening_removes_what_crashes_left_half_written)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    store_new_id(id);
    auto_free_ char *stale = xasprintf("%s/blobs/tmp/%s", p.dir, id);
    store_new_id(id);
    auto_free_ char *fresh = xasprintf("%s/blobs/tmp/%s", p.dir, id);
    close(open(stale, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    close(open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ck_assert_int_eq(utimensat(AT_FDCWD, stale, old, 0), 0);
    store_new_id(id);
    auto_free_ char *slow = xasprintf("%s/blobs/tmp/%s", p.dir, id);
    auto_fd_ int writer = open(slow, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(flock(writer, LOCK_SH), 0);
    ck_assert_int_eq(futimens(writer, old), 0);
    store_close(p.s);
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_assert_int_eq(access(stale, F_OK), -1);
    ck_assert_int_eq(access(fresh, F_OK), 0);
    ck_assert_int_eq(access(slow, F_OK), 0);
}
END_TEST

/* A store whose grace is over at once. */
static struct place place_without_grace(void)
{
    struct place p = place_empty();
    p.s = open_store(&p, (struct store_options){ .blob_grace_ms = -1 });
    return p;
}

static int64_t prune(struct store *s)
{
    struct err e;
    int64_t deleted = -1;
    ck_ok(store_prune(s, clock_unix_ms() + 1000, 1000, &deleted, &e));
    return deleted;
}

START_TEST(pruning_removes_what_nobody_refers_to)
{
    auto_place_ struct place p = place_without_grace();
    auto_free_ char *data = bytes_of(LARGE, 6);
    struct blob large = put_bytes(p.s, data, LARGE), small = put_bytes(p.s, data, 10);
    struct err e;
    auto_buf_ struct buf got;
    buf_init(&got, 0);
    ck_assert_int_eq(prune(p.s), 0);
    ck_assert(!has_file(&p, &large));
    ck_fails(blob_get(p.s, &small, &got, &e), ERR_SYS, "is missing");
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM blob_data"), 0);
}
END_TEST

START_TEST(pruning_spares_what_was_put_of_late)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 7);
    struct blob large = put_bytes(p.s, data, LARGE);
    ck_assert_int_eq(prune(p.s), 0);
    ck_content(p.s, &large, data, LARGE);
}
END_TEST

START_TEST(putting_again_renews_the_grace)
{
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 8);
    struct blob large = put_bytes(p.s, data, LARGE);
    struct err e;
    ck_ok(sql_exec(p.s, "UPDATE blob SET last_put_unix_ms = 0", &e));
    put_bytes(p.s, data, LARGE);
    ck_assert_int_eq(prune(p.s), 0);
    ck_content(p.s, &large, data, LARGE);
}
END_TEST

START_TEST(pruning_forgets_ended_submissions_and_keeps_living_ones)
{
    auto_place_ struct place p = place_without_grace();
    auto_free_ char *data = bytes_of(LARGE, 9);
    char done[STORE_ID_BYTES];
    struct claim c;
    struct err e;
    bool mine = false, found = true;
    accept_one(p.s, 0, done);
    ck_assert(claim_one(p.s, &c));
    struct test_result t = { .cause = TEXT("none"), .verdict = VERDICT_ACCEPTED };
    t.stdout_kept.blob = put_bytes(p.s, data, LARGE);
    ck_ok(record_one_test(p.s, &c, &t, &mine, &e));
    ck_assert(finish(p.s, &c, VERDICT_ACCEPTED));
    auto_submission_ struct submission live = request(p.s, 1);
    accept_it(p.s, &live);
    ck_assert_int_eq(prune(p.s), 1);
    ck_assert(!has_file(&p, &t.stdout_kept.blob));
    struct submission_report r;
    ck_ok(report_load(p.s, done, &r, &found, &e));
    ck_assert(!found);
    ck_content(p.s, &live.files[0].content, "int main(void) {}", 17);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM test_result"), 0);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM source_file"), 1);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM blob"), 2);
    ck_consistent(p.s);
}
END_TEST

START_TEST(pruning_stops_at_its_limit)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    struct claim c;
    struct err e;
    int64_t deleted = 0;
    for (int i = 0; i < 5; i++) {
        accept_one(p.s, 0, id);
        ck_assert(claim_one(p.s, &c));
        ck_assert(finish(p.s, &c, VERDICT_ACCEPTED));
    }
    ck_ok(store_prune(p.s, clock_unix_ms() + 1000, 3, &deleted, &e));
    ck_assert_int_eq(deleted, 3);
    ck_ok(store_prune(p.s, 1, 100, &deleted, &e));
    ck_assert_int_eq(deleted, 0);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 2);
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_sweep_that_dies_before_its_commit_is_mended_by_the_next_put)
{
    auto_place_ struct place p = place_without_grace();
    auto_free_ char *data = bytes_of(LARGE, 10);
    struct blob b = put_bytes(p.s, data, LARGE);
    struct err e;
    int64_t deleted = 0;
    ck_ok(store_begin(p.s, STORE_DURABLE, &e));
    ck_ok(blob_sweep(p.s, 10, &deleted, &e));
    ck_assert_int_eq(deleted, 1);
    ck_assert(!has_file(&p, &b));
    store_rollback(p.s); /* the row is back, and its file is not */
    put_bytes(p.s, data, LARGE);
    ck_content(p.s, &b, data, LARGE);
}
END_TEST

/* ---- strays */

/* Another process writes and dies before its commit. */
static void die_while_putting(const struct place *p, const char *data)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct err e;
        struct blob b;
        struct store *s = open_store(p, (struct store_options){ 0 });
        if (store_begin(s, STORE_DURABLE, &e) == 0 && blob_put(s, data, LARGE, &b, &e) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
}

static struct blob blob_of(const char *data)
{
    struct blob b = { .present = true, .bytes = LARGE };
    store_sha256(data, LARGE, b.sha256);
    return b;
}

START_TEST(pruning_removes_files_whose_writer_died_and_no_others)
{
    auto_place_ struct place p = place_without_grace();
    auto_free_ char *dead = bytes_of(LARGE, 20), *living = bytes_of(LARGE, 21);
    const struct blob stray = blob_of(dead);
    store_close(p.s); /* the child must not inherit it */
    die_while_putting(&p, dead);
    p.s = open_store(&p, (struct store_options){ .blob_grace_ms = -1 });
    auto_submission_ struct submission sub = request(p.s, 1);
    sub.tests[0].stdin_blob = put_bytes(p.s, living, LARGE);
    accept_it(p.s, &sub);
    auto_free_ char *foreign = path_of(&p, &stray);
    memcpy(strrchr(foreign, '/') + 1, "README", 7);
    close(open(foreign, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ck_assert(has_file(&p, &stray));
    ck_assert_int_eq(prune(p.s), 0);
    ck_assert(!has_file(&p, &stray));
    ck_assert_int_eq(access(foreign, F_OK), 0);
    ck_content(p.s, &sub.tests[0].stdin_blob, living, LARGE);
    put_bytes(p.s, dead, LARGE);
    ck_content(p.s, &stray, dead, LARGE);
}
END_TEST

START_TEST(pruning_spares_files_that_are_fresh_or_older_than_the_database)
{
    static const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    auto_place_ struct place p = place_new();
    auto_free_ char *data = bytes_of(LARGE, 22);
    struct blob b;
    struct err e;
    ck_ok(blob_stage(p.s, data, LARGE, &b, &e));
    prune(p.s); /* within the grace */
    ck_assert(has_file(&p, &b));
    store_close(p.s);
    p.s = open_store(&p, (struct store_options){ .blob_grace_ms = -1 });
    auto_free_ char *path = path_of(&p, &b);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    prune(p.s); /* of an older database, who knows */
    ck_assert(has_file(&p, &b));
    ck_ok(blob_put_staged(p.s, &b, data, &e));
    ck_content(p.s, &b, data, LARGE);
}
END_TEST

UNIT_MAIN("blob", bytes_of_any_length_come_back, an_absent_blob_reads_as_empty,
          the_same_bytes_are_stored_once, staged_bytes_are_put_without_looking_at_them_again,
          staged_bytes_that_a_sweep_took_meanwhile_are_written_again,
          small_bytes_are_found_over_two_epochs_and_stored_again_after,
          a_blob_is_found_by_its_hash_alone_however_old, a_blob_that_was_never_put_is_missing,
          a_file_that_lost_bytes_is_told_and_put_again, a_link_in_place_of_a_file_is_not_followed,
          nothing_temporary_is_left_behind, opening_removes_what_crashes_left_half_written,
          pruning_removes_what_nobody_refers_to, pruning_spares_what_was_put_of_late,
          putting_again_renews_the_grace, pruning_forgets_ended_submissions_and_keeps_living_ones,
          pruning_stops_at_its_limit, a_sweep_that_dies_before_its_commit_is_mended_by_the_next_put,
          pruning_removes_files_whose_writer_died_and_no_others,
          pruning_spares_files_that_are_fresh_or_older_than_the_database)
