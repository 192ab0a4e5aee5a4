/* unit.h - what the tests of the worker share: comparing texts, a judge on a real keeper. */
#pragma once

#include "tests/unit/schema/unit.h"
#include "worker/compare.h"
#include "worker/detect.h"
#include "worker/isolation.h"
#include "worker/judge.h"

/* ---- files */

static inline char *write_text(const char *dir, const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", dir, name);
    auto_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return path;
}

/* ---- a judge with a keeper of its own; needs root and minos-box beside the tests */

struct bench {
    struct place place;
    struct worker worker;
    char *program;
    struct language_set languages;
    struct events events;
    struct artifact_cache *artifacts;
    struct box *box;
    char *isolation;
    struct judge judge;
};

/* False, with a word about it, where no keeper can run; with MINOS_MUST_WORK a failure. */
static inline bool bench_possible(void)
{
    bool possible = geteuid() == 0;
    ck_assert_msg(possible || getenv("MINOS_MUST_WORK") == NULL, "these tests need root");
    return possible;
}

/* build/MODE/minos-box, as seen from build/MODE/unit/worker/test_x. */
static inline char *box_program(void)
{
    char exe[4096];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    ck_assert_int_gt(len, 0);
    exe[len] = '\0';
    *strrchr(exe, '/') = '\0';
    return xasprintf("%s/../../minos-box", exe);
}

/* With the language files of `dir`, of which those whose ids are in `ids` (NULL: all) stay. */
static inline void bench_languages(struct bench *b, const char *dir, const char *const *ids)
{
    struct err e;
    ck_ok(language_set_read(&b->languages, dir, false, &e));
    for (size_t i = 0; ids != NULL && i < b->languages.count; i++) {
        bool wanted = false;
        for (size_t k = 0; ids[k] != NULL; k++)
            wanted = wanted || strcmp(ids[k], b->languages.items[i].id) == 0;
        b->languages.items[i].enabled = wanted;
    }
    language_set_finish(&b->languages);
    ck_ok(detect_versions(&b->worker, &b->languages, &e));
}

static inline void bench_open(struct bench *b, const char *const *ids)
{
    struct err e;
    *b = (struct bench){ .place = place_new() };
    conf_init(&b->worker.conf);
    ck_ok(conf_set(&b->worker.conf, "store.data_dir", b->place.dir, "test", &e));
    b->worker.log = (struct log){ .program = "test", .level = LOG_WARN };
    b->program = box_program();
    b->worker.box_program = b->program;
    bench_languages(b, "deploy/languages", ids);
    ck_ok(events_open(b->place.dir, 3000, &b->events, &e));
    ck_ok(artifact_cache_open(b->place.dir, 1 << 30, &b->artifacts, &e));
    ck_ok(worker_open_box(&b->worker, &b->box, &e));
    b->isolation = isolation_text(box_proof(b->box));
    b->judge = (struct judge){
        .conf = &b->worker.conf,
        .store = b->place.s,
        .box = b->box,
        .artifacts = b->artifacts,
        .languages = &b->languages,
        .isolation_json = b->isolation,
    };
}

static inline void bench_close(struct bench *b)
{
    box_close(b->box);
    events_close(&b->events);
    artifact_cache_close(b->artifacts);
    language_set_done(&b->languages);
    conf_done(&b->worker.conf);
    free(b->program);
    free(b->isolation);
    place_done(&b->place);
}

#define auto_bench_ __attribute__((cleanup(bench_close)))

/* A request: one source, one test with this expected output (NULL: none). */
static inline struct submission program(struct bench *b, const char *language, const char *source,
                                        const char *expected)
{
    struct submission sub = request(b->place.s, 1);
    const struct language *l = language_find(&b->languages, language);
    ck_assert_msg(l != NULL, "language %s", language);
    free(sub.language);
    sub.language = xstrdup(language);
    free(sub.files[0].name);
    sub.files[0] = (struct source_file){ xstrdup(l->source_file), put(b->place.s, source) };
    sub.tests[0].stdin_blob = (struct blob){ 0 };
    if (expected != NULL)
        sub.tests[0].expected_output = put(b->place.s, expected);
    return sub;
}

/* Accept, claim and judge it; what a GET would show. */
static inline struct submission_report judged(struct bench *b, struct submission *sub)
{
    struct err e;
    struct claim claim;
    struct lease lease;
    enum judge_end end = JUDGE_LOST;
    enum verdict verdict = VERDICT_NONE;
    accept_it(b->place.s, sub);
    ck_assert(claim_one(b->place.s, &claim));
    lease_init(&lease, b->place.s, &b->events, &claim, 30000);
    ck_ok(judge_submission(&b->judge, &lease, &end, &verdict, &e));
    ck_assert_int_eq(end, JUDGE_DONE);
    struct submission_report r = load(b->place.s, claim.id);
    ck_assert_int_eq(r.sub.verdict, verdict);
    ck_assert_int_eq(r.sub.state, SUBMISSION_DONE);
    return r;
}

static inline char *blob_text(struct store *s, const struct blob *blob)
{
    struct err e;
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    if (blob->present)
        ck_ok(blob_get(s, blob, &b, &e));
    return buf_take(&b);
}
