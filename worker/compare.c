/*
 * compare.c - the streaming comparers; slots.
 *
 * While the output is byte for byte the expected one, pieces are only memcmp'd. At the first other
 * byte the real comparer starts and is fed what was the same so far, from the expected text itself.
 * Each comparer is a state machine with a cursor `at` into the expected text; the first difference
 * is noted for the message. Beside `exact` and `lines` a second machine compares words, which tells
 * presentation errors from wrong answers.
 */
#include "worker/compare.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/utf8.h"
#include "worker/number.h"

enum {
    LEAD_BYTES = 32,    /* how much before a difference is shown */
    EXCERPT_BYTES = 64, /* how much is shown in all */
};

/* A line or word as seen at the first difference. */
struct excerpt {
    char text[EXCERPT_BYTES];
    size_t len;
    bool head_cut, tail_cut;
};

struct words {
    size_t at;
    bool inside; /* a word of the output has begun and not ended */
    bool wrong;
};

struct compare {
    struct comparer how;
    const char *want;
    size_t want_len;
    bool identical; /* so far; same_len bytes of it */
    size_t same_len;

    size_t at;      /* cursor into want: what comes next */
    bool inside;    /* tokens, floats: within a word */
    bool space_bad; /* lines: white space that only matters when a visible byte follows */
    bool same_word; /* floats: the word is the expected one so far */
    size_t word_at; /* floats: where the expected word begins */
    char word[NUMBER_BYTES_MAX + 1]; /* floats: the word, as far as a number can be long */
    size_t word_len;                 /* may be larger than what `word` holds */

    bool wrong, got_complete, got_end;
    bool word_begins;   /* tokens, floats: it differs from a word's first byte on */
    int64_t line;       /* of the output, from 1 */
    int64_t wrong_line; /* where it first differed */
    size_t wrong_at;    /* and in the expected text */
    struct excerpt got;

    struct words words;
    struct buf message;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool same_byte(const struct compare *c, char a, char b)
{
    if (a == b)
        return true;
    if (c->how.case_sensitive)
        return false;
    char low_a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
    char low_b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
    return low_a == low_b;
}

static bool by_words(const struct compare *c)
{
    return c->how.type == COMPARER_TOKENS || c->how.type == COMPARER_FLOATS;
}

static size_t skip_space(const struct compare *c, size_t at)
{
    while (at < c->want_len && is_space(c->want[at]))
        at++;
    return at;
}

static size_t word_end(const struct compare *c, size_t at)
{
    while (at < c->want_len && !is_space(c->want[at]))
        at++;
    return at;
}

struct compare *compare_new(const struct comparer *how, const char *expected, size_t len)
{
    struct compare *c = xcalloc(1, sizeof(*c));
    c->how = *how;
    c->want = expected;
    c->want_len = len;
    c->identical = true;
    c->line = 1;
    buf_init(&c->message, 0);
    return c;
}

void compare_free(struct compare *c)
{
    if (c == NULL)
        return;
    buf_done(&c->message);
    free(c);
}

static void differ(struct compare *c, size_t want_at)
{
    c->wrong = true;
    c->wrong_line = c->line;
    c->wrong_at = want_at;
    c->word_begins = by_words(c) && c->got.len == 0;
}

/* ---- the four comparers: one byte of the output each ----------------------------------------- */

static void exact_byte(struct compare *c, char b)
{
    if (c->at < c->want_len && c->want[c->at] == b)
        c->at++;
    else
        differ(c, c->at);
}

static void lines_byte(struct compare *c, char b)
{
    if (b == '\n') {
        c->space_bad = false;
        while (c->at < c->want_len && c->want[c->at] != '\n' && is_space(c->want[c->at]))
            c->at++;
        if (c->at == c->want_len)
            return; /* an empty line at the end, unless more follows */
        if (c->want[c->at] == '\n')
            c->at++;
        else
            differ(c, c->at);
    } else if (is_space(b)) {
        if (!c->space_bad && c->at < c->want_len && c->want[c->at] == b)
            c->at++;
        else
            c->space_bad = true;
    } else if (!c->space_bad && c->at < c->want_len && same_byte(c, c->want[c->at], b)) {
        c->at++;
    } else {
        differ(c, c->at);
    }
}

/* True while the words agree; used by `tokens` and by the second machine of `exact` and `lines`. */
static bool words_byte(const struct compare *c, char b, size_t *at, bool *inside)
{
    if (is_space(b)) {
        bool ended = !*inside || *at == c->want_len || is_space(c->want[*at]);
        *inside = false;
        return ended;
    }
    if (!*inside)
        *at = skip_space(c, *at);
    *inside = true;
    if (*at == c->want_len || is_space(c->want[*at]) || !same_byte(c, c->want[*at], b))
        return false;
    ++*at;
    return true;
}

static bool words_end(const struct compare *c, size_t *at, bool *inside)
{
    if (!words_byte(c, ' ', at, inside))
        return false;
    *at = skip_space(c, *at);
    return *at == c->want_len;
}

static void float_word_ends(struct compare *c)
{
    size_t end = word_end(c, c->word_at);
    c->inside = false;
    bool same = c->same_word && c->at == end;
    if (!same && c->word_len <= NUMBER_BYTES_MAX)
        same = number_close(c->want + c->word_at, end - c->word_at, c->word, c->word_len,
                            c->how.absolute, c->how.relative);
    if (same)
        c->at = end;
    else
        differ(c, c->word_at);
}

static void floats_byte(struct compare *c, char b)
{
    if (is_space(b)) {
        if (c->inside)
            float_word_ends(c);
        return;
    }
    if (!c->inside) {
        c->inside = c->same_word = true;
        c->word_at = c->at = skip_space(c, c->at);
        c->word_len = 0;
        if (c->at == c->want_len) {
            differ(c, c->at);
            return;
        }
    }
    if (c->word_len < NUMBER_BYTES_MAX)
        c->word[c->word_len] = b;
    c->word_len++;
    c->same_word = c->same_word && c->at < c->want_len && same_byte(c, c->want[c->at], b);
    if (c->same_word)
        c->at++;
}

static void compare_byte(struct compare *c, char b)
{
    switch (c->how.type) {
    case COMPARER_EXACT:
        exact_byte(c, b);
        break;
    case COMPARER_LINES:
        lines_byte(c, b);
        break;
    case COMPARER_TOKENS:
        if (!words_byte(c, b, &c->at, &c->inside))
            differ(c, c->at);
        break;
    case COMPARER_FLOATS:
        floats_byte(c, b);
        break;
    }
}

/* ---- what the message will show -------------------------------------------------------------- */

static void got_add(struct compare *c, char b)
{
    struct excerpt *g = &c->got;
    if (!c->wrong && g->len == LEAD_BYTES) {
        memmove(g->text, g->text + 1, LEAD_BYTES - 1);
        g->len--;
        g->head_cut = true;
    }
    if (g->len < EXCERPT_BYTES)
        g->text[g->len++] = b;
    else
        g->tail_cut = c->got_complete = true;
}

/* Runs after the comparer has seen b, so that the byte that differs is part of what is shown. */
static void track_byte(struct compare *c, char b)
{
    bool ends = by_words(c) ? is_space(b) : b == '\n';
    if (c->wrong && !c->got_complete) {
        if (!ends || c->how.type == COMPARER_EXACT)
            got_add(c, b);
        c->got_complete = c->got_complete || ends;
    } else if (!c->wrong && ends) {
        c->got = (struct excerpt){ 0 };
    } else if (!c->wrong) {
        got_add(c, b);
    }
    if (b == '\n')
        c->line++;
}

bool compare_hopeless(const struct compare *c)
{
    return c->wrong && c->got_complete && (by_words(c) || c->words.wrong);
}

static void feed_bytes(struct compare *c, const char *data, size_t len)
{
    bool second = !by_words(c);
    for (size_t i = 0; i < len; i++) {
        if (!c->wrong)
            compare_byte(c, data[i]);
        if (!c->got_complete)
            track_byte(c, data[i]);
        if (second && !c->words.wrong)
            c->words.wrong = !words_byte(c, data[i], &c->words.at, &c->words.inside);
        if (compare_hopeless(c))
            return;
    }
}

void compare_feed(struct compare *c, const void *data, size_t len)
{
    if (c->identical) {
        if (len <= c->want_len - c->same_len &&
            (len == 0 || memcmp(c->want + c->same_len, data, len) == 0)) {
            c->same_len += len;
            return;
        }
        c->identical = false;
        feed_bytes(c, c->want, c->same_len);
    }
    feed_bytes(c, data, len);
}

/* ---- the end --------------------------------------------------------------------------------- */

static int64_t line_of(const struct compare *c, size_t at)
{
    int64_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += c->want[i] == '\n';
    return line;
}

/* The output ended where `at` still expects something. */
static void differ_at_end(struct compare *c, size_t at)
{
    differ(c, at);
    c->wrong_line = line_of(c, at);
    c->got_end = c->got.len == 0 || (at > 0 && is_space(c->want[at - 1]));
}

static void finish(struct compare *c)
{
    switch (c->how.type) {
    case COMPARER_EXACT:
        if (c->at < c->want_len)
            differ_at_end(c, c->at);
        break;
    case COMPARER_LINES:
        c->at = skip_space(c, c->at);
        if (c->at < c->want_len)
            differ_at_end(c, c->at);
        break;
    case COMPARER_TOKENS:
        if (!words_end(c, &c->at, &c->inside))
            differ_at_end(c, c->at);
        break;
    case COMPARER_FLOATS:
        if (c->inside)
            float_word_ends(c);
        if (c->wrong)
            break;
        c->at = skip_space(c, c->at);
        if (c->at < c->want_len)
            differ_at_end(c, c->at);
        break;
    }
}

static void put_excerpt(struct buf *b, const struct excerpt *x)
{
    buf_puts(b, x->head_cut ? "\"..." : "\"");
    for (size_t i = 0; i < x->len;) {
        unsigned char byte = (unsigned char)x->text[i];
        size_t n = utf8_sequence(x->text + i, x->len - i);
        if (byte == '\n')
            buf_puts(b, "\\n");
        else if (byte == '\t')
            buf_puts(b, "\\t");
        else if (byte == '\r')
            buf_puts(b, "\\r");
        else if (byte == '"' || byte == '\\')
            buf_printf(b, "\\%c", byte);
        else if (n == 0 || byte < 0x20 || byte == 0x7f || (byte == 0xc2 && n == 2))
            buf_printf(b, "\\x%02x", byte); /* C1 controls begin with 0xc2 too */
        else
            buf_printf(b, "%.*s", (int)n, x->text + i);
        i += n > 1 && byte != 0xc2 ? n : 1;
    }
    buf_puts(b, x->tail_cut ? "...\"" : "\"");
}

/* The expected line or word around `at`. */
static struct excerpt expected_excerpt(const struct compare *c, size_t at)
{
    struct excerpt x = { 0 };
    size_t from = at;
    while (!c->word_begins && from > 0 && at - from < LEAD_BYTES &&
           !(by_words(c) ? is_space(c->want[from - 1]) : c->want[from - 1] == '\n'))
        from--;
    x.head_cut = from > 0 && at - from == LEAD_BYTES;
    for (size_t i = from; i < c->want_len; i++) {
        bool ends = by_words(c) ? is_space(c->want[i]) : c->want[i] == '\n';
        if (ends && c->how.type != COMPARER_EXACT)
            break;
        if (x.len == EXCERPT_BYTES) {
            x.tail_cut = true;
            break;
        }
        x.text[x.len++] = c->want[i];
        if (ends)
            break;
    }
    return x;
}

static void make_message(struct compare *c, bool space_only)
{
    struct buf *b = &c->message;
    bool want_end = c->how.type == COMPARER_EXACT ? c->wrong_at == c->want_len
                                                  : skip_space(c, c->wrong_at) == c->want_len;
    struct excerpt want = expected_excerpt(c, c->wrong_at);
    if (space_only)
        buf_puts(b, "white space differs: ");
    buf_printf(b, "line %lld: expected ", (long long)c->wrong_line);
    if (want_end && want.len == 0)
        buf_puts(b, "the end of output");
    else
        put_excerpt(b, &want);
    buf_puts(b, ", got ");
    if (c->got_end)
        buf_puts(b, "the end of output");
    else
        put_excerpt(b, &c->got);
}

enum compare_result compare_end(struct compare *c)
{
    if (c->identical && c->same_len == c->want_len)
        return COMPARE_RIGHT;
    if (c->identical) {
        c->identical = false;
        feed_bytes(c, c->want, c->same_len);
    }
    if (!c->wrong)
        finish(c);
    if (!c->wrong)
        return COMPARE_RIGHT;
    if (!by_words(c) && !c->words.wrong)
        c->words.wrong = !words_end(c, &c->words.at, &c->words.inside);
    bool space_only = !by_words(c) && !c->words.wrong;
    make_message(c, space_only);
    return space_only ? COMPARE_SPACE : COMPARE_WRONG;
}

const char *compare_message(const struct compare *c)
{
    return buf_text(&c->message);
}
