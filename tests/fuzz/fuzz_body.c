/*
 * fuzz_body.c - any bytes as a submission or as an order to judge again: libFuzzer's entry.
 *
 * Byte 0 chooses which, the rest is the body. Whatever it is: what is accepted is complete and
 * within its bounds, and means the same when the same JSON is written in another way; what is
 * refused is a problem of status 400 or 422 whose text is JSON and that names each fault.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/utf8.h"
#include "server/decode.h"
#include "server/rejudge_decode.h"
#include "server/target.h"
#include "tests/fuzz/fuzz.h"

#define TEXT(t) ((char[]){ t })

static void check_problem(const struct problem *p)
{
    auto_buf_ struct buf b = { 0 };
    unsigned status = problem_status(p);
    assert(p->id != PROBLEM_NONE && (status == 400 || status == 422));
    problem_write(p, &b);
    json_t *root = json_loadb(buf_text(&b), b.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert(json_is_object(root));
    const json_t *errors = json_object_get(root, "errors");
    assert(json_array_size(errors) == p->fault_count);
    for (size_t i = 0; i < p->fault_count; i++)
        assert(json_string_length(json_object_get(json_array_get(errors, i), "expected")) > 0);
    json_decref(root);
}

/* The same value in other words: spread over lines, members in order of their names. */
static char *rewritten(const json_t *root)
{
    char *text = json_dumps(root, JSON_INDENT(3) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    assert(text != NULL);
    return text;
}

/* --- submissions
 * ----------------------------------------------------------------------------------- */

static void check_name(const char *name)
{
    size_t len = strlen(name);
    assert(len >= 1 && len <= DECODE_NAME_MAX && utf8_valid(name, len));
    assert(strchr(name, '/') == NULL && strcmp(name, "..") != 0 && strcmp(name, ".") != 0);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)name[i] >= 0x20 && name[i] != 0x7f);
}

static void check_limits(const struct decode_rules *rules, const struct limits *l)
{
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        int64_t v = limits_get(l, row);
        assert(v >= row->min && v <= limits_get(rules->ceilings, row));
    }
}

static void check_parts(const struct decode_rules *rules, const struct draft *d)
{
    const struct submission *s = &d->sub;
    assert(s->file_count >= 1 && s->file_count <= DECODE_FILES_MAX);
    assert(s->test_count >= 1 && s->test_count <= DECODE_TESTS_MAX);
    for (size_t i = 0; i < s->file_count; i++) {
        check_name(s->files[i].name);
        assert(d->files[i].data != NULL);
        for (size_t k = 0; k < i; k++)
            assert(strcmp(s->files[k].name, s->files[i].name) != 0);
    }
    for (size_t i = 0; i < s->test_count; i++) {
        assert(s->tests[i].name != NULL && s->tests[i].name[0] != '\0');
        check_limits(rules, &s->tests[i].limits);
    }
}

static void check_draft(const struct decode_rules *rules, const struct draft *d)
{
    const struct submission *s = &d->sub;
    struct target_rules where;
    char reason[TARGET_REASON_BYTES];
    struct err e;
    check_parts(rules, d);
    assert(strcmp(s->language, "c17") == 0 || strcmp(s->language, "java") == 0);
    assert(s->comparer.type >= COMPARER_LINES && s->comparer.type <= COMPARER_FLOATS);
    assert(isfinite(s->comparer.absolute) && s->comparer.absolute >= 0);
    assert(isfinite(s->comparer.relative) && s->comparer.relative >= 0);
    assert(s->comparer.type != COMPARER_EXACT || s->comparer.case_sensitive);
    assert(llabs(s->priority) <= DECODE_PRIORITY_MAX);
    if (s->entry_point != NULL) {
        check_name(s->entry_point);
        assert(s->entry_point[0] != '-' && strlen(s->entry_point) <= DECODE_ENTRY_MAX);
    }
    if (s->metadata_json != NULL)
        assert(strlen(s->metadata_json) <= DECODE_METADATA_MAX && s->metadata_json[0] == '{');
    if (s->callback_url != NULL) {
        int r = target_rules_of(rules->callbacks, &where, &e);
        assert(r == 0 && target_check(s->callback_url, &where, reason) == 0);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_bytes(const struct draft_bytes *a, const struct draft_bytes *b)
{
    if (a->data == NULL || b->data == NULL)
        return a->data == b->data;
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Files are in the order of the request: looked for by name. */
static bool same_files(const struct draft *a, const struct draft *b)
{
    size_t found = 0;
    for (size_t i = 0; i < a->sub.file_count; i++)
        for (size_t k = 0; k < b->sub.file_count; k++)
            found += strcmp(a->sub.files[i].name, b->sub.files[k].name) == 0 &&
                     same_bytes(&a->files[i], &b->files[k]);
    return found == a->sub.file_count && found == b->sub.file_count;
}

static bool same_draft(const struct draft *a, const struct draft *b)
{
    const struct submission *x = &a->sub, *y = &b->sub;
    bool same = x->test_count == y->test_count && same_files(a, b);
    for (size_t i = 0; same && i < x->test_count; i++)
        same = same_text(x->tests[i].name, y->tests[i].name) &&
               memcmp(&x->tests[i].limits, &y->tests[i].limits, sizeof x->tests[i].limits) == 0 &&
               same_bytes(&a->tests[i].input, &b->tests[i].input) &&
               same_bytes(&a->tests[i].expected, &b->tests[i].expected);
    return same && same_text(x->language, y->language) &&
           same_text(x->entry_point, y->entry_point) && x->priority == y->priority &&
           same_text(x->callback_url, y->callback_url) && x->comparer.type == y->comparer.type &&
           x->comparer.absolute == y->comparer.absolute &&
           x->comparer.relative == y->comparer.relative &&
           x->comparer.case_sensitive == y->comparer.case_sensitive &&
           x->stop_on_failure == y->stop_on_failure;
}

static void submit(const char *body, size_t len)
{
    struct language_record languages[] = {
        { TEXT("c17"), TEXT("C17"), TEXT("12"), true, TEXT("gcc"), TEXT("main.c"),
          TEXT("{\"aliases\":[\"c\"]}") },
        { TEXT("java"), TEXT("Java"), TEXT("17"), true, TEXT("jdk"), TEXT("Main.java"),
          TEXT("{\"run_command\":[\"java\",\"${entry_point}\"]}") },
        { TEXT("cobol"), TEXT("COBOL"), NULL, false, TEXT("gnucobol"), TEXT("main.cob"), NULL },
    };
    struct conf c;
    conf_init(&c);
    const struct decode_rules rules = { &c.limits, &c.ceilings, languages, ARRAY_COUNT(languages),
                                        &c };
    struct draft d, again;
    auto_problem_ struct problem p = { 0 };
    if (decode_submission(&rules, body, len, &d, &p) == 0) {
        auto_free_ char *text = rewritten(d.root);
        check_draft(&rules, &d);
        int r = decode_submission(&rules, text, strlen(text), &again, &p);
        assert(r == 0 && same_draft(&d, &again));
        draft_done(&d);
        draft_done(&again);
    } else {
        check_problem(&p);
    }
    conf_done(&c);
}

/* --- judging again
 * ----------------------------------------------------------------------------------- */

static void check_want(const struct rejudge_want *w)
{
    assert(w->limit >= 1 && w->limit <= REJUDGE_LIMIT_MAX);
    assert(llabs(w->priority) <= DECODE_PRIORITY_MAX);
    assert(w->ids == NULL ||
           (json_array_size(w->ids) >= 1 && json_array_size(w->ids) <= REJUDGE_IDS_MAX));
    for (size_t i = 0; i < json_array_size(w->ids); i++)
        assert(store_id_valid(json_string_value(json_array_get(w->ids, i))));
    assert(w->before_id[0] == '\0' || store_id_valid(w->before_id));
    assert(w->from_id[0] == '\0' || store_id_valid(w->from_id));
    assert(w->filter.before_id == NULL || w->filter.before_id == w->before_id ||
           strcmp(w->filter.before_id, w->before_id) == 0);
    assert(w->filter.key_id >= -1 && w->from_unix_ms >= 0 && w->before_unix_ms >= 0);
}

static void rejudge(const char *body, size_t len)
{
    struct rejudge_want w, again;
    auto_problem_ struct problem p = { 0 };
    if (rejudge_decode(body, len, &w, &p) != 0) {
        check_problem(&p);
        return;
    }
    check_want(&w);
    auto_free_ char *text = rewritten(w.root);
    auto_free_ char *metadata = w.metadata != NULL ? json_dumps(w.metadata, 0) : NULL;
    int r = rejudge_decode(text, strlen(text), &again, &p);
    assert(r == 0 && again.limit == w.limit && again.priority == w.priority);
    assert(strcmp(again.before_id, w.before_id) == 0 && again.dry_run == w.dry_run);
    assert(rejudge_metadata_fits(w.metadata, metadata != NULL ? metadata : "{}"));
    rejudge_want_done(&w);
    rejudge_want_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in = { data, len };
    bool again = take_byte(&in) == 'r';
    auto_free_ char *body = malloc(in.len);
    if (in.len > 0)
        memcpy(body, in.data, in.len);
    if (again)
        rejudge(body, in.len);
    else
        submit(body, in.len);
    return 0;
}
