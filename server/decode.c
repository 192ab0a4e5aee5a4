/*
 * decode.c - a submission's JSON, checked whole and made into a draft; minos-server.
 *
 * Two passes: tables say what each object may hold (walk.c), then what spans members is checked
 * here. All faults are collected, so that a client mends its request in one go.
 */
#include "server/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "server/decode_limits.h"
#include "server/target.h"
#include "server/walk.h"

/* The members of a request, before they are checked against each other. */
struct raw {
    const char *language, *entry_point, *callback_url;
    struct draft_bytes source, input, expected;
    json_t *files, *tests, *comparer, *limits, *metadata;
    struct walk_bool stop_on_failure;
    struct walk_int priority;
};

#define ROW(s, member, name, kind, min, max)                                                       \
    {                                                                                              \
        name, kind, offsetof(s, member), min, max                                                  \
    }

static const struct walk_row request_rows[] = {
    ROW(struct raw, language, "language", WALK_TEXT, 1, 64),
    ROW(struct raw, source, "source", WALK_BYTES, 0, 0),
    ROW(struct raw, files, "files", WALK_OBJECT, 0, 0),
    ROW(struct raw, entry_point, "entry_point", WALK_TEXT, 1, DECODE_NAME_MAX),
    ROW(struct raw, input, "stdin", WALK_BYTES, 0, 0),
    ROW(struct raw, expected, "expected_output", WALK_BYTES, 0, 0),
    ROW(struct raw, tests, "tests", WALK_ARRAY, 1, DECODE_TESTS_MAX),
    ROW(struct raw, comparer, "comparer", WALK_OBJECT, 0, 0),
    ROW(struct raw, limits, "limits", WALK_OBJECT, 0, 0),
    ROW(struct raw, stop_on_failure, "stop_on_failure", WALK_BOOL, 0, 0),
    ROW(struct raw, priority, "priority", WALK_INT, -DECODE_PRIORITY_MAX, DECODE_PRIORITY_MAX),
    ROW(struct raw, metadata, "metadata", WALK_OBJECT, 0, 0),
    ROW(struct raw, callback_url, "callback_url", WALK_TEXT, 1, TARGET_URL_MAX),
};

struct raw_test {
    const char *name;
    struct draft_bytes input, expected;
    json_t *limits;
};

static const struct walk_row test_rows[] = {
    ROW(struct raw_test, name, "name", WALK_TEXT, 1, DECODE_NAME_MAX),
    ROW(struct raw_test, input, "stdin", WALK_BYTES, 0, 0),
    ROW(struct raw_test, expected, "expected_output", WALK_BYTES, 0, 0),
    ROW(struct raw_test, limits, "limits", WALK_OBJECT, 0, 0),
};

struct raw_comparer {
    const char *type;
    struct walk_real absolute, relative;
    struct walk_bool case_sensitive;
};

static const struct walk_row comparer_rows[] = {
    ROW(struct raw_comparer, type, "type", WALK_TEXT, 1, 64),
    ROW(struct raw_comparer, absolute, "absolute", WALK_REAL, 0, 0),
    ROW(struct raw_comparer, relative, "relative", WALK_REAL, 0, 0),
    ROW(struct raw_comparer, case_sensitive, "case_sensitive", WALK_BOOL, 0, 0),
};

static struct draft_bytes take_bytes(struct draft_bytes *b)
{
    struct draft_bytes taken = *b;
    *b = (struct draft_bytes){ 0 };
    return taken;
}

static void raw_done(struct raw *r)
{
    free(r->source.owned);
    free(r->input.owned);
    free(r->expected.owned);
}

void draft_drop_bytes(struct draft *d)
{
    for (size_t i = 0; d->files != NULL && i < d->sub.file_count; i++)
        free(d->files[i].owned);
    for (size_t i = 0; d->tests != NULL && i < d->sub.test_count; i++) {
        free(d->tests[i].input.owned);
        free(d->tests[i].expected.owned);
    }
    free(d->files);
    free(d->tests);
    json_decref(d->root);
    d->files = NULL;
    d->tests = NULL;
    d->root = NULL;
}

void draft_done(struct draft *d)
{
    draft_drop_bytes(d);
    submission_done(&d->sub);
    *d = (struct draft){ 0 };
}

/* Whether the language's file lists `id` among its aliases. */
static bool has_alias(const struct language_record *l, const char *id)
{
    json_t *detail = l->detail_json != NULL ? json_loads(l->detail_json, 0, NULL) : NULL;
    const json_t *aliases = json_object_get(detail, "aliases");
    bool found = false;
    for (size_t i = 0; i < json_array_size(aliases) && !found; i++) {
        const char *alias = json_string_value(json_array_get(aliases, i));
        found = alias != NULL && strcmp(alias, id) == 0;
    }
    json_decref(detail);
    return found;
}

static const struct language_record *check_language(const struct decode_rules *rules,
                                                    const char *id, struct problem *p)
{
    auto_buf_ struct buf available = { 0 };
    const struct language_record *found = NULL;
    for (size_t i = 0; i < rules->language_count; i++) {
        const struct language_record *l = &rules->languages[i];
        if (l->available)
            buf_printf(&available, "%s%s", available.len > 0 ? ", " : "", l->id);
        if (strcmp(l->id, id) == 0)
            found = l;
    }
    for (size_t i = 0; i < rules->language_count && found == NULL; i++)
        if (has_alias(&rules->languages[i], id))
            found = &rules->languages[i];
    if (found != NULL && found->available)
        return found;
    json_t *value = json_string(id);
    if (found == NULL)
        walk_fault(p, "language", value, "one of: %s", buf_text(&available));
    else
        walk_fault(p, "language", value,
                   "a language whose tools are installed (this one needs %s): %s",
                   found->package != NULL ? found->package : "its tools", buf_text(&available));
    json_decref(value);
    return found;
}

static bool name_ok(const char *name)
{
    size_t len = strlen(name);
    if (len < 1 || len > DECODE_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < len; i++)
        if (name[i] == '/' || (unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return true;
}

static void check_name(struct problem *p, const char *name)
{
    if (name_ok(name))
        return;
    json_t *value = json_string(name);
    walk_fault(
        p, "files", value,
        "a file name of 1 to %d bytes without '/' and control characters, not \".\" or \"..\"",
        DECODE_NAME_MAX);
    json_decref(value);
}

/* Room for one more file; the draft owns both arrays. */
static void add_file(struct draft *d, const char *name, struct draft_bytes bytes)
{
    size_t n = d->sub.file_count++;
    d->sub.files = xrealloc(d->sub.files, (n + 1) * sizeof *d->sub.files);
    d->files = xrealloc(d->files, (n + 1) * sizeof *d->files);
    d->sub.files[n] = (struct source_file){ .name = xstrdup(name) };
    d->files[n] = bytes;
}

static void read_files(const struct raw *raw, struct draft *d, struct problem *p)
{
    size_t count = json_object_size(raw->files);
    if (count < 1 || count > DECODE_FILES_MAX) {
        walk_fault(p, "files", raw->files, "an object with 1 to %d files", DECODE_FILES_MAX);
        return;
    }
    const char *name = NULL;
    json_t *v = NULL;
    json_object_foreach(raw->files, name, v)
    {
        struct {
            struct draft_bytes bytes;
        } target = { 0 };
        const struct walk_row row = { name, WALK_BYTES, 0, 0, 0 };
        check_name(p, name);
        json_t *one = json_pack("{sO}", name, v);
        walk_object(p, one, "files", &row, 1, &target);
        json_decref(one);
        if (target.bytes.data == NULL && json_is_null(v))
            walk_fault(p, "files", v, "text for each file");
        add_file(d, name, target.bytes);
    }
}

static const struct draft_bytes *find_file(const struct draft *d, const char *name)
{
    for (size_t i = 0; i < d->sub.file_count; i++)
        if (strcmp(d->sub.files[i].name, name) == 0)
            return &d->files[i];
    return NULL;
}

/* Whether the language starts something by name that is no file, such as a Java class. */
static bool starts_by_name(const struct language_record *lang)
{
    return lang != NULL && lang->detail_json != NULL && lang->source_file != NULL &&
           strstr(lang->detail_json, "${entry_point}") != NULL;
}

static bool same_suffix(const char *a, const char *b)
{
    const char *dot_a = strrchr(a, '.'), *dot_b = strrchr(b, '.');
    return dot_a != NULL && dot_b != NULL && strcmp(dot_a, dot_b) == 0;
}

/* The entry point that was asked for, when it can be one; else NULL. Where classes are started, a
 * file stands for the class of its name: the draft gets "Foo" for "Foo.java". */
static const char *read_entry(const struct raw *raw, const struct language_record *lang,
                              struct draft *d, struct problem *p)
{
    const char *entry = raw->entry_point;
    if (entry == NULL)
        return NULL;
    if (!name_ok(entry) || strlen(entry) > DECODE_ENTRY_MAX || entry[0] == '-') {
        json_t *value = json_string(entry);
        walk_fault(p, "entry_point", value,
                   "the name of a file or class: at most %d bytes, no '/', not beginning with '-'",
                   DECODE_ENTRY_MAX);
        json_decref(value);
        return NULL;
    }
    size_t len = strlen(entry);
    if (starts_by_name(lang) && same_suffix(entry, lang->source_file) && entry[0] != '.')
        len = (size_t)(strrchr(entry, '.') - entry);
    d->sub.entry_point = xstrndup(entry, len);
    return entry;
}

/* The worker looks for the entry point, then for the language's usual file, then for one with its
 * suffix; here only what cannot be right is refused. */
static void check_files(const struct language_record *lang, const char *entry,
                        const struct draft *d, struct problem *p)
{
    const struct draft_bytes *file = entry != NULL ? find_file(d, entry) : NULL;
    if (entry != NULL && file == NULL && lang != NULL && !starts_by_name(lang)) {
        json_t *value = json_string(entry);
        walk_fault(p, "entry_point", value, "the name of one of the files");
        json_decref(value);
    }
    if (entry == NULL && lang != NULL && lang->source_file != NULL)
        file = find_file(d, lang->source_file);
    if (file == NULL && d->sub.file_count == 1)
        file = &d->files[0];
    if (file != NULL && file->data != NULL && file->len == 0)
        problem_fault(p, "files", "\"\"", "at least 1 byte in the main file");
}

static void read_source(struct raw *raw, const struct language_record *lang, const char *entry,
                        struct draft *d, struct problem *p)
{
    const char *usual = lang != NULL && lang->source_file != NULL ? lang->source_file : "main";
    bool is_class = entry != NULL && starts_by_name(lang) && !same_suffix(entry, usual);
    if (raw->source.len == 0)
        problem_fault(p, "source", "\"\"", "at least 1 byte");
    add_file(d, entry != NULL && !is_class ? entry : usual, take_bytes(&raw->source));
}

/* Whether a member is there, be it right or wrong. */
static bool is_given(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);
    return v != NULL && !json_is_null(v);
}

static void read_program(struct raw *raw, const struct language_record *lang, struct draft *d,
                         struct problem *p)
{
    const char *entry = read_entry(raw, lang, d, p);
    if (raw->source.data != NULL && raw->files != NULL) {
        walk_fault(p, "files", raw->files, "either \"source\" or \"files\", not both");
    } else if (raw->files != NULL) {
        read_files(raw, d, p);
        if (d->sub.file_count > 0)
            check_files(lang, entry, d, p);
    } else if (raw->source.data != NULL) {
        read_source(raw, lang, entry, d, p);
    } else if (!is_given(d->root, "source") && !is_given(d->root, "files")) {
        problem_fault(p, "source", NULL, "\"source\" or \"files\" is needed");
    }
}

static void read_comparer(const json_t *v, struct comparer *ret, struct problem *p)
{
    struct raw_comparer raw = { 0 };
    *ret = (struct comparer){ .type = COMPARER_LINES, .case_sensitive = true };
    if (v == NULL)
        return;
    walk_object(p, v, "comparer", comparer_rows, ARRAY_COUNT(comparer_rows), &raw);
    if (raw.type != NULL)
        ret->type = comparer_type_from_name(raw.type);
    bool floats = ret->type == COMPARER_FLOATS;
    if (ret->type == 0)
        walk_fault(p, "comparer.type", json_object_get(v, "type"),
                   "one of: exact, lines, tokens, floats");
    else if (!floats && (raw.absolute.given || raw.relative.given))
        walk_fault(p, raw.absolute.given ? "comparer.absolute" : "comparer.relative",
                   json_object_get(v, raw.absolute.given ? "absolute" : "relative"),
                   "only with the type \"floats\"");
    if (ret->type == COMPARER_EXACT && raw.case_sensitive.given && !raw.case_sensitive.value)
        walk_fault(p, "comparer.case_sensitive", json_object_get(v, "case_sensitive"),
                   "true: \"exact\" compares bytes");
    bool neither = !raw.absolute.given && !raw.relative.given;
    ret->absolute = floats && neither ? DECODE_TOLERANCE : raw.absolute.value;
    ret->relative = floats && neither ? DECODE_TOLERANCE : raw.relative.value;
    if (raw.case_sensitive.given)
        ret->case_sensitive = raw.case_sensitive.value;
}

static void read_metadata(const json_t *v, struct draft *d, struct problem *p)
{
    if (v == NULL)
        return;
    char *text = json_dumps(v, JSON_COMPACT);
    if (text == NULL || strlen(text) > DECODE_METADATA_MAX)
        walk_fault(p, "metadata", v, "an object of at most %d bytes as compact JSON",
                   DECODE_METADATA_MAX);
    free(d->sub.metadata_json);
    d->sub.metadata_json = text;
}

static void read_test(const struct decode_rules *rules, const json_t *v, size_t i,
                      const struct limits_level *above, struct draft *d, struct problem *p)
{
    char path[WALK_PATH_BYTES], limits_path[WALK_PATH_BYTES];
    snprintf(path, sizeof path, "tests[%zu]", i);
    struct raw_test raw = { 0 };
    if (json_is_object(v))
        walk_object(p, v, path, test_rows, ARRAY_COUNT(test_rows), &raw);
    else
        walk_fault(p, path, v, "an object");
    struct limits_level level = *above;
    if (raw.limits != NULL)
        decode_limits(p, raw.limits, walk_join(limits_path, path, "limits"), rules->ceilings,
                      &level);
    d->tests[i] = (struct draft_test){ raw.input, raw.expected };
    d->sub.tests[i].name = raw.name != NULL ? xstrdup(raw.name) : xasprintf("%zu", i + 1);
    d->sub.tests[i].limits = level.limits;
}

static void read_tests(const struct decode_rules *rules, struct raw *raw, struct draft *d,
                       struct problem *p)
{
    struct limits_level level = { .limits = *rules->defaults };
    if (raw->limits != NULL)
        decode_limits(p, raw->limits, "limits", rules->ceilings, &level);
    size_t count = raw->tests != NULL ? json_array_size(raw->tests) : 1;
    d->sub.test_count = count;
    d->sub.tests = xcalloc(count, sizeof *d->sub.tests);
    d->tests = xcalloc(count, sizeof *d->tests);
    for (size_t i = 0; raw->tests != NULL && i < count; i++)
        read_test(rules, json_array_get(raw->tests, i), i, &level, d, p);
    if (raw->tests != NULL) {
        if (raw->input.data != NULL)
            problem_fault(p, "stdin", NULL, "not together with \"tests\", which have their own");
        if (raw->expected.data != NULL)
            problem_fault(p, "expected_output", NULL,
                          "not together with \"tests\", which have their own");
        return;
    }
    d->tests[0] = (struct draft_test){ take_bytes(&raw->input), take_bytes(&raw->expected) };
    d->sub.tests[0].name = xstrdup("1");
    d->sub.tests[0].limits = level.limits;
}

static void read_callback(const struct decode_rules *rules, const char *url, struct draft *d,
                          struct problem *p)
{
    char expected[TARGET_REASON_BYTES] = "no callback_url: callbacks are switched off here "
                                         "(callbacks.enabled)";
    struct target_rules where;
    struct err e;
    if (url == NULL)
        return;
    if (rules->callbacks != NULL && target_rules_of(rules->callbacks, &where, &e) == 0 &&
        target_check(url, &where, expected) == 0) {
        d->sub.callback_url = xstrdup(url);
        return;
    }
    json_t *value = json_string(url);
    walk_fault(p, "callback_url", value, "%s", expected);
    json_decref(value);
}

static void read_all(const struct decode_rules *rules, struct raw *raw, struct draft *d,
                     struct problem *p)
{
    walk_object(p, d->root, "", request_rows, ARRAY_COUNT(request_rows), raw);
    const struct language_record *lang = NULL;
    if (raw->language != NULL)
        lang = check_language(rules, raw->language, p);
    else if (!is_given(d->root, "language"))
        problem_fault(p, "language", NULL, "the id of a language");
    d->sub.language = xstrdup(lang != NULL ? lang->id : raw->language != NULL ? raw->language : "");
    d->sub.priority = raw->priority.value;
    d->sub.stop_on_failure = raw->stop_on_failure.value;
    read_program(raw, lang, d, p);
    read_comparer(raw->comparer, &d->sub.comparer, p);
    read_metadata(raw->metadata, d, p);
    read_callback(rules, raw->callback_url, d, p);
    read_tests(rules, raw, d, p);
}

int decode_submission(const struct decode_rules *rules, const char *body, size_t len,
                      struct draft *ret, struct problem *p)
{
    struct draft d = { .root = decode_parse(body, len, p) };
    if (d.root == NULL)
        return -1;
    struct raw raw = { 0 };
    read_all(rules, &raw, &d, p);
    raw_done(&raw);
    if (p->id != PROBLEM_NONE) {
        draft_done(&d);
        return -1;
    }
    *ret = d;
    return 0;
}
