/* fields.c - the ?fields= list against fields.def; minos-server. */
#include "server/fields.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *top, *sub;
} known[] = {
#define FIELD(top, sub) { top, sub },
#include "server/fields.def"
#undef FIELD
};

static bool add_name(struct fields *f, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char full[FIELDS_NAME_BYTES];
        int n = snprintf(full, sizeof full, "%s%s%s", known[i].top,
                         known[i].sub[0] != '\0' ? "." : "", known[i].sub);
        if ((size_t)n != len || memcmp(full, name, len) != 0)
            continue;
        if (f->count == FIELDS_MAX)
            return false;
        f->tops[f->count] = known[i].top;
        f->subs[f->count++] = known[i].sub;
        return true;
    }
    return false;
}

bool fields_parse(const char *text, struct fields *ret, char bad[FIELDS_NAME_BYTES])
{
    *ret = (struct fields){ .all = text == NULL };
    while (text != NULL) {
        size_t len = strcspn(text, ",");
        if (!add_name(ret, text, len)) {
            snprintf(bad, FIELDS_NAME_BYTES, "%.*s", (int)(len < 60 ? len : 60), text);
            return false;
        }
        text = text[len] == ',' ? text + len + 1 : NULL;
    }
    return true;
}

bool fields_want(const struct fields *f, const char *top, const char *sub)
{
    if (f->all)
        return true;
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->tops[i], top) != 0)
            continue;
        if (sub == NULL || f->subs[i][0] == '\0' || strcmp(f->subs[i], sub) == 0)
            return true;
    }
    return false;
}
