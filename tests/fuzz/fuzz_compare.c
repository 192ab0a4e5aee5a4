/*
 * fuzz_compare.c - any output against any expected text, by each comparer: libFuzzer's entry.
 *
 * Bytes 0 to 2 choose the comparer, its tolerance, and where the output is cut; then comes the
 * expected text, 0xff, and the output (without 0xff: the expected text itself). Whatever they are:
 * verdict, message and the moment from which nothing can help are the same however the output is
 * cut; they are what a plain comparison of the whole texts says; and a message is short, visible
 * text.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "worker/compare.h"
#include "worker/number.h"

enum { MESSAGE_BYTES_MAX = 599 };

static const struct {
    double absolute, relative;
} tolerances[] = { { 0, 0 }, { 1e-9, 1e-9 }, { 0.5, 0 }, { 0, 0.1 }, { 1e300, 0 }, { 0, 1e300 } };

struct question {
    struct comparer how;
    struct input want, got;
    unsigned cuts;
};

struct answer {
    enum compare_result result;
    char *message;
    size_t hopeless_at; /* bytes after which it was; SIZE_MAX: never */
};

/* --- as the service does it ------------------------------------------------------------------- */

/* The length of the next piece: all of it, single bytes, or any. */
static size_t piece(unsigned *chance, unsigned how, size_t left)
{
    *chance = *chance * 1103515245U + 12345U;
    size_t n = how == 0 ? left : how == 1 ? 1 : (*chance >> 16) % 9;
    return n < left ? n : left;
}

/* stop: feed nothing more once it is hopeless, as a slot does. */
static struct answer streamed(const struct question *q, unsigned how, bool stop)
{
    struct answer a = { .hopeless_at = SIZE_MAX };
    struct compare *c = compare_new(&q->how, (const char *)q->want.data, q->want.len);
    unsigned chance = q->cuts + how;
    for (size_t at = 0; at < q->got.len && !(stop && a.hopeless_at != SIZE_MAX);) {
        size_t n = piece(&chance, how, q->got.len - at);
        /* a copy of its own, so that reading beyond a piece is seen */
        auto_free_ char *copy = malloc(n);
        if (n > 0)
            memcpy(copy, q->got.data + at, n);
        compare_feed(c, copy, n);
        at += n;
        if (a.hopeless_at == SIZE_MAX && compare_hopeless(c))
            a.hopeless_at = at;
        assert(a.hopeless_at == SIZE_MAX || compare_hopeless(c));
    }
    a.result = compare_end(c);
    a.message = xstrdup(compare_message(c));
    compare_free(c);
    return a;
}

/* --- as the words of compare.h say -------------------------------------------------------------
 */

static bool space(uint8_t c)
{
    return c == ' ' || (c >= 9 && c <= 13);
}

static bool same_text(const struct question *q, struct input a, struct input b)
{
    if (a.len != b.len || a.len == 0)
        return a.len == b.len;
    for (size_t i = 0; i < a.len; i++) {
        bool letters =
            !q->how.case_sensitive && ((a.data[i] | 32) >= 'a' && (a.data[i] | 32) <= 'z');
        if (a.data[i] != b.data[i] && !(letters && (a.data[i] ^ b.data[i]) == 32))
            return false;
    }
    return true;
}

/* The next word, without its white space; empty at the end. */
static struct input next_word(struct input *in)
{
    while (in->len > 0 && space(in->data[0]))
        (void)take_byte(in);
    struct input word = { in->data, 0 };
    for (; in->len > 0 && !space(in->data[0]); word.len++)
        (void)take_byte(in);
    return word;
}

static bool same_word(const struct question *q, struct input want, struct input got)
{
    return same_text(q, want, got) ||
           (q->how.type == COMPARER_FLOATS && want.len > 0 && got.len > 0 &&
            number_close((const char *)want.data, want.len, (const char *)got.data, got.len,
                         q->how.absolute, q->how.relative));
}

static bool same_words(const struct question *q)
{
    struct input want = q->want, got = q->got, w, g;
    do {
        w = next_word(&want);
        g = next_word(&got);
        if (!same_word(q, w, g))
            return false;
    } while (w.len > 0);
    return true;
}

static struct input trimmed(struct input line)
{
    while (line.len > 0 && space(line.data[line.len - 1]))
        line.len--;
    return line;
}

/* Nothing but empty lines to the end. */
static bool blank(struct input in)
{
    return trimmed(in).len == 0;
}

static bool same_lines(const struct question *q)
{
    struct input want = q->want, got = q->got;
    while (!blank(want) && !blank(got))
        if (!same_text(q, trimmed(take_until(&want, '\n')), trimmed(take_until(&got, '\n'))))
            return false;
    return blank(want) && blank(got);
}

static enum compare_result plain(const struct question *q)
{
    bool right = false;
    switch (q->how.type) {
    case COMPARER_EXACT:
        right = q->want.len == q->got.len &&
                (q->got.len == 0 || memcmp(q->want.data, q->got.data, q->got.len) == 0);
        break;
    case COMPARER_LINES:
        right = same_lines(q);
        break;
    case COMPARER_TOKENS:
    case COMPARER_FLOATS:
        return same_words(q) ? COMPARE_RIGHT : COMPARE_WRONG;
    }
    return right ? COMPARE_RIGHT : same_words(q) ? COMPARE_SPACE : COMPARE_WRONG;
}

/* --- both ----------------------------------------------------------------------------------------
 */

static void check_message(const struct answer *a)
{
    size_t len = strlen(a->message);
    assert((len == 0) == (a->result == COMPARE_RIGHT));
    assert(len <= MESSAGE_BYTES_MAX && utf8_valid(a->message, len));
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)a->message[i] >= 0x20 && a->message[i] != 0x7f);
}

static struct question ask(const uint8_t *data, size_t len)
{
    struct input in = { data, len };
    uint8_t how = take_byte(&in), near = take_byte(&in);
    struct question q = { .cuts = take_byte(&in) };
    size_t row = near % ARRAY_COUNT(tolerances);
    q.how.type = (enum comparer_type)(COMPARER_LINES + how % 4);
    q.how.case_sensitive = q.how.type == COMPARER_EXACT || (how & 4) == 0;
    if (q.how.type == COMPARER_FLOATS) {
        q.how.absolute = tolerances[row].absolute;
        q.how.relative = tolerances[row].relative;
    }
    q.want = take_until(&in, 0xff);
    bool same = in.len == 0 && (how & 8) != 0;
    q.got = same ? q.want : in;
    return q;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct question q = ask(data, len);
    struct answer first = streamed(&q, 1, false);
    assert(first.result == plain(&q));
    assert(first.hopeless_at == SIZE_MAX || first.result == COMPARE_WRONG);
    check_message(&first);
    for (unsigned how = 0; how < 6; how++) {
        struct answer other = streamed(&q, how % 3, how >= 3);
        assert(other.result == first.result && strcmp(other.message, first.message) == 0);
        assert((other.hopeless_at == SIZE_MAX) == (first.hopeless_at == SIZE_MAX));
        assert(other.hopeless_at >= first.hopeless_at);
        free(other.message);
    }
    free(first.message);
    return 0;
}
