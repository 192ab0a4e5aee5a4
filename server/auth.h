/* auth.h - who is asking: Bearer keys, with a small cache so that most requests need no look-up. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/readers.h"

/* Whoever a request comes from. */
struct auth_who {
    int64_t key_id;  /* 0: anonymous */
    unsigned scopes; /* enum key_scope; admin has all */
    struct quotas quotas;
};

struct auth;

/* `defaults`: the quotas of keys without their own; copied. */
struct auth *auth_new(struct readers *readers, const struct quotas *defaults);
void auth_free(struct auth *a);

/* Look up the Authorization header's value. *ret_found false: no such key, or not of the form
 * "Bearer mns_...". A key that was revoked elsewhere may still be found for a few seconds. */
must_check_ int auth_find(struct auth *a, const char *header, struct auth_who *ret, bool *ret_found,
                          struct err *e);

/* Forget what is cached: after a key was revoked or changed. */
void auth_forget(struct auth *a);

/* Other defaults from now on. */
void auth_set_quotas(struct auth *a, const struct quotas *defaults);
