/* store_fill.h - large tables, made quickly: for the bench alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/store.h"

/* Copy the last submission `count` times, with its source, test, and, when it has ended, result;
 * each copy has an id, a row and a source blob of its own. It was accepted before all others. */
must_check_ int store_fill(struct store *s, int64_t count, bool done, struct err *e);
