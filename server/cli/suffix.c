/* suffix.c - from a file's suffix to a language; the `minos` process. */
#include "server/cli/suffix.h"

#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "server/cli/text.h"

/* Suffixes that the languages' own source files do not show. */
static const struct {
    const char *from, *to;
} aliases[] = {
    { "cc", "cpp" },   { "cxx", "cpp" }, { "C", "cpp" },   { "c++", "cpp" }, { "mjs", "js" },
    { "cjs", "js" },   { "py3", "py" },  { "bash", "sh" }, { "pp", "pas" },  { "p", "pas" },
    { "nasm", "asm" }, { "s", "asm" },   { "S", "asm" },
};

static const char *suffix_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name ? dot + 1 : "";
}

static const char *unaliased(const char *suffix)
{
    for (size_t i = 0; i < ARRAY_COUNT(aliases); i++)
        if (strcmp(suffix, aliases[i].from) == 0)
            return aliases[i].to;
    return suffix;
}

int suffix_choose(const json_t *languages, const char *path, char **ret_language, struct err *e)
{
    const char *suffix = unaliased(suffix_of(path)), *found = NULL, *missing = NULL, *package = "";
    size_t i;
    const json_t *row;
    json_array_foreach(api_list(languages, "languages"), i, row)
    {
        bool same = strcmp(suffix_of(text_member(row, "source_file")), suffix) == 0;
        if (!same || suffix[0] == '\0')
            continue;
        if (json_is_true(json_object_get(row, "available")))
            found = text_member(row, "id");
        missing = text_member(row, "id");
        package = text_member(row, "package");
    }
    if (found != NULL) {
        *ret_language = xstrdup(found);
        return 0;
    }
    if (missing != NULL)
        return err_input(e, "%s: %s is not available on this judge: install %s there", path,
                         missing, package);
    return err_input(e, "%s: no language has the suffix \"%s\": give --language ID", path, suffix);
}

int suffix_language(struct api *a, const char *path, char **ret_language, struct err *e)
{
    json_t *languages = NULL;
    if (api_get(a, "/v1/languages", &languages, e) < 0)
        return -1;
    int r = suffix_choose(languages, path, ret_language, e);
    json_decref(languages);
    return r;
}
