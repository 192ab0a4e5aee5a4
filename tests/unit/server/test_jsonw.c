/* test_jsonw.c - the JSON writer and the ?fields= choice; one process. */
#include "server/jsonw.h"

#include "tests/unit/server/unit.h"

static void write_sample(struct buf *b, const struct fields *only)
{
    struct jsonw w;
    jsonw_init(&w, b, only);
    jsonw_object(&w, NULL);
    jsonw_text(&w, "id", "x");
    jsonw_object(&w, "language");
    jsonw_text(&w, "id", "c");
    jsonw_text(&w, "version", "12");
    jsonw_end_object(&w);
    jsonw_array(&w, "tests");
    for (int i = 0; i < 2; i++) {
        jsonw_object(&w, NULL);
        jsonw_int(&w, "index", i);
        jsonw_bool(&w, "stdout_truncated", i == 0);
        jsonw_end_object(&w);
    }
    jsonw_end_array(&w);
    jsonw_object(&w, "usage");
    jsonw_object(&w, "sum");
    jsonw_ms(&w, "cpu_time_ms", 1500);
    jsonw_end_object(&w);
    jsonw_end_object(&w);
    jsonw_end_object(&w);
}

static void ck_sample(const char *fields, const char *want)
{
    struct fields f;
    char bad[FIELDS_NAME_BYTES];
    auto_buf_ struct buf b = { 0 };
    ck_assert(fields_parse(fields, &f, bad));
    write_sample(&b, &f);
    ck_assert_str_eq(buf_text(&b), want);
}

START_TEST(everything_is_written_when_nothing_is_chosen)
{
    ck_sample(NULL, "{\"id\":\"x\",\"language\":{\"id\":\"c\",\"version\":\"12\"},"
                    "\"tests\":[{\"index\":0,\"stdout_truncated\":true},"
                    "{\"index\":1,\"stdout_truncated\":false}],"
                    "\"usage\":{\"sum\":{\"cpu_time_ms\":0.002}}}");
}
END_TEST

START_TEST(only_the_chosen_members_are_written)
{
    ck_sample("id", "{\"id\":\"x\"}");
    ck_sample("language.version", "{\"language\":{\"version\":\"12\"}}");
    ck_sample("tests.index,id", "{\"id\":\"x\",\"tests\":[{\"index\":0},{\"index\":1}]}");
    ck_sample("usage", "{\"usage\":{\"sum\":{\"cpu_time_ms\":0.002}}}");
    ck_sample("usage.sum", "{\"usage\":{\"sum\":{\"cpu_time_ms\":0.002}}}");
    ck_sample("status", "{}");
}
END_TEST

START_TEST(unknown_fields_are_named)
{
    struct fields f;
    char bad[FIELDS_NAME_BYTES];
    ck_assert(!fields_parse("id,blub,verdict", &f, bad));
    ck_assert_str_eq(bad, "blub");
    ck_assert(!fields_parse("", &f, bad));
    ck_assert(!fields_parse("id,", &f, bad));
    ck_assert(!fields_parse("tests.nope", &f, bad));
    ck_assert_str_eq(bad, "tests.nope");
    char longer[400];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert(!fields_parse(longer, &f, bad));
    ck_assert_uint_lt(strlen(bad), sizeof bad);
}
END_TEST

START_TEST(milliseconds_have_three_decimals_rounded_to_the_microsecond)
{
    static const struct {
        int64_t ns;
        const char *want;
    } rows[] = { { 0, "0.000" },
                 { 499, "0.000" },
                 { 500, "0.001" },
                 { 1234567, "1.235" },
                 { 999999999, "1000.000" },
                 { 12000000, "12.000" },
                 { INT64_C(3600000000000), "3600000.000" },
                 { -1, "null" } };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        auto_buf_ struct buf b = { 0 };
        struct jsonw w;
        jsonw_init(&w, &b, NULL);
        jsonw_ms(&w, NULL, rows[i].ns);
        ck_assert_str_eq(buf_text(&b), rows[i].want);
    }
}
END_TEST

START_TEST(text_that_is_no_utf8_becomes_base64_and_messages_never_do)
{
    auto_buf_ struct buf b = { 0 };
    struct jsonw w;
    jsonw_init(&w, &b, NULL);
    jsonw_array(&w, NULL);
    jsonw_bytes(&w, NULL, "a\0\"\\\n\x01z\x7f", 8);
    jsonw_bytes(&w, NULL, "h\xc3\xa9", 3);
    jsonw_bytes(&w, NULL, "h\xc3", 2);
    jsonw_prose(&w, NULL, "h\xc3");
    jsonw_text(&w, NULL, NULL);
    jsonw_end_array(&w);
    ck_assert_str_eq(buf_text(&b), "[\"a\\u0000\\\"\\\\\\n\\u0001z\\u007f\",\"h\xc3\xa9\","
                                   "{\"base64\":\"aMM=\"},\"h\xef\xbf\xbd\",null]");
}
END_TEST

START_TEST(instants_are_utc_and_zero_is_not_yet)
{
    auto_buf_ struct buf b = { 0 };
    struct jsonw w;
    jsonw_init(&w, &b, NULL);
    jsonw_array(&w, NULL);
    jsonw_instant(&w, NULL, 1767323045678);
    jsonw_instant(&w, NULL, 0);
    jsonw_real(&w, NULL, 0.5);
    jsonw_raw(&w, NULL, "{\"a\":1}");
    jsonw_raw(&w, NULL, NULL);
    jsonw_end_array(&w);
    ck_assert_str_eq(buf_text(&b), "[\"2026-01-02T03:04:05.678Z\",null,0.5,{\"a\":1},null]");
}
END_TEST

UNIT_MAIN("jsonw", everything_is_written_when_nothing_is_chosen,
          only_the_chosen_members_are_written, unknown_fields_are_named,
          milliseconds_have_three_decimals_rounded_to_the_microsecond,
          text_that_is_no_utf8_becomes_base64_and_messages_never_do,
          instants_are_utc_and_zero_is_not_yet)
