/* sources.c - opens a submission's files and finds its main one; slots. */
#include "worker/sources.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"

enum {
    SEARCH_BYTES_MAX = 256 * 1024, /* how much of a source entry_point.pattern is searched in */
    ENTRY_BYTES_MAX = 200,
    GROUPS_MAX = 10,
};

void sources_done(struct sources *src)
{
    for (size_t i = 0; i < src->count; i++)
        close_fd(&src->files[i].fd);
    text_list_done(&src->names);
    free(src->main_file);
    free(src->entry_point);
    free(src->problem);
    *src = (struct sources){ 0 };
}

static const char *find_name(const struct submission *sub, const char *name)
{
    for (size_t i = 0; i < sub->file_count; i++) {
        if (strcmp(sub->files[i].name, name) == 0)
            return sub->files[i].name;
    }
    return NULL;
}

static const char *find_suffix(const struct submission *sub, const char *like)
{
    const char *dot = strrchr(like, '.');
    for (size_t i = 0; dot != NULL && i < sub->file_count; i++) {
        const char *suffix = strrchr(sub->files[i].name, '.');
        if (suffix != NULL && strcmp(suffix, dot) == 0)
            return sub->files[i].name;
    }
    return NULL;
}

static const char *asked_entry(const struct submission *sub)
{
    return sub->entry_point != NULL && sub->entry_point[0] != '\0' ? sub->entry_point : NULL;
}

static const char *choose_main(const struct submission *sub, const struct language *l)
{
    const char *asked = asked_entry(sub);
    const char *found = asked != NULL ? find_name(sub, asked) : NULL;
    if (found == NULL)
        found = find_name(sub, l->source_file);
    if (found == NULL)
        found = find_suffix(sub, l->source_file);
    return found != NULL ? found : sub->files[0].name;
}

/* The last group of `pattern` that matched in `text`, or NULL. The caller frees. */
static char *search(const char *pattern, const char *text)
{
    regex_t re;
    regmatch_t groups[GROUPS_MAX];
    char *found = NULL;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE) != 0)
        return NULL; /* language_load has refused such a pattern */
    if (regexec(&re, text, GROUPS_MAX, groups, 0) == 0) {
        for (size_t i = GROUPS_MAX; i > 0 && found == NULL; i--) {
            const regmatch_t *g = &groups[i - 1];
            if (g->rm_so >= 0 && g->rm_eo > g->rm_so)
                found = xstrndup(text + g->rm_so, (size_t)(g->rm_eo - g->rm_so));
        }
    }
    regfree(&re);
    return found;
}

static int search_main(const struct sources *src, const struct language *l, char **ret,
                       struct err *e)
{
    for (size_t i = 0; i < src->count; i++) {
        if (strcmp(src->files[i].name, src->main_file) != 0)
            continue;
        auto_free_ char *text = xmalloc(SEARCH_BYTES_MAX + 1);
        ssize_t n = pread(src->files[i].fd, text, SEARCH_BYTES_MAX, 0);
        if (n < 0)
            return err_sys(e, "read the main source file");
        text[n] = '\0';
        *ret = search(l->entry_pattern, text);
    }
    return 0;
}

static int choose_entry(struct sources *src, const struct submission *sub, const struct language *l,
                        struct err *e)
{
    const char *asked = asked_entry(sub);
    if (asked != NULL)
        src->entry_point = xstrdup(asked);
    else if (l->entry_pattern != NULL && search_main(src, l, &src->entry_point, e) != 0)
        return -1;
    if (src->entry_point == NULL)
        src->entry_point = xstrdup(l->entry_default != NULL ? l->entry_default : src->main_file);
    return 0;
}

/* A lone file called as the client called nothing at all takes the name that its compiler wants. */
static void rename_lone(struct sources *src, const struct language *l)
{
    if (l->entry_suffix == NULL || src->count != 1 || strcmp(src->main_file, l->source_file) != 0)
        return;
    const char *dot = strrchr(src->entry_point, '.');
    free(src->main_file);
    src->main_file = xasprintf("%s%s", dot != NULL ? dot + 1 : src->entry_point, l->entry_suffix);
    text_list_done(&src->names);
    text_list_add(&src->names, src->main_file);
    src->files[0].name = src->names.items[0];
}

static char *find_problem(const struct submission *sub, const struct language *l)
{
    const char *asked = asked_entry(sub);
    if (sub->file_count == 0)
        return xstrdup("there are no files");
    if (sub->file_count > BOX_FILES_MAX)
        return xasprintf("more than %d files", BOX_FILES_MAX);
    if (asked == NULL)
        return NULL;
    if (strlen(asked) > ENTRY_BYTES_MAX || asked[0] == '-' || strchr(asked, '/') != NULL)
        return xstrdup("entry_point: expected the name of a file or class");
    if (l->entry_default == NULL && find_name(sub, asked) == NULL)
        return xasprintf("entry_point: there is no file \"%s\"", asked);
    return NULL;
}

static void name_files(const struct submission *sub, struct sources *src)
{
    for (size_t i = 0; i < sub->file_count; i++)
        text_list_add(&src->names, sub->files[i].name);
    for (; src->count < sub->file_count; src->count++)
        src->files[src->count] =
            (struct box_file){ .name = src->names.items[src->count], .fd = -1 };
}

int sources_fetch(struct store *s, const struct submission *sub, struct sources *src, struct err *e)
{
    for (size_t i = 0; i < src->count; i++)
        if (src->files[i].fd < 0 && blob_open(s, &sub->files[i].content, &src->files[i].fd, e) != 0)
            return err_wrap(e, "file %zu of the submission", i + 1);
    return 0;
}

int sources_open(struct store *s, const struct submission *sub, const struct language *l,
                 struct sources *ret, struct err *e)
{
    auto_sources_ struct sources src = { .problem = find_problem(sub, l) };
    if (src.problem == NULL) {
        src.main_file = xstrdup(choose_main(sub, l));
        name_files(sub, &src);
        bool now = l->run_sources || l->entry_pattern != NULL;
        if ((now && sources_fetch(s, sub, &src, e) != 0) || choose_entry(&src, sub, l, e) != 0)
            return -1;
        rename_lone(&src, l);
    }
    *ret = src;
    src = (struct sources){ 0 };
    return 0;
}
