/* test_opt.c - command lines by table; one process. */
#include "sandbox/base/opt.h"

#include "sandbox/base/cleanup.h"
#include "tests/unit/base/unit.h"

struct args {
    bool json, verbose;
    const char *listen;
    int64_t slots, memory_bytes, time_ms, free_number;
    struct opt_list sets;
};

static const struct opt_row rows[] = {
    { "json", 'j', OPT_FLAG, offsetof(struct args, json), NULL, "print JSON", 0, 0 },
    { "verbose", 'v', OPT_FLAG, offsetof(struct args, verbose), NULL, "say more", 0, 0 },
    { "listen", 'l', OPT_TEXT, offsetof(struct args, listen), "ADDRESS:PORT", "where to serve", 0,
      0 },
    { "slots", 'n', OPT_INT, offsetof(struct args, slots), "N", "slots\n(default: cores)", 1, 256 },
    { "free-number", 0, OPT_INT, offsetof(struct args, free_number), NULL, "any", 0, 0 },
    { "memory", 'm', OPT_BYTES, offsetof(struct args, memory_bytes), "SIZE", "memory", 0, 0 },
    { "time", 't', OPT_TIME_MS, offsetof(struct args, time_ms), "TIME", "cpu time", 0, 0 },
    { "set", 0, OPT_LIST, offsetof(struct args, sets), "A-VERY-LONG-NAME=VALUE", "one key", 0, 0 },
};

static const struct opt_spec spec = { .usage = "t [OPTION]... [FILE]...",
                                      .about = "Tests.",
                                      .rows = rows,
                                      .row_count = ARRAY_COUNT(rows),
                                      .after = "Exit status: 0." };

/* Parse the words, the first being the program's name; NULL ends them. */
static int parse(const struct opt_spec *s, char **words, struct args *a, int *first, struct err *e)
{
    int argc = 0;
    while (words[argc] != NULL)
        argc++;
    *a = (struct args){ 0 };
    return opt_parse(s, argc, words, a, first, e);
}

#define WORDS(...) ((char *[]){ (char[]){ "t" }, __VA_ARGS__, NULL })
#define W(s) ((char[]){ s })

static void refuse(char **words, const char *part)
{
    struct args a;
    struct err e;
    int first = -7;
    ck_assert_msg(parse(&spec, words, &a, &first, &e) == -1, "accepted, wanted: %s", part);
    ck_assert_int_eq(first, -7);
    ck_assert_int_eq(e.kind, ERR_INPUT);
    ck_assert_has(e.msg, part);
}

START_TEST(no_words_are_fine)
{
    struct args a = { 0 };
    struct err e;
    int first;
    char *argv[] = { W("t"), NULL };
    ck_assert_int_eq(opt_parse(&spec, 1, argv, &a, &first, &e), 0);
    ck_assert_int_eq(first, 1);
    ck_assert_int_eq(opt_parse(&spec, 0, argv + 1, &a, &first, &e), 0);
    ck_assert_int_eq(first, 0);
}
END_TEST

START_TEST(long_and_short_options_take_values_in_each_form)
{
    struct args a;
    struct err e;
    int first;
    char **w = WORDS(W("--listen=x:1"), W("--slots"), W("3"), W("-m64M"), W("-t"), W("1.5s"),
                     W("--free-number"), W("-9223372036854775808"), W("-jv"));
    ck_assert_int_eq(parse(&spec, w, &a, &first, &e), 0);
    ck_assert_str_eq(a.listen, "x:1");
    ck_assert_int_eq(a.slots, 3);
    ck_assert_int_eq(a.memory_bytes, 64 << 20);
    ck_assert_int_eq(a.time_ms, 1500);
    ck_assert_int_eq(a.free_number, INT64_MIN);
    ck_assert(a.json && a.verbose);
    ck_assert_int_eq(first, 10);
}
END_TEST

START_TEST(flags_and_one_value_may_share_a_dash)
{
    struct args a;
    struct err e;
    int first;
    ck_assert_int_eq(parse(&spec, WORDS(W("-jvn7")), &a, &first, &e), 0);
    ck_assert(a.json && a.verbose);
    ck_assert_int_eq(a.slots, 7);
    char **w = WORDS(W("-jl"), W("--json"));
    ck_assert_int_eq(parse(&spec, w, &a, &first, &e), 0);
    ck_assert_str_eq(a.listen, "--json");
}
END_TEST

START_TEST(operands_before_options_are_moved_behind_them_in_order)
{
    struct args a;
    struct err e;
    int first;
    char **w =
        WORDS(W("a"), W("--slots"), W("2"), W("-"), W("-j"), W("b"), W("--"), W("-v"), W("c"));
    ck_assert_int_eq(parse(&spec, w, &a, &first, &e), 0);
    ck_assert_int_eq(first, 5);
    static const char *const want[] = { "a", "-", "b", "-v", "c" };
    for (size_t i = 0; i < ARRAY_COUNT(want); i++)
        ck_assert_str_eq(w[first + (int)i], want[i]);
    ck_assert(a.json && !a.verbose);
    ck_assert_str_eq(w[1], "--slots");
    ck_assert_str_eq(w[2], "2");
}
END_TEST

START_TEST(the_first_operand_may_end_the_options)
{
    struct opt_spec stop = spec;
    stop.stop_at_operand = true;
    struct args a;
    struct err e;
    int first;
    char **w = WORDS(W("-j"), W("cmd"), W("-v"), W("--nonsense"));
    ck_assert_int_eq(parse(&stop, w, &a, &first, &e), 0);
    ck_assert_int_eq(first, 2);
    ck_assert_str_eq(w[first], "cmd");
    ck_assert_str_eq(w[first + 2], "--nonsense");
    ck_assert(!a.verbose);
    w = WORDS(W("-j"), W("--"), W("-v"));
    ck_assert_int_eq(parse(&stop, w, &a, &first, &e), 0);
    ck_assert_int_eq(first, 3);
}
END_TEST

START_TEST(lists_gather_and_other_options_keep_the_last)
{
    struct args a;
    struct err e;
    int first;
    char **w = WORDS(W("--set"), W("a=1"), W("--set=b=2"), W("-n1"), W("-n2"), W("--set="));
    ck_assert_int_eq(parse(&spec, w, &a, &first, &e), 0);
    ck_assert_uint_eq(a.sets.count, 3);
    ck_assert_str_eq(a.sets.items[1], "b=2");
    ck_assert_str_eq(a.sets.items[2], "");
    ck_assert_int_eq(a.slots, 2);
}
END_TEST

START_TEST(a_list_has_an_end)
{
    static char program[] = "t", word[] = "--set=x";
    char *words[OPT_LIST_MAX + 3] = { program };
    for (size_t i = 1; i <= OPT_LIST_MAX + 1; i++)
        words[i] = word;
    refuse(words, "--set: given more than 256 times");
}
END_TEST

START_TEST(unknown_options_are_named_with_the_nearest)
{
    refuse(WORDS(W("--jsn")), "unknown option --jsn; did you mean --json?");
    refuse(WORDS(W("--mem=1")), "unknown option --mem; did you mean --memory?");
    refuse(WORDS(W("--frobnicate")), "unknown option --frobnicate");
    refuse(WORDS(W("-x")), "unknown option -x");
    refuse(WORDS(W("-jx")), "unknown option -x");
    refuse(WORDS(W("--=3")), "unknown option --");
}
END_TEST

START_TEST(wrong_values_name_the_option_and_what_was_expected)
{
    refuse(WORDS(W("--slots=0")), "--slots: expected a whole number from 1 to 256, got \"0\"");
    refuse(WORDS(W("-n"), W("99999999999999999999")), "--slots: expected a whole number");
    refuse(WORDS(W("-n")), "--slots: expected N after it");
    refuse(WORDS(W("--free-number")), "--free-number: expected NUMBER after it");
    refuse(WORDS(W("--json=1")), "--json: expected no value, got \"1\"");
    refuse(WORDS(W("-mlots")), "--memory: expected a size");
    refuse(WORDS(W("-t"), W("5")), "--time: expected a duration");
    refuse(WORDS(W("-t"), W("1us")), "--time: expected whole milliseconds");
    char word[10000];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    memcpy(word, "--", 2);
    refuse(WORDS(word), "unknown option --xxx");
}
END_TEST

START_TEST(no_time_is_a_time)
{
    struct args a;
    struct err e;
    int first;
    ck_assert_int_eq(parse(&spec, WORDS(W("-t0s")), &a, &first, &e), 0);
    ck_assert_int_eq(a.time_ms, 0);
}
END_TEST

START_TEST(the_help_has_two_columns)
{
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    opt_help(&spec, &b);
    ck_assert_has(buf_text(&b), "Usage: t [OPTION]... [FILE]...\n\nTests.\n\nOptions:\n");
    ck_assert_has(buf_text(&b), "\n  -j, --json                  print JSON\n");
    ck_assert_has(buf_text(&b), "\n  -l, --listen ADDRESS:PORT   where to serve\n");
    ck_assert_has(buf_text(&b), "\n  -n, --slots N               slots\n"
                                "                              (default: cores)\n");
    ck_assert_has(buf_text(&b), "\n      --set A-VERY-LONG-NAME=VALUE\n"
                                "                              one key\n");
    ck_assert_has(buf_text(&b), "\n\nExit status: 0.\n");
}
END_TEST

UNIT_MAIN("opt", no_words_are_fine, long_and_short_options_take_values_in_each_form,
          flags_and_one_value_may_share_a_dash,
          operands_before_options_are_moved_behind_them_in_order,
          the_first_operand_may_end_the_options, lists_gather_and_other_options_keep_the_last,
          a_list_has_an_end, unknown_options_are_named_with_the_nearest,
          wrong_values_name_the_option_and_what_was_expected, no_time_is_a_time,
          the_help_has_two_columns)
