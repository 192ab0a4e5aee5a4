/* readers.h - store connections for reading, lent to the HTTP threads one request at a time. */
#pragma once

#include <stddef.h>

#include "schema/store.h"

struct readers;

/* Up to `count` connections, read-only, opened when first needed. `opt` is copied; its quotas must
 * be given. */
struct readers *readers_new(const struct store_options *opt, size_t count);
void readers_free(struct readers *r); /* all must be back */

/* Borrow one; waits while all are lent. Give it back with readers_give. */
must_check_ int readers_take(struct readers *r, struct store **ret, struct err *e);
void readers_give(struct readers *r, struct store *s); /* accepts NULL */

/* Other quotas for keys without their own, from the next loan on. */
void readers_set_quotas(struct readers *r, const struct quotas *q);

/* A loan that ends with its scope. */
struct reader_loan {
    struct readers *from;
    struct store *store;
};

static inline void reader_loan_end(const struct reader_loan *l)
{
    if (l->store != NULL)
        readers_give(l->from, l->store);
}

#define auto_reader_ __attribute__((cleanup(reader_loan_end)))
