/* scene.c - fills a store with what requests can be about; see scene.h. */
#include "tests/fuzz/scene.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "schema/callback.h"
#include "server/cursor.h"
#include "tests/record.h"

#define TEXT(t) ((char[]){ t })

/* What must not fail, in setting up. */
static void must(int r, const struct err *e)
{
    if (r == 0)
        return;
    fprintf(stderr, "scene: %s\n", e->msg);
    abort();
}

static char folder[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void clear(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct blob put(struct store *s, const char *text)
{
    struct blob b;
    struct err e;
    must(blob_put(s, text, strlen(text), &b, &e), &e);
    return b;
}

static void hand_in(struct store *s, int64_t key_id, const char *callback_url,
                    char ret_id[STORE_ID_BYTES])
{
    char existing[STORE_ID_BYTES];
    struct err e;
    struct submission sub = { .key_id = key_id,
                              .language = xstrdup("c17"),
                              .files = xcalloc(1, sizeof(struct source_file)),
                              .file_count = 1,
                              .tests = xcalloc(2, sizeof(struct test_spec)),
                              .test_count = 2,
                              .comparer = { .type = COMPARER_FLOATS, .absolute = 0.5 },
                              .metadata_json = xstrdup("{\"a\":[1,null]}"),
                              .idempotency_key = xasprintf("key-%lld", (long long)key_id) };
    if (callback_url != NULL)
        sub.callback_url = xstrdup(callback_url);
    store_new_id(sub.id);
    sub.files[0] = (struct source_file){ xstrdup("main.c"), put(s, "int main(void) {}") };
    for (size_t i = 0; i < sub.test_count; i++)
        sub.tests[i] = (struct test_spec){ .name = xasprintf("%zu", i + 1),
                                           .stdin_blob = put(s, "1 2\n"),
                                           .expected_output = put(s, "3\n"),
                                           .limits = limits_run_defaults() };
    must(queue_accept(s, &sub, existing, &e), &e);
    memcpy(ret_id, sub.id, STORE_ID_BYTES);
    submission_done(&sub);
}

static void judge(struct store *s, const struct claim *c)
{
    bool mine = false;
    struct err e;
    const struct usage usage = { 1000000, 500000, 500000, 2000000, 1 << 20, -1, 1 };
    struct compile_result compile = { .present = true,
                                      .verdict = VERDICT_ACCEPTED,
                                      .cause = TEXT("none"),
                                      .usage = usage,
                                      .output = { put(s, "warning: \xff\n"), 11, 11, false } };
    must(queue_advance(s, c, SUBMISSION_COMPILING, &mine, &e), &e);
    must(record_one_compile(s, c, "12.2.0", &compile, &mine, &e), &e);
    must(queue_advance(s, c, SUBMISSION_RUNNING, &mine, &e), &e);
    struct test_result t = { .verdict = VERDICT_RUNTIME_ERROR,
                             .cause = TEXT("none"),
                             .exit_code = -1,
                             .signal = 11,
                             .usage = usage,
                             .stdout_kept = { put(s, "\x01\xff"), 900, 1, true },
                             .stderr_kept = { put(s, "oh \"no\"\n"), 8, 8, false },
                             .message = TEXT("signal 11 (SIGSEGV)") };
    must(record_one_test(s, c, &t, &mine, &e), &e);
    must(queue_finish(s, c, VERDICT_RUNTIME_ERROR, "test 1", "{\"mode\":\"root\"}", &mine, &e), &e);
    assert(mine);
}

static void add_languages(struct store *s)
{
    struct err e;
    struct language_record rows[] = {
        { TEXT("c17"), TEXT("C17"), TEXT("12"), true, TEXT("gcc"), TEXT("main.c"),
          TEXT("{\"aliases\":[\"c\"]}") },
        { TEXT("java"), TEXT("Java"), TEXT("17"), true, TEXT("jdk"), TEXT("Main.java"),
          TEXT("{\"run_command\":[\"java\",\"${entry_point}\"]}") },
        { TEXT("cobol"), TEXT("COBOL"), NULL, false, TEXT("gnucobol"), TEXT("main.cob"), NULL },
    };
    must(languages_replace(s, rows, ARRAY_COUNT(rows), &e), &e);
}

void scene_make(struct scene *sc)
{
    *sc = (struct scene){ .dir = "/dev/shm/minos-fuzz-XXXXXX" };
    const struct store_options so = { .data_dir = sc->dir };
    struct api_key admin = { 0 }, user = { 0 };
    struct callback_secrets secrets;
    struct claim claim;
    bool found = false;
    struct err e;
    assert(mkdtemp(sc->dir) != NULL);
    memcpy(folder, sc->dir, sizeof folder);
    (void)atexit(clear);
    must(store_open(&so, &sc->s, &e), &e);
    add_languages(sc->s);
    must(key_new(sc->s, "admin", KEY_ADMIN, NULL, &admin, &sc->admin, &e), &e);
    must(key_new(sc->s, "user", KEY_SUBMIT | KEY_READ, NULL, &user, &sc->user, &e), &e);
    must(callback_secret_new(sc->s, user.id, 0, &secrets, &e), &e);
    hand_in(sc->s, user.id, "https://example.org/told", sc->done_id);
    must(queue_claim(sc->s, "slot 0", 30000, 3, &claim, &found, &e), &e);
    assert(found);
    judge(sc->s, &claim);
    hand_in(sc->s, admin.id, NULL, sc->waiting_id);
    auto_buf_ struct buf cursor = { 0 };
    cursor_write(&cursor, sc->done_id);
    snprintf(sc->cursor, sizeof sc->cursor, "%s", buf_text(&cursor));
    api_key_done(&admin);
    api_key_done(&user);
}
