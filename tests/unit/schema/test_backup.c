/* test_backup.c - backups, and what is made of them: whole, damaged, interrupted, beside writers.
 */
#include "tests/unit/schema/unit.h"

#include <signal.h>
#include <sys/ptrace.h>

#include "schema/backup.h"
#include "schema/inner.h"

enum { LARGE_BYTES = 300000, KILLS = 16 };

/* A store and the folder of its backup, and one to restore into. */
struct trio {
    struct place from, backup, to;
};

static struct trio trio_new(void)
{
    return (struct trio){ place_new(), place_empty(), place_empty() };
}

static void trio_done(struct trio *t)
{
    place_done(&t->from);
    place_done(&t->backup);
    place_done(&t->to);
}

#define auto_trio_ __attribute__((cleanup(trio_done)))

static void empty_folder(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
}

/* Accept one whose input is a file of its own. */
static void accept_large(struct store *s, int n, char ret_id[STORE_ID_BYTES])
{
    struct err e;
    auto_submission_ struct submission sub = request(s, 2);
    auto_free_ char *text = xmalloc(LARGE_BYTES);
    memset(text, 'a' + n % 26, LARGE_BYTES);
    snprintf(text, 32, "%d", n);
    ck_ok(blob_put(s, text, LARGE_BYTES, &sub.tests[0].stdin_blob, &e));
    accept_it(s, &sub);
    memcpy(ret_id, sub.id, STORE_ID_BYTES);
}

/* Some that ended, some that wait, one that is held; the id of an ended one. */
static void fill(struct store *s, char ret_ended[STORE_ID_BYTES])
{
    char id[STORE_ID_BYTES];
    struct claim c;
    accept_large(s, 1, ret_ended);
    ck_assert(claim_one(s, &c) && finish(s, &c, VERDICT_WRONG_ANSWER));
    for (int i = 2; i < 5; i++)
        accept_large(s, i, id);
    ck_assert(claim_one(s, &c));
}

static void back_up(const struct trio *t)
{
    struct err e;
    struct backup_summary sum;
    ck_ok(backup_make(t->from.dir, t->backup.dir, &sum, &e));
    ck_assert_int_eq(sum.submission_count, 4);
    ck_assert_int_eq(sum.file_count, 4);
    ck_assert_int_eq(sum.file_bytes, 4 * LARGE_BYTES);
}

START_TEST(what_was_backed_up_comes_back_with_its_bytes)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    struct claim c;
    fill(t.from.s, ended);
    back_up(&t);
    ck_ok(backup_verify(t.backup.dir, &sum, &e));
    ck_ok(backup_restore(t.backup.dir, t.to.dir, false, &sum, &e));
    ck_assert_int_eq(sum.schema_version, migrate_latest());
    t.to.s = open_store(&t.to, (struct store_options){ 0 });
    ck_consistent(t.to.s);
    auto_report_ struct submission_report r = load(t.to.s, ended);
    ck_assert_int_eq(r.sub.verdict, VERDICT_WRONG_ANSWER);
    auto_buf_ struct buf text = { 0 };
    ck_ok(blob_get(t.to.s, &r.sub.tests[0].stdin_blob, &text, &e));
    ck_assert_uint_eq(text.len, LARGE_BYTES);
    ck_assert_int_eq(number(t.to.s, "SELECT count(*) FROM queue"), 3);
    ck_assert(claim_one(t.to.s, &c));
}
END_TEST

START_TEST(everything_in_a_backup_is_for_its_owner_alone)
{
    auto_trio_ struct trio t = trio_new();
    char ended[STORE_ID_BYTES];
    umask(0);
    fill(t.from.s, ended);
    back_up(&t);
    auto_free_ char *command = xasprintf("%s", t.backup.dir);
    struct stat st;
    static const char *const names[] = { "minos.db", "manifest", "blobs" };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        auto_free_ char *path = xasprintf("%s/%s", command, names[i]);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_mode & 077, 0);
    }
}
END_TEST

START_TEST(a_backup_goes_into_an_empty_directory_only)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    fill(t.from.s, ended);
    back_up(&t);
    ck_fails(backup_make(t.from.dir, t.backup.dir, &sum, &e), ERR_INPUT, "an empty directory");
    ck_fails(backup_make(t.to.dir, t.backup.dir, &sum, &e), ERR_INPUT, "there is no store");
}
END_TEST

START_TEST(a_backup_without_its_manifest_is_none)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    fill(t.from.s, ended);
    back_up(&t);
    auto_free_ char *manifest = xasprintf("%s/manifest", t.backup.dir);
    ck_assert_int_eq(unlink(manifest), 0);
    ck_fails(backup_restore(t.backup.dir, t.to.dir, false, &sum, &e), ERR_INPUT,
             "not a complete backup");
    auto_free_ char *made = xasprintf("%s/blobs", t.to.dir);
    ck_assert_int_eq(access(made, F_OK), -1);
}
END_TEST

/* Overwrite a byte in the middle of a file. */
static void damage(const char *path)
{
    ck_assert_int_eq(chmod(path, 0600), 0);
    auto_fd_ int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte = 0;
    off_t middle = lseek(fd, 0, SEEK_END) / 2;
    ck_assert_int_eq(pread(fd, &byte, 1, middle), 1);
    byte = (char)~byte;
    ck_assert_int_eq(pwrite(fd, &byte, 1, middle), 1);
}

static const char *found_path;
static char found_copy[512];

static int find_blob(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)ftw;
    if (flag != FTW_F || strstr(path, "/blobs/") == NULL || st->st_size != LARGE_BYTES)
        return 0;
    snprintf(found_copy, sizeof found_copy, "%s", path);
    found_path = found_copy;
    return 1;
}

static const char *blob_of(const char *dir)
{
    found_path = NULL;
    nftw(dir, find_blob, 16, FTW_PHYS);
    ck_assert_ptr_nonnull(found_path);
    return found_path;
}

START_TEST(a_damaged_backup_is_found_out_and_changes_nothing)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    fill(t.from.s, ended);
    auto_free_ char *database = xasprintf("%s/minos.db", t.backup.dir);
    auto_free_ char *made = xasprintf("%s/blobs", t.to.dir);
    for (int part = 0; part < 3; part++) {
        empty_folder(t.backup.dir);
        back_up(&t);
        if (part == 0)
            damage(database);
        else if (part == 1)
            damage(blob_of(t.backup.dir));
        else
            ck_assert_int_eq(unlink(blob_of(t.backup.dir)), 0);
        ck_assert_int_eq(backup_verify(t.backup.dir, &sum, &e), -1);
        ck_assert_int_eq(backup_restore(t.backup.dir, t.to.dir, false, &sum, &e), -1);
        ck_assert_msg(e.kind == ERR_INPUT, "part %d: %s", part, e.msg);
        ck_assert_int_eq(access(made, F_OK), -1);
    }
}
END_TEST

START_TEST(a_damaged_blob_makes_no_backup)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    fill(t.from.s, ended);
    damage(blob_of(t.from.dir));
    ck_fails(backup_make(t.from.dir, t.backup.dir, &sum, &e), ERR_SYS, "is damaged");
    ck_fails(backup_verify(t.backup.dir, &sum, &e), ERR_INPUT, "not a complete backup");
}
END_TEST

START_TEST(a_backup_of_a_newer_program_is_refused)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    fill(t.from.s, ended);
    ck_ok(sql_exec(t.from.s, "PRAGMA user_version = 9999", &e));
    ck_fails(backup_make(t.from.dir, t.backup.dir, &sum, &e), ERR_INPUT, "newer program");
    ck_ok(sql_exec(t.from.s, "PRAGMA user_version = 1", &e));
    empty_folder(t.backup.dir);
    ck_ok(backup_make(t.from.dir, t.backup.dir, &sum, &e)); /* an older one is taken as it is */
    ck_assert_int_eq(sum.schema_version, 1);
    auto_free_ char *manifest = xasprintf("%s/manifest", t.backup.dir);
    auto_file_ FILE *f = fopen(manifest, "w");
    ck_assert_int_gt(fprintf(f,
                             "minos backup 1\nschema_version 9999\ncreated_unix_ms 1\n"
                             "submission_count 0\nfile_count 0\nfile_bytes 0\n"
                             "database_bytes 0\ndatabase_sha256 %064d\n",
                             0),
                     0);
    ck_assert_int_eq(fflush(f), 0);
    ck_fails(backup_restore(t.backup.dir, t.to.dir, false, &sum, &e), ERR_INPUT, "newer program");
}
END_TEST

/* ---- beside others */

static pid_t start(void (*child)(const struct trio *t), const struct trio *t)
{
    pid_t pid = fork();
    if (pid == 0)
        child(t);
    ck_assert_int_gt(pid, 0);
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void write_on(const struct trio *t)
{
    struct store *s = open_store(&t->from, (struct store_options){ .blob_grace_ms = 1 });
    struct err e;
    char id[STORE_ID_BYTES];
    int64_t deleted = 0;
    for (int i = 0;; i++) {
        struct claim c;
        accept_large(s, i, id);
        if (!claim_one(s, &c) || !finish(s, &c, VERDICT_ACCEPTED))
            _exit(1);
        if (i % 4 == 3) /* and forgets most of it at once, with its files */
            ck_ok(store_prune(s, clock_unix_ms() - 20, 100, &deleted, &e));
    }
}

START_TEST(a_backup_made_while_others_write_and_forget_is_of_one_moment)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    struct backup_summary sum;
    store_close(take_ptr(&t.from.s));
    pid_t writer = start(write_on, &t);
    for (int i = 0; i < 6; i++) {
        usleep(20000);
        empty_folder(t.backup.dir);
        empty_folder(t.to.dir);
        ck_ok(backup_make(t.from.dir, t.backup.dir, &sum, &e));
        ck_ok(backup_restore(t.backup.dir, t.to.dir, false, &sum, &e));
        t.to.s = open_store(&t.to, (struct store_options){ 0 });
        ck_consistent(t.to.s);
        store_close(take_ptr(&t.to.s));
    }
    ck_assert_int_eq(kill(writer, 0), 0);
    stop(writer);
}
END_TEST

static void hold_open(const struct trio *t)
{
    struct store *s = open_store(&t->to, (struct store_options){ 0 });
    ck_assert(number(s, "SELECT count(*) FROM queue") >= 0);
    auto_free_ char *sign = xasprintf("%s/sign", t->from.dir);
    close(open(sign, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    pause();
    _exit(0);
}

START_TEST(a_store_in_use_is_not_restored_over)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    fill(t.from.s, ended);
    back_up(&t);
    store_close(take_ptr(&t.from.s));
    store_close(open_store(&t.to, (struct store_options){ 0 }));
    pid_t holder = start(hold_open, &t);
    auto_free_ char *sign = xasprintf("%s/sign", t.from.dir);
    while (access(sign, F_OK) < 0)
        usleep(1000);
    ck_fails(backup_restore(t.backup.dir, t.to.dir, true, &sum, &e), ERR_BUSY, "is in use");
    stop(holder);
    ck_fails(backup_restore(t.backup.dir, t.to.dir, false, &sum, &e), ERR_INPUT,
             "has a database already");
    ck_ok(backup_restore(t.backup.dir, t.to.dir, true, &sum, &e));
    t.to.s = open_store(&t.to, (struct store_options){ 0 });
    ck_assert_int_eq(number(t.to.s, "SELECT count(*) FROM submission"), 4);
    auto_free_ char *old = xasprintf("%s/minos.db.replaced", t.to.dir);
    ck_assert_int_eq(access(old, F_OK), 0);
}
END_TEST

/* ---- killed in the middle */

static void back_up_once(const struct trio *t)
{
    struct err e;
    struct backup_summary sum;
    _exit(backup_make(t->from.dir, t->backup.dir, &sum, &e) == 0 ? 0 : 1);
}

static void restore_once(const struct trio *t)
{
    struct err e;
    struct backup_summary sum;
    _exit(backup_restore(t->backup.dir, t->to.dir, true, &sum, &e) == 0 ? 0 : 1);
}

static pid_t start_stopped(void (*child)(const struct trio *t), const struct trio *t)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
            _exit(2);
        child(t);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSTOPPED(status), "cannot be traced: status %d", status);
    return pid;
}

/* Let it come so far, counted in beginnings and ends of its system calls, and kill it there; how
 * far it came, `most` when it did not end by itself, and well. The same on any machine. */
static int64_t run_until(void (*child)(const struct trio *t), const struct trio *t, int64_t most)
{
    int status = 0;
    pid_t pid = start_stopped(child, t);
    for (int64_t count = 0; count < most; count++) {
        ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status)) {
            ck_assert_int_eq(WEXITSTATUS(status), 0);
            return count;
        }
        ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP, "status %d", status);
    }
    stop(pid);
    return most;
}

START_TEST(a_backup_that_is_killed_is_whole_or_refused_and_harms_nothing)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    int whole = 0;
    fill(t.from.s, ended);
    store_close(take_ptr(&t.from.s));
    int64_t calls = run_until(back_up_once, &t, INT64_MAX);
    for (int i = 0; i < KILLS; i++) {
        empty_folder(t.backup.dir);
        (void)run_until(back_up_once, &t, calls * i / KILLS);
        int rc = backup_verify(t.backup.dir, &sum, &e);
        ck_assert(rc == 0 || strstr(e.msg, "not a complete backup") != NULL);
        whole += rc == 0;
    }
    ck_assert_int_lt(whole, KILLS);
    t.from.s = open_store(&t.from, (struct store_options){ 0 });
    ck_consistent(t.from.s);
    empty_folder(t.backup.dir);
    back_up(&t);
}
END_TEST

/* The place is the old store, the new one, or refused; never an empty or a mixed one. */
static bool look_at(struct place *p, int64_t old_count)
{
    struct err e;
    const struct store_options opt = { .data_dir = p->dir };
    if (store_open(&opt, &p->s, &e) < 0) {
        ck_assert_has(e.msg, "a restore that did not end");
        return false;
    }
    int64_t count = number(p->s, "SELECT count(*) FROM submission");
    ck_consistent(p->s);
    ck_assert(count == 4 || count == old_count);
    store_close(take_ptr(&p->s));
    return count == 4;
}

static void make_old(struct place *p, int64_t count)
{
    char id[STORE_ID_BYTES];
    empty_folder(p->dir);
    p->s = open_store(p, (struct store_options){ 0 });
    for (int64_t i = 0; i < count; i++)
        accept_large(p->s, (int)i + 10, id);
    store_close(take_ptr(&p->s));
}

START_TEST(a_restore_that_is_killed_leaves_old_or_new_and_can_be_taken_up)
{
    auto_trio_ struct trio t = trio_new();
    struct err e;
    char ended[STORE_ID_BYTES];
    struct backup_summary sum;
    int unfinished = 0;
    fill(t.from.s, ended);
    back_up(&t);
    store_close(take_ptr(&t.from.s));
    int64_t calls = run_until(restore_once, &t, INT64_MAX);
    for (int i = 0; i < KILLS; i++) {
        if (i % 2 == 0)
            empty_folder(t.to.dir);
        else
            make_old(&t.to, 7);
        (void)run_until(restore_once, &t, calls * i / KILLS);
        if (i % 2 == 0 && access(t.to.dir, F_OK) == 0) {
            auto_free_ char *sign = xasprintf("%s/" DB_RESTORING_NAME, t.to.dir);
            unfinished += access(sign, F_OK) == 0;
        }
        if (i % 2 != 0)
            (void)look_at(&t.to, 7);
        ck_ok(backup_restore(t.backup.dir, t.to.dir, true, &sum, &e));
        ck_assert(look_at(&t.to, 4));
    }
    ck_assert_int_gt(unfinished, 0);
}
END_TEST

START_TEST(a_directory_with_half_a_restore_is_not_taken_for_an_empty_one)
{
    auto_place_ struct place p = place_empty();
    struct err e;
    struct store *s = NULL;
    const struct store_options opt = { .data_dir = p.dir };
    auto_free_ char *sign = xasprintf("%s/" DB_RESTORING_NAME, p.dir);
    close(open(sign, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ck_fails(store_open(&opt, &s, &e), ERR_INPUT, "run `minos restore` again");
    ck_assert_int_eq(unlink(sign), 0);
    p.s = open_store(&p, (struct store_options){ 0 });
}
END_TEST

UNIT_MAIN("backup", what_was_backed_up_comes_back_with_its_bytes,
          everything_in_a_backup_is_for_its_owner_alone, a_backup_goes_into_an_empty_directory_only,
          a_backup_without_its_manifest_is_none, a_damaged_backup_is_found_out_and_changes_nothing,
          a_damaged_blob_makes_no_backup, a_backup_of_a_newer_program_is_refused,
          a_backup_made_while_others_write_and_forget_is_of_one_moment,
          a_store_in_use_is_not_restored_over,
          a_backup_that_is_killed_is_whole_or_refused_and_harms_nothing,
          a_restore_that_is_killed_leaves_old_or_new_and_can_be_taken_up,
          a_directory_with_half_a_restore_is_not_taken_for_an_empty_one)
