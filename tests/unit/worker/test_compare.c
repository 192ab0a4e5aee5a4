/* test_compare.c - the comparers, each text also cut into pieces of every length. */
#include "tests/unit/worker/unit.h"

#include "sandbox/base/utf8.h"

#define LINES                                                                                      \
    {                                                                                              \
        .type = COMPARER_LINES, .case_sensitive = true                                             \
    }
#define EXACT                                                                                      \
    {                                                                                              \
        .type = COMPARER_EXACT, .case_sensitive = true                                             \
    }
#define TOKENS                                                                                     \
    {                                                                                              \
        .type = COMPARER_TOKENS, .case_sensitive = true                                            \
    }
#define TOKENS_I                                                                                   \
    {                                                                                              \
        .type = COMPARER_TOKENS, .case_sensitive = false                                           \
    }
#define FLOATS(a, r)                                                                               \
    {                                                                                              \
        .type = COMPARER_FLOATS, .absolute = a, .relative = r, .case_sensitive = true              \
    }

struct example {
    struct comparer how;
    const char *want, *got;
    enum compare_result result;
    const char *message; /* NULL: not looked at */
};

static const struct example examples[] = {
    { EXACT, "", "", COMPARE_RIGHT, "" },
    { EXACT, "5\n", "5\n", COMPARE_RIGHT, "" },
    { EXACT, "5\n", "5", COMPARE_SPACE,
      "white space differs: line 1: expected \"5\\n\", got \"5\"" },
    { EXACT, "5", "5\n", COMPARE_SPACE,
      "white space differs: line 1: expected \"5\", got \"5\\n\"" },
    { EXACT, "a\nb\n", "a\nc\n", COMPARE_WRONG, "line 2: expected \"b\\n\", got \"c\\n\"" },
    { EXACT, "", "x", COMPARE_WRONG, "line 1: expected the end of output, got \"x\"" },
    { EXACT, "a\nb", "a\n", COMPARE_WRONG, "line 2: expected \"b\", got the end of output" },
    { EXACT, "A", "a", COMPARE_WRONG, NULL },

    { LINES, "5", "5\n", COMPARE_RIGHT, "" },
    { LINES, "5\n\n\n", "5", COMPARE_RIGHT, "" },
    { LINES, "1\n2\n5\n", "1\n2\n7\n", COMPARE_WRONG, "line 3: expected \"5\", got \"7\"" },
    { LINES, "1 \t\n2\n", "1\r\n2\r\n", COMPARE_RIGHT, "" },
    { LINES, "1\n2\n", "1  \n2 \n  \n\n", COMPARE_RIGHT, "" },
    { LINES, "1 2\n", "1  2\n", COMPARE_SPACE,
      "white space differs: line 1: expected \"1 2\", got \"1  2\"" },
    { LINES, "1  2\n", "1 2\n", COMPARE_SPACE, NULL },
    { LINES, "1\n2\n", "1 2\n", COMPARE_SPACE, NULL },
    { LINES, "1 2\n", "1\n2\n", COMPARE_SPACE,
      "white space differs: line 1: expected \"1 2\", got \"1\"" },
    { LINES, "1\n\n2\n", "1\n2\n", COMPARE_SPACE, NULL },
    { LINES, "1\n2\n", "1\n\n2\n", COMPARE_SPACE,
      "white space differs: line 2: expected \"2\", got \"\"" },
    { LINES, " 1\n", "1\n", COMPARE_SPACE, NULL },
    { LINES, "1\n", " 1\n", COMPARE_SPACE, NULL },
    { LINES, "12\n", "1 2\n", COMPARE_WRONG, NULL },
    { LINES, "a\nb\n", "a\n", COMPARE_WRONG, "line 2: expected \"b\", got the end of output" },
    { LINES, "a\nb\n", "a", COMPARE_WRONG, "line 2: expected \"b\", got the end of output" },
    { LINES, "a\n", "a\nb\n", COMPARE_WRONG, "line 2: expected the end of output, got \"b\"" },
    { LINES, "a b\n", "a\n", COMPARE_WRONG, "line 1: expected \"a b\", got \"a\"" },
    { LINES, "ab\n", "a", COMPARE_WRONG, "line 1: expected \"ab\", got \"a\"" },
    { LINES, "a", "ab", COMPARE_WRONG, "line 1: expected \"a\", got \"ab\"" },
    { LINES, "", "\n\n", COMPARE_RIGHT, "" },
    { LINES, "\n", "", COMPARE_RIGHT, "" },
    { LINES, "x", "", COMPARE_WRONG, "line 1: expected \"x\", got the end of output" },
    { { .type = COMPARER_LINES }, "Yes\n", "YES", COMPARE_RIGHT, "" },
    { LINES, "Yes\n", "YES", COMPARE_WRONG, NULL },

    { TOKENS, "1 2 3\n", "1\n2\t3", COMPARE_RIGHT, "" },
    { TOKENS, "  1", "1  \n", COMPARE_RIGHT, "" },
    { TOKENS, "12", "1 2", COMPARE_WRONG, "line 1: expected \"12\", got \"1\"" },
    { TOKENS, "1 2", "12", COMPARE_WRONG, "line 1: expected \"1\", got \"12\"" },
    { TOKENS, "1 2 3", "1 2", COMPARE_WRONG, "line 1: expected \"3\", got the end of output" },
    { TOKENS, "1 2", "1 2 3", COMPARE_WRONG, "line 1: expected the end of output, got \"3\"" },
    { TOKENS, "57", "5", COMPARE_WRONG, "line 1: expected \"57\", got \"5\"" },
    { TOKENS, "YES", "yes", COMPARE_WRONG, NULL },
    { TOKENS_I, "YES", "yes", COMPARE_RIGHT, "" },
    { TOKENS, "", " \n", COMPARE_RIGHT, "" },

    { FLOATS(1e-6, 0), "0.5\n", "0.5000004", COMPARE_RIGHT, "" },
    { FLOATS(1e-6, 0), "0.5\n", "0.50001", COMPARE_WRONG,
      "line 1: expected \"0.5\", got \"0.50001\"" },
    { FLOATS(0, 1e-3), "1000\n", "1000.9", COMPARE_RIGHT, "" },
    { FLOATS(0, 1e-3), "1000\n", "1001.1", COMPARE_WRONG, NULL },
    { FLOATS(0, 0), "1.0 2", "1 2.0e0", COMPARE_RIGHT, "" },
    { FLOATS(0.1, 0), "x 1", "x 1.05", COMPARE_RIGHT, "" },
    { FLOATS(0.1, 0), "x 1", "y 1", COMPARE_WRONG, "line 1: expected \"x\", got \"y\"" },
    { FLOATS(0.1, 0), "1 2", "1", COMPARE_WRONG, "line 1: expected \"2\", got the end of output" },
    { FLOATS(0.1, 0), "1", "1 2", COMPARE_WRONG, "line 1: expected the end of output, got \"2\"" },
    { FLOATS(1e9, 1e9), "1", "nan", COMPARE_WRONG, NULL },
    { FLOATS(1e9, 1e9), "1", "inf", COMPARE_WRONG, NULL },
    { FLOATS(1e9, 1e9), "1", "1e999", COMPARE_WRONG, NULL },
    { FLOATS(1, 0), "1", "0x1", COMPARE_WRONG, NULL },
    { FLOATS(1, 0), "-0", "+.0", COMPARE_RIGHT, "" },
    { FLOATS(1, 0), "1", "1e", COMPARE_WRONG, NULL },
    { FLOATS(1, 0), "1", ".", COMPARE_WRONG, NULL },
    { FLOATS(1, 0), "nan", "nan", COMPARE_RIGHT, "" },
    { FLOATS(1, 0), "1\n\n2", "1.5 1.5\n", COMPARE_RIGHT, "" },
};

static void check(const struct example *x, size_t piece)
{
    struct compare *c = compare_new(&x->how, x->want, strlen(x->want));
    size_t len = strlen(x->got);
    for (size_t at = 0; at < len; at += piece)
        compare_feed(c, x->got + at, len - at < piece ? len - at : piece);
    enum compare_result result = compare_end(c);
    ck_assert_msg(result == x->result, "expected \"%s\", got \"%s\" by %d in pieces of %zu: %d: %s",
                  x->want, x->got, (int)x->how.type, piece, (int)result, compare_message(c));
    if (x->message != NULL)
        ck_assert_str_eq(compare_message(c), x->message);
    compare_free(c);
}

START_TEST(each_comparer_says_what_its_table_says)
{
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        for (size_t piece = 1; piece <= 12; piece++)
            check(&examples[i], piece);
    }
}
END_TEST

START_TEST(any_bytes_give_a_message_that_is_printable_utf8)
{
    char want[300], got[300];
    unsigned seed = 12345;
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(want); i++) {
            seed = seed * 1103515245 + 12345;
            want[i] = got[i] = (char)(seed >> 16);
        }
        got[round % 300] ^= (char)(1 + round % 255);
        struct comparer how = { .type = (enum comparer_type)(1 + round % 4) };
        struct compare *c = compare_new(&how, want, sizeof(want));
        compare_feed(c, got, sizeof(got));
        enum compare_result result = compare_end(c);
        const char *text = compare_message(c);
        ck_assert_int_eq(text[0] != '\0', result != COMPARE_RIGHT);
        ck_assert(utf8_valid(text, strlen(text)));
        ck_assert_uint_le(strlen(text), 700);
        for (const char *p = text; *p != '\0'; p++)
            ck_assert((unsigned char)*p >= 0x20 && *p != 0x7f);
        compare_free(c);
    }
}
END_TEST

START_TEST(long_lines_are_cut_on_both_sides)
{
    char want[4000], got[4000];
    memset(want, 'a', sizeof(want));
    memset(got, 'a', sizeof(got));
    got[2000] = 'b';
    struct comparer how = LINES;
    struct compare *c = compare_new(&how, want, sizeof(want));
    compare_feed(c, got, sizeof(got));
    ck_assert_int_eq(compare_end(c), COMPARE_WRONG);
    ck_assert_has(compare_message(c), "got \"...aaaa");
    ck_assert_has(compare_message(c), "aaaab");
    ck_assert_uint_le(strlen(compare_message(c)), 200);
    compare_free(c);
}
END_TEST

/* How many bytes of `got` are needed until nothing can save it, fed `piece` at a time; 0: never. */
static size_t hopeless_after(enum comparer_type type, const char *want, const char *got,
                             size_t piece)
{
    const struct comparer how = { .type = type, .case_sensitive = true };
    struct compare *c = compare_new(&how, want, strlen(want));
    size_t at = 0, len = strlen(got);
    while (at < len && !compare_hopeless(c)) {
        size_t n = len - at < piece ? len - at : piece;
        compare_feed(c, got + at, n);
        at += n;
    }
    at = compare_hopeless(c) ? at : 0;
    compare_free(c);
    return at;
}

START_TEST(an_output_is_hopeless_once_its_wrong_line_or_word_is_whole)
{
    ck_assert_uint_eq(hopeless_after(COMPARER_LINES, "5\n78\n", "5\n7\n9\n", 1), 4);
    ck_assert_uint_eq(hopeless_after(COMPARER_LINES, "5\n78\n", "5\n78\n", 1), 0);
    ck_assert_uint_eq(hopeless_after(COMPARER_LINES, "5\n78\n", "5\n7", 1), 0);
    ck_assert_uint_eq(hopeless_after(COMPARER_LINES, "5 6\n", "5  6\n", 1), 0);
    ck_assert_uint_eq(hopeless_after(COMPARER_EXACT, "5 6\n", "5\n6\n", 1), 0);
    ck_assert_uint_eq(hopeless_after(COMPARER_TOKENS, "5 6 7", "5 61 7 ", 1), 5);
    ck_assert_uint_eq(hopeless_after(COMPARER_FLOATS, "5 6 7", "5 6.0 8 9", 1), 8);
    for (size_t piece = 1; piece < 9; piece++)
        ck_assert_uint_ge(hopeless_after(COMPARER_LINES, "5\n78\n", "5\n7\n9\n", piece), 4);
}
END_TEST

START_TEST(a_word_longer_than_any_number_is_compared_as_text)
{
    char word[2000];
    memset(word, '1', sizeof(word));
    struct comparer how = FLOATS(1, 1);
    struct compare *c = compare_new(&how, word, sizeof(word));
    compare_feed(c, "2", 1);
    compare_feed(c, word, sizeof(word) - 1);
    ck_assert_int_eq(compare_end(c), COMPARE_WRONG);
    compare_free(c);
}
END_TEST

UNIT_MAIN("compare", each_comparer_says_what_its_table_says,
          any_bytes_give_a_message_that_is_printable_utf8, long_lines_are_cut_on_both_sides,
          an_output_is_hopeless_once_its_wrong_line_or_word_is_whole,
          a_word_longer_than_any_number_is_compared_as_text)
