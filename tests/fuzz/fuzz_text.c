/*
 * fuzz_text.c - any bytes as the short texts of the API: cursors, ids, base64, instants, lists of
 * fields, numbers with units, addresses; and as what is written into JSON or a log. libFuzzer's
 * entry.
 *
 * Whatever they are: what is read, written and read again is the same; each byte survives base64
 * and JSON; what is UTF-8 to us is to the JSON library; and a line of the log stays one line.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

#include <jansson.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/log.h"
#include "sandbox/base/netlist.h"
#include "sandbox/base/units.h"
#include "sandbox/base/utf8.h"
#include "server/base64.h"
#include "server/cursor.h"
#include "server/fields.h"
#include "server/instant.h"
#include "server/jsonw.h"
#include "tests/fuzz/fuzz.h"

static bool same(const struct buf *b, const void *data, size_t len)
{
    return b->len == len && (len == 0 || memcmp(b->data, data, len) == 0);
}

static void try_cursor(const char *text)
{
    char id[STORE_ID_BYTES], again[STORE_ID_BYTES];
    auto_buf_ struct buf b = { 0 };
    if (cursor_read(text, id)) {
        assert(store_id_valid(id));
        cursor_write(&b, id);
        assert(cursor_read(buf_text(&b), again) && strcmp(id, again) == 0);
    } else if (store_id_valid(text)) {
        cursor_write(&b, text);
        assert(cursor_read(buf_text(&b), id) && strcmp(id, text) == 0);
    }
}

static void try_base64(const char *text, size_t len)
{
    auto_buf_ struct buf plain = { 0 }, url = { 0 }, a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
    size_t at = 0;
    base64_encode(&plain, text, len);
    base64_encode_url(&url, text, len);
    assert(base64_decode(&a, buf_text(&plain), plain.len, &at) && same(&a, text, len));
    assert(base64_decode(&b, buf_text(&url), url.len, &at) && same(&b, text, len));
    assert(plain.len == (len + 2) / 3 * 4 && strpbrk(buf_text(&url), "+/=") == NULL);
    if (!base64_decode(&c, text, len, &at)) {
        assert(at <= len);
        return;
    }
    plain.len = 0;
    base64_encode(&plain, buf_text(&c), c.len);
    assert(base64_decode(&d, buf_text(&plain), plain.len, &at) && same(&d, buf_text(&c), c.len));
}

static void try_instant(const char *text)
{
    int64_t ms = 0, again = 0;
    if (!instant_parse(text, &ms))
        return;
    struct jsonw w;
    auto_buf_ struct buf b = { 0 };
    assert(ms >= 0);
    jsonw_init(&w, &b, NULL);
    jsonw_instant(&w, NULL, ms);
    if (ms == 0) {
        assert(strcmp(buf_text(&b), "null") == 0);
        return;
    }
    auto_free_ char *bare = xstrndup(b.data + 1, b.len - 2); /* without its quotes */
    assert(instant_parse(bare, &again) && again == ms);
}

static void try_fields(const char *text)
{
    struct fields f;
    char bad[FIELDS_NAME_BYTES] = "";
    if (!fields_parse(text, &f, bad)) {
        assert(strlen(bad) < FIELDS_NAME_BYTES);
        return;
    }
    assert(!f.all && f.count >= 1 && f.count <= FIELDS_MAX);
    for (size_t i = 0; i < f.count; i++) {
        assert(fields_want(&f, f.tops[i], NULL));
        assert(fields_want(&f, f.tops[i], f.subs[i][0] != '\0' ? f.subs[i] : "id"));
    }
    assert(!fields_want(&f, "no such member", NULL));
}

static void try_units(const char *text)
{
    int64_t n = 0, again = 0;
    struct err e = { 0 };
    char shown[UNITS_TEXT_BYTES];
    if (units_parse_int(text, INT64_MIN, INT64_MAX, &n, &e) == 0) {
        auto_free_ char *plain = xasprintf("%lld", (long long)n);
        int r = units_parse_int(plain, n, n, &again, &e);
        assert(r == 0 && again == n);
    }
    assert(units_parse_int(text, 5, 9, &n, &e) != 0 || (n >= 5 && n <= 9));
    if (units_parse_bytes(text, &n, &e) == 0)
        assert(n >= 0 && strlen(units_format_bytes(n, shown)) < sizeof shown);
    else
        assert(e.kind == ERR_INPUT && e.msg[0] != '\0');
    if (units_parse_duration(text, &n, &e) == 0)
        assert(strlen(units_format_duration(n, shown)) < sizeof shown);
}

static void try_addresses(const char *text)
{
    struct net_address a;
    struct net_list list;
    struct port_list ports;
    struct err e = { 0 };
    uint8_t raw[16];
    bool known = net_address_parse(text, &a);
    if (inet_pton(AF_INET, text, raw) == 1)
        assert(known && a.family == AF_INET && memcmp(a.bytes, raw, 4) == 0);
    if (inet_pton(AF_INET6, text, raw) == 1)
        assert(known && a.family == AF_INET6 && memcmp(a.bytes, raw, 16) == 0);
    if (net_list_parse(text, &list, &e) == 0) {
        assert(list.count <= NET_ROWS_MAX);
        for (size_t i = 0; i < list.count; i++)
            assert(net_list_has(&list, &list.rows[i].first));
    }
    if (port_list_parse(text, &ports, &e) == 0)
        for (size_t i = 0; i < ports.count; i++)
            assert(ports.rows[i].first <= ports.rows[i].last &&
                   port_list_has(&ports, ports.rows[i].last));
}

static void try_json(const char *text, size_t len)
{
    auto_buf_ struct buf b = { 0 };
    struct jsonw w;
    json_t *ours = json_stringn(text, len);
    assert((ours != NULL) == utf8_valid(text, len));
    json_decref(ours);
    jsonw_init(&w, &b, NULL);
    jsonw_array(&w, NULL);
    jsonw_bytes(&w, NULL, text, len);
    jsonw_prose(&w, NULL, text);
    jsonw_end_array(&w);
    json_t *root = json_loadb(buf_text(&b), b.len, JSON_ALLOW_NUL, NULL);
    assert(json_array_size(root) == 2);
    const json_t *bytes = json_array_get(root, 0), *coded = json_object_get(bytes, "base64");
    if (coded != NULL) {
        auto_buf_ struct buf back = { 0 };
        size_t at = 0;
        assert(base64_decode(&back, json_string_value(coded), json_string_length(coded), &at));
        assert(same(&back, text, len));
    } else {
        assert(json_string_length(bytes) == len &&
               (len == 0 || memcmp(json_string_value(bytes), text, len) == 0));
    }
    json_decref(root);
}

static void try_log(const char *text)
{
    char quoted[LOG_QUOTE_BYTES];
    log_quote(text, quoted);
    size_t len = strlen(quoted);
    assert(len >= 2 && quoted[0] == '"' && quoted[len - 1] == '"');
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)quoted[i] >= 0x20 && quoted[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    auto_free_ char *bytes = malloc(len);
    if (len > 0)
        memcpy(bytes, data, len);
    auto_free_ char *text = xstrndup((const char *)data, len);
    try_cursor(text);
    try_base64(bytes, len);
    try_instant(text);
    try_fields(text);
    try_units(text);
    try_addresses(text);
    try_json(text, len);
    try_log(text);
    return 0;
}
