/* text.c - text fields, base64, and what a terminal may see; the `minos` process. */
#include "server/cli/text.h"

#include <stdint.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/utf8.h"
#include "server/cli/cli.h"
#include "server/cli/exact.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64(const char *data, size_t len, struct buf *b)
{
    const unsigned char *p = (const unsigned char *)data;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16;
        v |= n > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= n > 2 ? p[i + 2] : 0;
        char out[5] = { digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
                        n > 2 ? digits[v & 63] : '=', '\0' };
        buf_puts(b, out);
    }
}

/* Append the bytes of padded base64 text. */
static int decode_base64(const char *text, struct buf *b, struct err *e)
{
    size_t len = strlen(text);
    if (len % 4 != 0)
        return err_input(e, "base64: the length is no multiple of 4");
    for (size_t i = 0; i < len; i += 4) {
        uint32_t v = 0;
        int pads = 0;
        for (size_t j = 0; j < 4; j++) {
            const char *d = text[i + j] == '\0' ? NULL : strchr(digits, text[i + j]);
            bool pad = text[i + j] == '=' && i + 4 == len && j >= 2;
            if ((d == NULL && !pad) || (d != NULL && pads > 0))
                return err_input(e, "base64: unexpected character at %zu", i + j);
            pads += pad;
            v = v << 6 | (pad ? 0 : (uint32_t)(d - digits));
        }
        const char out[3] = { (char)(v >> 16), (char)(v >> 8), (char)v };
        if (buf_add(b, out, (size_t)(3 - pads), e) < 0)
            return -1;
    }
    return 0;
}

json_t *text_to_json(const char *data, size_t len)
{
    if (len == 0)
        return json_string("");
    if (memchr(data, '\0', len) == NULL && utf8_valid(data, len))
        return json_stringn_nocheck(data, len);
    auto_buf_ struct buf b = { 0 };
    text_base64(data, len, &b);
    return json_pack("{s:s}", "base64", buf_text(&b));
}

int text_from_json(const json_t *field, struct buf *b, struct err *e)
{
    if (field == NULL || json_is_null(field))
        return 0;
    if (json_is_string(field))
        return buf_add(b, json_string_value(field), json_string_length(field), e);
    const json_t *coded = json_object_get(field, "base64");
    if (!json_is_string(coded))
        return err_input(e, "expected a string or {\"base64\": ...}");
    return decode_base64(json_string_value(coded), b, e);
}

void text_visible(const char *text, size_t len, struct buf *b)
{
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t n = utf8_sequence(text + i, len - i);
        /* C1 controls are U+0080..U+009F: 0xc2 and a byte below 0xa0. */
        bool c1 = n == 2 && c == 0xc2 && (unsigned char)text[i + 1] < 0xa0;
        bool plain = n > 0 && !c1 && (c >= 0x20 || c == '\n' || c == '\t') && c != 0x7f;
        struct err e;
        if (plain) {
            (void)!buf_add(b, text + i, n, &e);
            i += n;
        } else {
            buf_printf(b, "\\x%02x", c);
            i++;
        }
    }
}

const char *text_member(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s != NULL ? s : "";
}

int text_print_json(const json_t *value, struct err *e)
{
    auto_free_ char *text =
        json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    auto_buf_ struct buf line = { 0 };
    if (text == NULL)
        return err_bug(e, "JSON cannot be written");
    exact_unmark(text, strlen(text), &line);
    buf_puts(&line, "\n");
    return cli_print(buf_text(&line), e);
}
