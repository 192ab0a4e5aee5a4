/* cursor.h - opaque positions in lists. */
#pragma once

#include <stdbool.h>

#include "schema/store.h"

/* Append the cursor that stands for "older than `id`". */
void cursor_write(struct buf *b, const char *id);

/* False when it is none of ours. */
bool cursor_read(const char *text, char ret_id[STORE_ID_BYTES]);
