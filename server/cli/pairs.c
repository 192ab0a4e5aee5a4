/* pairs.c - finding tests in a folder; the `minos` process. */
#include "server/cli/pairs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"

enum role { ROLE_NONE, ROLE_INPUT, ROLE_OUTPUT };

/* Longest word first, so that "input" is not taken for "in". */
static const struct {
    const char *word;
    enum role role;
    bool whole; /* as a file's prefix it is too short to mean anything: folders only */
} words[] = {
    { "inputs", ROLE_INPUT, false },   { "input", ROLE_INPUT, false },
    { "in", ROLE_INPUT, true },        { "outputs", ROLE_OUTPUT, false },
    { "output", ROLE_OUTPUT, false },  { "out", ROLE_OUTPUT, true },
    { "answers", ROLE_OUTPUT, false }, { "answer", ROLE_OUTPUT, false },
    { "ans", ROLE_OUTPUT, true },      { "expected", ROLE_OUTPUT, false },
};

static const struct {
    const char *ending;
    enum role role;
} endings[] = { { ".in", ROLE_INPUT }, { ".out", ROLE_OUTPUT }, { ".ans", ROLE_OUTPUT } };

int pairs_compare_names(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            size_t na = strspn(a, "0123456789"), nb = strspn(b, "0123456789");
            int order = na != nb ? (na < nb ? -1 : 1) : strncmp(a, b, na);
            if (order != 0)
                return order;
            a += na;
            b += nb;
        } else if (*a == *b) {
            a++;
            b++;
        } else {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        }
    }
    return (*a != '\0') - (*b != '\0');
}

static void add(struct pairs *found, char *name, enum role role, const char *path)
{
    found->items = xrealloc(found->items, (found->count + 1) * sizeof found->items[0]);
    found->items[found->count++] = (struct pair){
        .name = name,
        .input = role == ROLE_INPUT ? xstrdup(path) : NULL,
        .output = role == ROLE_OUTPUT ? xstrdup(path) : NULL,
    };
}

/* What `name` says at its beginning; *ret_rest is what follows the word. */
static enum role role_by_prefix(const char *name, bool folder, const char **ret_rest)
{
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        size_t len = strlen(words[i].word);
        if (strncasecmp(name, words[i].word, len) != 0 || (words[i].whole && !folder))
            continue;
        if (words[i].whole && isalpha((unsigned char)name[len]))
            continue; /* "include" is no folder of inputs */
        *ret_rest = name + len;
        return words[i].role;
    }
    return ROLE_NONE;
}

/* "input01.txt", "01.in" and "01.txt" in a folder of inputs are all test "01". */
static char *test_name(const char *folder_rest, const char *file)
{
    const char *rest = file;
    (void)role_by_prefix(file, false, &rest);
    size_t lead = strspn(rest, "-_.");
    rest = rest[lead] != '\0' ? rest + lead : rest;
    const char *dot = strrchr(rest, '.');
    size_t len = dot != NULL && dot != rest ? (size_t)(dot - rest) : strlen(rest);
    folder_rest += strspn(folder_rest, "-_.");
    return xasprintf("%s%s%.*s", folder_rest, folder_rest[0] != '\0' ? "/" : "", (int)len, rest);
}

/* A file at the top: by ending, else by beginning. */
static void take_top_file(struct pairs *found, const char *file, const char *path)
{
    size_t len = strlen(file);
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        size_t n = strlen(endings[i].ending);
        if (len > n && strcasecmp(file + len - n, endings[i].ending) == 0) {
            add(found, xstrndup(file, len - n), endings[i].role, path);
            return;
        }
    }
    const char *rest;
    enum role role = role_by_prefix(file, false, &rest);
    if (role != ROLE_NONE)
        add(found, test_name("", file), role, path);
}

static int scan(const char *dir, enum role role, const char *folder_rest, struct pairs *found,
                struct err *e)
{
    auto_dir_ DIR *d = opendir(dir);
    if (d == NULL) {
        err_sys(e, "%s", dir);
        e->kind = ERR_INPUT;
        return -1;
    }
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        auto_free_ char *path = xasprintf("%s/%s", dir, entry->d_name);
        struct stat st;
        if (stat(path, &st) < 0)
            return err_input(e, "%s: %s", path, strerror(errno));
        const char *rest = "";
        enum role inner = role_by_prefix(entry->d_name, true, &rest);
        if (S_ISDIR(st.st_mode) && role == ROLE_NONE && inner != ROLE_NONE) {
            if (scan(path, inner, rest, found, e) < 0)
                return -1;
        } else if (S_ISREG(st.st_mode) && role != ROLE_NONE) {
            add(found, test_name(folder_rest, entry->d_name), role, path);
        } else if (S_ISREG(st.st_mode)) {
            take_top_file(found, entry->d_name, path);
        }
    }
    return 0;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = pairs_compare_names(x->name, y->name);
    /* "01" and "1" are equal to the eye but two tests. */
    return order != 0 ? order : strcmp(x->name, y->name);
}

/* Neighbours of one name become one pair. */
static int join(struct pairs *p, struct err *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct pair *last = kept > 0 ? &p->items[kept - 1] : NULL, *next = &p->items[i];
        if (last == NULL || strcmp(last->name, next->name) != 0) {
            struct pair moved = *next;
            *next = (struct pair){ 0 };
            p->items[kept++] = moved;
            continue;
        }
        char **slot = next->input != NULL ? &last->input : &last->output;
        char **from = next->input != NULL ? &next->input : &next->output;
        if (*slot != NULL)
            return err_input(e, "%s and %s are both the %s of test %s", *slot, *from,
                             next->input != NULL ? "input" : "expected output", last->name);
        *slot = take_ptr(from);
        free(take_ptr(&next->name));
    }
    p->count = kept;
    return 0;
}

static int check(const char *dir, const struct pairs *p, struct err *e)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct pair *t = &p->items[i];
        if (t->output == NULL)
            return err_input(e, "%s has no partner: expected %s.out, %s.ans or the like beside it",
                             t->input, t->name, t->name);
        if (t->input == NULL)
            return err_input(e, "%s has no partner: expected %s.in or the like beside it",
                             t->output, t->name);
    }
    if (p->count == 0)
        return err_input(e,
                         "%s holds no tests: expected pairs such as 1.in and 1.out, or folders "
                         "input and output",
                         dir);
    return 0;
}

int pairs_find(const char *dir, struct pairs *ret, struct err *e)
{
    auto_pairs_ struct pairs found = { 0 };
    if (scan(dir, ROLE_NONE, "", &found, e) < 0)
        return -1;
    if (found.count > 0)
        qsort(found.items, found.count, sizeof found.items[0], compare_pairs);
    if (join(&found, e) < 0 || check(dir, &found, e) < 0)
        return -1;
    *ret = found;
    found = (struct pairs){ 0 };
    return 0;
}

void pairs_done(struct pairs *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->items[i].name);
        free(p->items[i].input);
        free(p->items[i].output);
    }
    free(p->items);
    *p = (struct pairs){ 0 };
}
