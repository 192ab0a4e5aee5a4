/* quotas.c - the table of quotas; every process. */
#include "sandbox/base/quotas.h"

#include <string.h>

#include "sandbox/base/cleanup.h"

const struct quota_row quotas_table[] = {
#define QUOTA(id, name, kind, min, max, def, help)                                                 \
    { QUOTA_##id, #name, min, max, def, help, offsetof(struct quotas, name) },
#include "sandbox/base/quotas.def"
#undef QUOTA
};
const size_t quotas_count = ARRAY_COUNT(quotas_table);

int64_t *quotas_at(struct quotas *q, const struct quota_row *row)
{
    return (int64_t *)((char *)q + row->offset);
}

int64_t quotas_get(const struct quotas *q, const struct quota_row *row)
{
    return *quotas_at((struct quotas *)(uintptr_t)q, row);
}

struct quotas quotas_defaults(void)
{
    struct quotas q;
    for (size_t i = 0; i < quotas_count; i++)
        *quotas_at(&q, &quotas_table[i]) = quotas_table[i].def;
    return q;
}

struct quotas quotas_unset(void)
{
    struct quotas q;
    for (size_t i = 0; i < quotas_count; i++)
        *quotas_at(&q, &quotas_table[i]) = QUOTA_UNSET;
    return q;
}

struct quotas quotas_resolve(const struct quotas *own, const struct quotas *defaults)
{
    struct quotas q = *defaults;
    for (size_t i = 0; i < quotas_count; i++) {
        int64_t v = quotas_get(own, &quotas_table[i]);
        if (v != QUOTA_UNSET)
            *quotas_at(&q, &quotas_table[i]) = v;
    }
    return q;
}

const struct quota_row *quotas_find(const char *name)
{
    for (size_t i = 0; i < quotas_count; i++)
        if (strcmp(quotas_table[i].name, name) == 0)
            return &quotas_table[i];
    return NULL;
}

const char *quotas_name(enum quota id)
{
    return id > QUOTA_NONE && id < QUOTA_END ? quotas_table[id - 1].name : "none";
}
