/* quotas.h - `struct quotas` and its table, both made from quotas.def. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What one API key may use; one int64_t a row of quotas.def, named and measured as there. */
struct quotas {
#define QUOTA(id, name, kind, min, max, def, help) int64_t name;
#include "sandbox/base/quotas.def"
#undef QUOTA
};

enum quota {
    QUOTA_NONE,
#define QUOTA(id, name, kind, min, max, def, help) QUOTA_##id,
#include "sandbox/base/quotas.def"
#undef QUOTA
    QUOTA_END
};

/* In a key's own quotas: the default of the configuration holds. */
#define QUOTA_UNSET INT64_MIN

struct quota_row {
    enum quota id;
    const char *name; /* "queued_count" */
    int64_t min, max, def;
    const char *help;
    size_t offset; /* of the int64_t within struct quotas */
};

extern const struct quota_row quotas_table[];
extern const size_t quotas_count;

int64_t *quotas_at(struct quotas *q, const struct quota_row *row);
int64_t quotas_get(const struct quotas *q, const struct quota_row *row);

/* The shipped defaults: no limits. */
struct quotas quotas_defaults(void);

/* All of them QUOTA_UNSET. */
struct quotas quotas_unset(void);

/* What holds: `own`, and where that is unset, `defaults`. */
struct quotas quotas_resolve(const struct quotas *own, const struct quotas *defaults);

/* By name, NULL when there is none; by id. */
const struct quota_row *quotas_find(const char *name);
const char *quotas_name(enum quota id);
