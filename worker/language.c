/* language.c - reads and checks language files by the table language.def; supervisor and slots. */
#include "worker/language.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "sandbox/base/units.h"
#include "sandbox/base/yaml.h"
#include "worker/expand.h"

enum kind { ID, TEXT, FILE_NAME, PATTERN, LIST, COMMAND, ENV, LIMITS, BOOL };

#define KIND_ID ID
#define KIND_TEXT TEXT
#define KIND_FILE FILE_NAME
#define KIND_PATTERN PATTERN
#define KIND_LIST LIST
#define KIND_COMMAND COMMAND
#define KIND_ENV ENV
#define KIND_LIMITS LIMITS
#define KIND_BOOL BOOL

struct key_row {
    const char *section, *key;
    enum kind kind;
    bool must;
    size_t offset;
};

static const struct key_row rows[] = {
#define LANGUAGE(section, key, field, kind, must, help)                                            \
    { section, key, KIND_##kind, must, offsetof(struct language, field) },
#include "worker/language.def"
#undef LANGUAGE
};

enum { ID_BYTES_MAX = 40, NAME_BYTES_MAX = 255, FILE_BYTES_MAX = 1 << 20 };

static void *field_at(const struct language *l, const struct key_row *row)
{
    return (char *)(uintptr_t)l + row->offset;
}

/* ---- one value of each kind ------------------------------------------------------------------ */

static int scalar(const struct yaml_node *n, struct err *e)
{
    if (n->kind != YAML_SCALAR || n->text[0] == '\0')
        return err_input(e, "expected a text");
    return 0;
}

static bool id_valid(const char *s)
{
    for (const char *p = s; *p != '\0'; p++) {
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) &&
            (p == s || strchr("_+.-", *p) == NULL))
            return false;
    }
    return s[0] != '\0' && strlen(s) <= ID_BYTES_MAX;
}

static bool file_name_valid(const char *s)
{
    return s[0] != '\0' && s[0] != '-' && strchr(s, '/') == NULL && strcmp(s, ".") != 0 &&
           strcmp(s, "..") != 0 && strlen(s) <= NAME_BYTES_MAX;
}

static int pattern_check(const char *text, struct err *e)
{
    regex_t re;
    int rc = regcomp(&re, text, REG_EXTENDED);
    if (rc != 0) {
        char why[128];
        regerror(rc, &re, why, sizeof(why));
        return err_input(e, "expected a regular expression: %s", why);
    }
    regfree(&re);
    return 0;
}

static int set_text(const struct yaml_node *n, enum kind kind, char **field, struct err *e)
{
    if (scalar(n, e) != 0)
        return -1;
    if (kind == ID && !id_valid(n->text))
        return err_input(e, "expected lower-case letters, digits and _+.-, got \"%s\"", n->text);
    if (kind == FILE_NAME && !file_name_valid(n->text))
        return err_input(e, "expected a file name without '/', got \"%s\"", n->text);
    if (kind == PATTERN && pattern_check(n->text, e) != 0)
        return -1;
    *field = xstrdup(n->text);
    return 0;
}

static int set_list(const struct yaml_node *n, enum kind kind, struct text_list *field,
                    struct err *e)
{
    if (n->kind != YAML_SEQUENCE || n->count == 0)
        return err_input(e, "expected a list of texts: [a, b]");
    for (size_t i = 0; i < n->count; i++) {
        if (scalar(n->items[i], e) != 0)
            return -1;
        if (kind == COMMAND && expand_check(n->items[i]->text, e) != 0)
            return -1;
        text_list_add(field, n->items[i]->text);
    }
    return 0;
}

static bool variable_valid(const char *name)
{
    for (const char *p = name; *p != '\0'; p++) {
        if (!isalpha((unsigned char)*p) && *p != '_' && (p == name || !isdigit((unsigned char)*p)))
            return false;
    }
    return name[0] != '\0';
}

static int set_env(const struct yaml_node *n, struct text_list *field, struct err *e)
{
    if (n->kind != YAML_MAPPING)
        return err_input(e, "expected a mapping NAME: text");
    for (size_t i = 0; i < n->count; i++) {
        if (!variable_valid(n->keys[i]))
            return err_input(e, "expected the name of a variable, got \"%s\"", n->keys[i]);
        if (n->items[i]->kind != YAML_SCALAR)
            return err_input(e, "%s: expected a text", n->keys[i]);
        if (expand_check(n->items[i]->text, e) != 0)
            return err_wrap(e, "%s", n->keys[i]);
        text_list_take(field, xasprintf("%s=%s", n->keys[i], n->items[i]->text));
    }
    return 0;
}

static int parse_limit(const struct limit_row *row, const char *text, int64_t *ret, struct err *e)
{
    int64_t value = -1;
    switch (row->kind) {
    case LIMIT_COUNT:
        if (units_parse_int(text, 0, row->ceiling_default, &value, e) != 0)
            return -1;
        break;
    case LIMIT_BYTES:
        if (units_parse_bytes(text, &value, e) != 0)
            return -1;
        break;
    case LIMIT_TIME:
        if (units_parse_duration(text, &value, e) != 0)
            return -1;
        value /= 1000000;
        break;
    }
    *ret = value;
    return 0;
}

static int set_limits(const struct yaml_node *n, struct limits *field, struct err *e)
{
    if (n->kind != YAML_MAPPING)
        return err_input(e, "expected a mapping of limits");
    for (size_t i = 0; i < n->count; i++) {
        const struct limit_row *row = limits_find(n->keys[i]);
        if (row == NULL)
            return err_input(e, "unknown limit \"%s\"", n->keys[i]);
        if (scalar(n->items[i], e) != 0 ||
            parse_limit(row, n->items[i]->text, limits_at(field, row), e) != 0)
            return err_wrap(e, "%s", row->name);
    }
    return 0;
}

static int set_bool(const struct yaml_node *n, bool *field, struct err *e)
{
    bool yes = n->kind == YAML_SCALAR && strcmp(n->text, "true") == 0;
    if (!yes && (n->kind != YAML_SCALAR || strcmp(n->text, "false") != 0))
        return err_input(e, "expected true or false");
    *field = yes;
    return 0;
}

static int set_field(const struct yaml_node *n, enum kind kind, void *field, struct err *e)
{
    switch (kind) {
    case ID:
    case TEXT:
    case FILE_NAME:
    case PATTERN:
        return set_text(n, kind, field, e);
    case LIST:
    case COMMAND:
        return set_list(n, kind, field, e);
    case ENV:
        return set_env(n, field, e);
    case LIMITS:
        return set_limits(n, field, e);
    case BOOL:
        return set_bool(n, field, e);
    }
    return err_bug(e, "unknown kind %d", (int)kind);
}

/* ---- one file -------------------------------------------------------------------------------- */

static const struct key_row *find_key(const char *section, const char *key)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strcmp(rows[i].section, section) == 0 && strcmp(rows[i].key, key) == 0)
            return &rows[i];
    }
    return NULL;
}

static bool is_section(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].section[0] != '\0' && strcmp(rows[i].section, name) == 0)
            return true;
    }
    return false;
}

static int read_section(const char *path, const char *section, const struct yaml_node *n,
                        struct language *l, struct err *e)
{
    const char *dot = section[0] != '\0' ? "." : "";
    if (n->kind != YAML_MAPPING)
        return err_input(e, "%s: line %d: %s: expected a mapping of keys", path, n->line, section);
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *item = n->items[i];
        if (section[0] == '\0' && is_section(n->keys[i])) {
            if (read_section(path, n->keys[i], item, l, e) != 0)
                return -1;
            continue;
        }
        const struct key_row *row = find_key(section, n->keys[i]);
        if (row == NULL)
            return err_input(e, "%s: line %d: unknown key %s%s%s", path, item->line, section, dot,
                             n->keys[i]);
        if (set_field(item, row->kind, field_at(l, row), e) != 0)
            return err_wrap(e, "%s: line %d: %s%s%s", path, item->line, section, dot, n->keys[i]);
    }
    return 0;
}

static bool is_set(const struct language *l, const struct key_row *row)
{
    const void *field = field_at(l, row);
    switch (row->kind) {
    case ID:
    case TEXT:
    case FILE_NAME:
    case PATTERN:
        return *(char *const *)field != NULL;
    case LIST:
    case COMMAND:
    case ENV:
        return ((const struct text_list *)field)->count != 0;
    case LIMITS:
    case BOOL:
        break;
    }
    return true;
}

static const struct yaml_node *section_get(const struct yaml_node *root, const char *section,
                                           const char *key)
{
    const struct yaml_node *n = section[0] == '\0' ? root : yaml_get(root, section);
    return n == NULL ? NULL : yaml_get(n, key);
}

static int check_whole(const char *path, const struct yaml_node *root, struct language *l,
                       struct err *e)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].must && !is_set(l, &rows[i]))
            return err_input(e, "%s: %s%s%s is missing", path, rows[i].section,
                             rows[i].section[0] != '\0' ? "." : "", rows[i].key);
    }
    bool compiled = l->compile_command.count != 0;
    if (!compiled && yaml_get(root, "compile") != NULL)
        return err_input(e, "%s: line %d: compile.command is missing", path,
                         yaml_get(root, "compile")->line);
    bool prepares = l->prepare_command.count != 0;
    if (prepares != (l->prepare_artifacts.count != 0) ||
        prepares != (l->prepare_arguments.count != 0) || (prepares && !compiled))
        return err_input(e, "%s: prepare: expected command, artifacts and arguments, and a compile",
                         path);
    if (section_get(root, "run", "sources") == NULL)
        l->run_sources = !compiled;
    if (l->image == NULL)
        l->image = xstrdup("host");
    if (compiled && l->compile_sources.count == 0) {
        const char *dot = strrchr(l->source_file, '.');
        text_list_take(&l->compile_sources, xasprintf("*%s", dot != NULL ? dot : ""));
    }
    return 0;
}

/* A file that only says `id` and `enabled: false` is whole. */
static bool only_disables(const struct language *l)
{
    return !l->enabled && l->id != NULL;
}

int language_load(const char *path, struct language *ret, struct err *e)
{
    auto_buf_ struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    struct yaml_node *root = NULL;
    if (io_read_file(AT_FDCWD, path, FILE_BYTES_MAX, &text, e) != 0 ||
        yaml_parse(path, buf_text(&text), text.len, &root, e) != 0)
        return -1;
    struct language l = { .enabled = true };
    for (size_t i = 0; i < limits_count; i++) {
        *limits_at(&l.compile_limits, &limits_table[i]) = -1;
        *limits_at(&l.run_extra, &limits_table[i]) = -1;
        *limits_at(&l.run_minimum, &limits_table[i]) = -1;
    }
    int rc = read_section(path, "", root, &l, e);
    if (rc == 0 && !only_disables(&l))
        rc = check_whole(path, root, &l, e);
    yaml_free(root);
    if (rc != 0) {
        language_done(&l);
        return -1;
    }
    l.path = xstrdup(path);
    store_sha256(buf_text(&text), text.len, l.file_sha256);
    *ret = l;
    return 0;
}

void language_done(struct language *l)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        void *field = field_at(l, &rows[i]);
        switch (rows[i].kind) {
        case ID:
        case TEXT:
        case FILE_NAME:
        case PATTERN:
            free(*(char **)field);
            break;
        case LIST:
        case COMMAND:
        case ENV:
            text_list_done(field);
            break;
        case LIMITS:
        case BOOL:
            break;
        }
    }
    free(l->path);
    free(l->version);
    *l = (struct language){ 0 };
}

/* ---- limits and what is shown ---------------------------------------------------------------- */

struct limits language_run_limits(const struct language *l, const struct limits *asked,
                                  const struct limits *ceilings)
{
    struct limits got = *asked;
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        int64_t *value = limits_at(&got, row);
        int64_t extra = limits_get(&l->run_extra, row), least = limits_get(&l->run_minimum, row);
        int64_t most = limits_get(ceilings, row);
        if (extra > 0 && *value <= most - extra)
            *value += extra;
        else if (extra > 0)
            *value = most;
        if (*value < least)
            *value = least < most ? least : most;
    }
    return got;
}

struct limits language_compile_limits(const struct language *l, const struct limits *configured,
                                      const struct limits *ceilings)
{
    struct limits got = *configured;
    for (size_t i = 0; i < limits_count; i++) {
        const struct limit_row *row = &limits_table[i];
        int64_t own = limits_get(&l->compile_limits, row), most = limits_get(ceilings, row);
        if (own >= 0)
            *limits_at(&got, row) = own < most ? own : most;
    }
    return got;
}
