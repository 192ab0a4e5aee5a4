/* cursor.c - a version byte and an id in URL-safe base64; minos-server. */
#include "server/cursor.h"

#include <string.h>

#include "server/base64.h"

enum { VERSION = '1' };

void cursor_write(struct buf *b, const char *id)
{
    char raw[STORE_ID_BYTES] = { VERSION };
    memcpy(raw + 1, id, sizeof raw - 1); /* the NUL stays behind */
    base64_encode_url(b, raw, sizeof raw);
}

bool cursor_read(const char *text, char ret_id[STORE_ID_BYTES])
{
    auto_buf_ struct buf raw = { 0 };
    size_t len = strlen(text), at = 0;
    if (len > 2 * STORE_ID_BYTES || !base64_decode(&raw, text, len, &at) ||
        raw.len != STORE_ID_BYTES || raw.data[0] != VERSION)
        return false;
    char id[STORE_ID_BYTES] = { 0 };
    memcpy(id, raw.data + 1, STORE_ID_BYTES - 1);
    if (!store_id_valid(id))
        return false;
    memcpy(ret_id, id, sizeof id);
    return true;
}
