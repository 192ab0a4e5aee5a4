/* test_store.c - opening, transactions, ids, hashes, and what a failing disk does; real processes.
 */
#include "tests/unit/schema/unit.h"

#include "schema/inner.h"

START_TEST(a_new_store_makes_its_folder_for_its_owner_only)
{
    auto_place_ struct place p = place_new();
    static const char *const names[] = { "blobs", "blobs/tmp", "artifacts", "run", DB_FILE_NAME };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct stat st;
        auto_free_ char *path = xasprintf("%s/%s", p.dir, names[i]);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_mode & 077, 0);
    }
    ck_assert_int_eq(number(p.s, "PRAGMA user_version"), migrate_latest());
    ck_assert_int_eq(number(p.s, "PRAGMA application_id"), DB_APPLICATION_ID);
    ck_assert_int_eq(number(p.s, "PRAGMA synchronous"), 2);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM pragma_journal_mode WHERE "
                                 "journal_mode = 'wal'"),
                     1);
}
END_TEST

START_TEST(what_was_written_is_there_after_opening_again)
{
    auto_place_ struct place p = place_new();
    char id[STORE_ID_BYTES];
    accept_one(p.s, 0, id);
    store_close(p.s);
    p.s = open_store(&p, (struct store_options){ 0 });
    auto_report_ struct submission_report r = load(p.s, id);
    ck_assert_int_eq(r.sub.state, SUBMISSION_QUEUED);
}
END_TEST

/* POSIX locks belong to the process: a stray open and close of the database while a second
 * connection is made would drop the first one's, and a neighbour that leaves would take the log for
 * its own. */
START_TEST(a_second_connection_keeps_the_log_when_a_neighbour_leaves)
{
    auto_place_ struct place p = place_new();
    store_close(p.s); /* the neighbour must not inherit what SQLite knows of this process's files */
    int go[2];
    char id[STORE_ID_BYTES];
    ck_assert_int_eq(pipe(go), 0);
    pid_t neighbour = fork();
    if (neighbour == 0) {
        char c;
        if (read(go[0], &c, 1) != 1)
            _exit(1);
        struct store *own = open_store(&p, (struct store_options){ 0 });
        accept_one(own, 0, id);
        store_close(own);
        _exit(0);
    }
    p.s = open_store(&p, (struct store_options){ 0 });
    struct store *second = open_store(&p, (struct store_options){ 0 });
    auto_free_ char *log = xasprintf("%s/%s-wal", p.dir, DB_FILE_NAME);
    struct stat before, after;
    ck_assert_int_eq(stat(log, &before), 0);
    ck_assert_int_eq(write(go[1], "g", 1), 1);
    int status;
    ck_assert_int_eq(waitpid(neighbour, &status, 0), neighbour);
    ck_assert_int_eq(status, 0);
    close(go[0]);
    close(go[1]);
    ck_assert_int_eq(stat(log, &after), 0);
    ck_assert_int_eq(before.st_ino, after.st_ino);
    accept_one(p.s, 0, id);
    auto_report_ struct submission_report r = load(second, id);
    ck_assert_int_eq(r.sub.state, SUBMISSION_QUEUED);
    store_close(second);
}
END_TEST

START_TEST(a_newer_database_is_refused_and_left_alone)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct store *s = NULL;
    struct store_options opt = { .data_dir = p.dir };
    ck_ok(sql_exec(p.s, "PRAGMA user_version = 99", &e));
    ck_fails(store_open(&opt, &s, &e), ERR_INPUT, "schema version 99");
    ck_assert_ptr_null(s);
    ck_assert_int_eq(number(p.s, "PRAGMA user_version"), 99);
}
END_TEST

START_TEST(the_database_of_another_program_is_refused)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct store *s = NULL;
    struct store_options opt = { .data_dir = p.dir };
    ck_ok(sql_exec(p.s, "PRAGMA application_id = 1", &e));
    ck_fails(store_open(&opt, &s, &e), ERR_INPUT, "is not a database of Minos");
}
END_TEST

static void write_over(const struct place *p, int64_t offset, size_t len)
{
    auto_free_ char *path = xasprintf("%s/%s", p->dir, DB_FILE_NAME);
    auto_free_ char *junk = xmalloc(len);
    memset(junk, 0x5a, len);
    auto_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(pwrite(fd, junk, len, offset), (ssize_t)len);
}

START_TEST(a_file_that_is_no_database_is_refused_with_the_mend)
{
    auto_place_ struct place p = place_empty();
    struct err e;
    struct store *s = NULL;
    struct store_options opt = { .data_dir = p.dir };
    write_over(&p, 0, 8192);
    ck_fails(store_open(&opt, &s, &e), ERR_SYS, "restore a backup");
}
END_TEST

START_TEST(a_damaged_page_is_an_error_that_names_the_mend)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    for (int i = 0; i < 50; i++)
        accept_one(p.s, 0, id);
    store_close(p.s); /* empties the log into the file */
    write_over(&p, 4096, 25 * 4096);
    p.s = NULL;
    struct store_options opt = { .data_dir = p.dir };
    struct submission_report r;
    bool found = false;
    int rc = store_open(&opt, &p.s, &e);
    if (rc == 0)
        rc = report_load(p.s, id, &r, &found, &e);
    ck_assert_int_eq(rc, -1);
    ck_assert_int_eq(e.kind, ERR_SYS);
    ck_assert_has(e.msg, "damaged");
}
END_TEST

START_TEST(a_folder_that_cannot_be_made_is_named)
{
    struct err e;
    struct store *s = NULL;
    struct store_options opt = { .data_dir = "/proc/no/such" };
    ck_fails(store_open(&opt, &s, &e), ERR_SYS, "/proc/no/such");
}
END_TEST

START_TEST(a_read_only_store_reads_and_refuses_to_write)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    accept_one(p.s, 0, id);
    struct store *reader = open_store(&p, (struct store_options){ .read_only = true });
    struct submission_report r = load(reader, id);
    report_done(&r);
    enum cancel_answer answer;
    ck_fails(queue_cancel(reader, id, &answer, &e), ERR_SYS, "cannot be written");
    store_close(reader);
}
END_TEST

START_TEST(a_rolled_back_transaction_leaves_nothing)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    ck_ok(store_begin(p.s, STORE_DURABLE, &e));
    accept_one(p.s, 0, id);
    store_rollback(p.s);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 0);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM blob"), 0);
    store_rollback(p.s);
    ck_consistent(p.s);
}
END_TEST

START_TEST(transactions_do_not_nest_by_mistake)
{
    auto_place_ struct place p = place_new();
    struct err e;
    ck_fails(store_commit(p.s, &e), ERR_BUG, "without a transaction");
    ck_ok(store_begin(p.s, STORE_RELAXED, &e));
    ck_fails(store_begin(p.s, STORE_RELAXED, &e), ERR_BUG, "inside a transaction");
    ck_fails(store_checkpoint(p.s, &e), ERR_BUG, "inside a transaction");
    ck_ok(store_commit(p.s, &e));
}
END_TEST

START_TEST(a_refused_submission_leaves_no_trace_in_a_batch_that_goes_on)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char first[STORE_ID_BYTES], last[STORE_ID_BYTES], existing[STORE_ID_BYTES];
    ck_ok(store_begin(p.s, STORE_DURABLE, &e));
    accept_one(p.s, 0, first);
    auto_submission_ struct submission bad = request(p.s, 2);
    bad.tests[1].stdin_blob.sha256[0] ^= 1; /* never put */
    ck_fails(queue_accept(p.s, &bad, existing, &e), ERR_BUG, "never put");
    accept_one(p.s, 0, last);
    ck_ok(store_commit(p.s, &e));
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 2);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM test"), 2);
    ck_consistent(p.s);
}
END_TEST

START_TEST(relaxed_transactions_do_not_sync_and_durable_ones_do_again)
{
    auto_place_ struct place p = place_new();
    struct err e;
    ck_ok(store_begin(p.s, STORE_RELAXED, &e));
    ck_ok(store_commit(p.s, &e));
    ck_assert_int_eq(number(p.s, "PRAGMA synchronous"), 1);
    ck_ok(store_begin(p.s, STORE_DURABLE, &e));
    ck_ok(store_commit(p.s, &e));
    ck_assert_int_eq(number(p.s, "PRAGMA synchronous"), 2);
}
END_TEST

START_TEST(a_full_disk_fails_the_whole_batch_and_heals)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES], existing[STORE_ID_BYTES], text[40000];
    auto_free_ char *pragma =
        xasprintf("PRAGMA max_page_count = %lld", (long long)number(p.s, "PRAGMA page_count") + 8);
    accept_one(p.s, 0, id);
    ck_ok(sql_exec(p.s, pragma, &e));
    auto_submission_ struct submission sub = request(p.s, 1);
    memset(text, 'x', sizeof text);
    ck_ok(store_begin(p.s, STORE_DURABLE, &e));
    struct blob b;
    ck_fails(blob_put(p.s, text, sizeof text, &b, &e), ERR_SYS, "make room");
    ck_assert_int_eq(e.errnum, ENOSPC);
    if (queue_accept(p.s, &sub, existing, &e) == 0)
        ck_ok(store_commit(p.s, &e)); /* SQLite undid no more than the failed step */
    else
        ck_fails(store_commit(p.s, &e), ERR_SYS, "rolled back");
    ck_consistent(p.s);
    ck_ok(sql_exec(p.s, "PRAGMA max_page_count = 1000000", &e));
    ck_ok(blob_put(p.s, text, sizeof text, &b, &e));
    accept_one(p.s, 0, id);
    ck_consistent(p.s);
}
END_TEST

/* The log's file with a sync that fails: the methods of a file are a table, and this is a copy. */
static int failing_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    errno = EIO;
    return SQLITE_IOERR_FSYNC;
}

static sqlite3_file *log_of(struct store *s)
{
    sqlite3_file *file = NULL;
    ck_assert_int_eq(sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &file),
                     SQLITE_OK);
    return file;
}

START_TEST(a_sync_that_fails_fails_the_commit_and_the_log_begins_anew)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char first[STORE_ID_BYTES], id[STORE_ID_BYTES];
    enum cancel_answer answer;
    accept_one(p.s, 0, first);
    int64_t before = p.s->wal_pages;
    sqlite3_file *log = log_of(p.s);
    const sqlite3_io_methods *whole = log->pMethods;
    sqlite3_io_methods broken = *whole;
    broken.xSync = failing_sync;
    log->pMethods = &broken;
    ck_fails(queue_cancel(p.s, first, &answer, &e), ERR_SYS, "disk I/O error");
    ck_fails(queue_cancel(p.s, first, &answer, &e), ERR_SYS, "mend the log");
    log->pMethods = whole;
    auto_report_ struct submission_report r = load(p.s, first);
    ck_assert_int_eq(r.sub.state, SUBMISSION_QUEUED); /* what failed did not happen */
    accept_one(p.s, 0, id);
    ck_assert_int_lt(p.s->wal_pages, before); /* a log of this transaction alone */
    ck_assert(!p.s->sync_failed);
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_transaction_that_sqlite_rolled_back_cannot_be_committed)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    struct blob b;
    ck_ok(store_begin(p.s, STORE_DURABLE, &e));
    accept_one(p.s, 0, id);
    sqlite3_exec(p.s->db, "ROLLBACK", NULL, NULL, NULL); /* as an i/o error may do */
    p.s->tx = TX_LOST;
    ck_fails(blob_put(p.s, "x", 1, &b, &e), ERR_SYS, "rolled back");
    ck_fails(store_commit(p.s, &e), ERR_SYS, "rolled back");
    accept_one(p.s, 0, id);
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 1);
}
END_TEST

START_TEST(who_waits_too_long_for_the_lock_hears_busy)
{
    auto_place_ struct place p = place_new();
    struct err e;
    struct store *other = open_store(&p, (struct store_options){ .busy_timeout_ms = 50 });
    ck_ok(store_begin(p.s, STORE_DURABLE, &e));
    int64_t from_mono_ns = clock_mono_ns();
    ck_fails(store_begin(other, STORE_DURABLE, &e), ERR_BUSY, "longer than 50 ms");
    ck_assert_int_ge(clock_mono_ns() - from_mono_ns, 50 * NS_PER_MS);
    ck_assert_int_lt(clock_mono_ns() - from_mono_ns, 5 * NS_PER_S);
    store_rollback(p.s);
    ck_ok(store_begin(other, STORE_DURABLE, &e));
    store_close(other);
}
END_TEST

START_TEST(many_processes_may_open_a_new_store_at_once)
{
    auto_place_ struct place p = place_empty();
    pid_t children[6];
    for (size_t i = 0; i < ARRAY_COUNT(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct err e;
            struct store *s = NULL;
            struct store_options opt = { .data_dir = p.dir };
            int rc = store_open(&opt, &s, &e);
            if (rc < 0)
                fprintf(stderr, "%s\n", e.msg);
            store_close(s);
            _exit(rc < 0);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(children); i++) {
        int status = -1;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    p.s = open_store(&p, (struct store_options){ 0 });
    ck_consistent(p.s);
}
END_TEST

START_TEST(a_checkpoint_moves_the_log_into_the_database)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    for (int i = 0; i < 20; i++)
        accept_one(p.s, 0, id);
    ck_assert_int_gt(p.s->wal_pages, 0);
    ck_ok(store_checkpoint(p.s, &e));
    ck_assert_int_eq(number(p.s, "SELECT count(*) FROM submission"), 20);
}
END_TEST

START_TEST(a_probe_writes_and_changes_nothing)
{
    auto_place_ struct place p = place_new();
    struct err e;
    char id[STORE_ID_BYTES];
    accept_one(p.s, 0, id);
    ck_ok(store_checkpoint(p.s, &e));
    ck_assert_int_eq(p.s->wal_pages, 0);
    ck_ok(store_probe(p.s, &e));
    ck_assert_int_gt(p.s->wal_pages, 0);
    p.s->wal_pages = 0;
    ck_ok(store_probe(p.s, &e));
    ck_assert_int_gt(p.s->wal_pages, 0);
    ck_assert_int_eq(number(p.s, "SELECT value FROM counter WHERE id = 1"), 1);
}
END_TEST

START_TEST(ids_are_valid_and_grow)
{
    char before[STORE_ID_BYTES] = "", id[STORE_ID_BYTES];
    for (int i = 0; i < 20000; i++) {
        store_new_id(id);
        ck_assert(store_id_valid(id));
        ck_assert_int_lt(strcmp(before, id), 0);
        memcpy(before, id, sizeof id);
    }
}
END_TEST

START_TEST(what_is_no_id_is_told_from_one)
{
    ck_assert(store_id_valid("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
    ck_assert(!store_id_valid("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
    ck_assert(!store_id_valid(""));
    ck_assert(!store_id_valid("01ARZ3NDEKTSV4RRFFQ69G5FA"));
    ck_assert(!store_id_valid("01ARZ3NDEKTSV4RRFFQ69G5FAVX"));
    ck_assert(!store_id_valid("01ARZ3NDEKTSV4RRFFQ69G5FAU"));
    ck_assert(!store_id_valid("01arz3ndektsv4rrffq69g5fav"));
    ck_assert(!store_id_valid("../../../etc/passwd/aaaaaa"));
}
END_TEST

START_TEST(hashes_are_sha256_in_one_go_or_in_parts)
{
    uint8_t whole[STORE_SHA256_BYTES], parts[STORE_SHA256_BYTES];
    char hex[STORE_HEX_BYTES];
    store_sha256("abc", 3, whole);
    store_hex(whole, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct store_hash *h = store_hash_new();
    store_hash_add(h, "a", 1);
    store_hash_add(h, "", 0);
    store_hash_add(h, "bc", 2);
    store_hash_end(h, parts);
    ck_assert_mem_eq(whole, parts, sizeof whole);
    store_sha256(NULL, 0, whole);
    store_hex(whole, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(each_limit_has_its_column)
{
    auto_place_ struct place p = place_new();
    for (size_t i = 0; i < limits_count; i++) {
        auto_free_ char *sql =
            xasprintf("SELECT count(*) FROM pragma_table_info('test') WHERE name = '%s'",
                      limits_table[i].name);
        ck_assert_int_eq(number(p.s, sql), 1);
    }
}
END_TEST

UNIT_MAIN("store", a_new_store_makes_its_folder_for_its_owner_only,
          what_was_written_is_there_after_opening_again,
          a_second_connection_keeps_the_log_when_a_neighbour_leaves,
          a_newer_database_is_refused_and_left_alone, the_database_of_another_program_is_refused,
          a_file_that_is_no_database_is_refused_with_the_mend,
          a_damaged_page_is_an_error_that_names_the_mend, a_folder_that_cannot_be_made_is_named,
          a_read_only_store_reads_and_refuses_to_write, a_rolled_back_transaction_leaves_nothing,
          transactions_do_not_nest_by_mistake,
          a_refused_submission_leaves_no_trace_in_a_batch_that_goes_on,
          relaxed_transactions_do_not_sync_and_durable_ones_do_again,
          a_full_disk_fails_the_whole_batch_and_heals,
          a_sync_that_fails_fails_the_commit_and_the_log_begins_anew,
          a_transaction_that_sqlite_rolled_back_cannot_be_committed,
          who_waits_too_long_for_the_lock_hears_busy, many_processes_may_open_a_new_store_at_once,
          a_checkpoint_moves_the_log_into_the_database, a_probe_writes_and_changes_nothing,
          ids_are_valid_and_grow, what_is_no_id_is_told_from_one,
          hashes_are_sha256_in_one_go_or_in_parts, each_limit_has_its_column)
