/* test_rejudge.c - the body of POST /v1/rejudge, and instants. */
#include "tests/unit/server/unit.h"

#include "sandbox/base/cleanup.h"
#include "server/instant.h"
#include "server/rejudge_decode.h"

static void refused(const char *body, const char *field)
{
    auto_problem_ struct problem p = { 0 };
    struct rejudge_want w;
    ck_assert_msg(rejudge_decode(body, strlen(body), &w, &p) == -1, "%s", body);
    bool named = p.id == PROBLEM_BAD_JSON;
    for (size_t i = 0; i < p.fault_count; i++)
        named = named || strcmp(p.faults[i].field, field) == 0;
    ck_assert_msg(named, "%s: no fault of %s", body, field);
}

static struct rejudge_want taken(const char *body)
{
    auto_problem_ struct problem p = { 0 };
    struct rejudge_want w = { 0 };
    ck_assert_msg(rejudge_decode(body, strlen(body), &w, &p) == 0, "%s: %s %s", body, p.detail,
                  p.fault_count > 0 ? p.faults[0].expected : "");
    return w;
}

START_TEST(a_filter_becomes_bounds_and_conditions)
{
    struct rejudge_want w =
        taken("{\"filter\":{\"verdict\":\"wrong_answer\",\"language\":\"c17\",\"key_id\":0,"
              "\"created_from\":\"2026-11-26T12:00:00Z\",\"created_before\":"
              "\"2026-11-26T13:00:00+01:00\",\"metadata\":{\"a\":1}}}");
    ck_assert_int_eq(w.filter.verdict, VERDICT_WRONG_ANSWER);
    ck_assert_str_eq(w.filter.language, "c17");
    ck_assert_int_eq(w.filter.key_id, 0);
    ck_assert_int_eq(w.from_unix_ms, w.before_unix_ms); /* the same instant in two zones */
    ck_assert(store_id_valid(w.from_id));
    ck_assert_int_lt(strcmp(w.from_id, w.filter.before_id), 0);
    ck_assert_int_eq(w.limit, REJUDGE_LIMIT_DEFAULT);
    ck_assert_int_eq(w.priority, -100);
    ck_assert(!w.dry_run);
    rejudge_want_done(&w);
    w = taken("{\"filter\":{},\"limit\":7,\"priority\":3,\"dry_run\":true}");
    ck_assert_int_eq(w.filter.key_id, -1);
    ck_assert_ptr_null(w.filter.before_id);
    ck_assert_int_eq(w.limit, 7);
    ck_assert(w.dry_run);
    rejudge_want_done(&w);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
    static const char *const rows[][2] = {
        { "[]", "" },
        { "{}", "filter" },
        { "{\"ids\":[]}", "ids" },
        { "{\"ids\":[\"x\"]}", "ids[0]" },
        { "{\"ids\":[\"01M80XWCPED8030683HJSKDAY0\",\"01M80XWCPED8030683HJSKDAY0\"]}", "ids[1]" },
        { "{\"ids\":[\"01M80XWCPED8030683HJSKDAY0\"],\"filter\":{}}", "ids" },
        { "{\"ids\":[\"01M80XWCPED8030683HJSKDAY0\"],\"limit\":5}", "ids" },
        { "{\"filter\":{\"verdict\":\"good\"}}", "filter.verdict" },
        { "{\"filter\":{\"status\":\"queued\"}}", "filter.status" },
        { "{\"filter\":{\"created_from\":\"yesterday\"}}", "filter.created_from" },
        { "{\"filter\":{\"colour\":1}}", "filter.colour" },
        { "{\"filter\":{\"metadata\":[]}}", "filter.metadata" },
        { "{\"filter\":{},\"limit\":0}", "limit" },
        { "{\"filter\":{},\"limit\":101}", "limit" },
        { "{\"filter\":{},\"cursor\":\"x\"}", "cursor" },
        { "{\"filter\":{},\"priority\":101}", "priority" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        refused(rows[i][0], rows[i][1]);
}
END_TEST

START_TEST(metadata_fits_by_the_members_that_are_wanted)
{
    struct rejudge_want w = taken("{\"filter\":{\"metadata\":{\"contest\":5,\"tags\":[\"a\"]}}}");
    ck_assert(rejudge_metadata_fits(w.metadata, "{\"contest\":5,\"tags\":[\"a\"],\"more\":1}"));
    ck_assert(!rejudge_metadata_fits(w.metadata, "{\"contest\":6,\"tags\":[\"a\"]}"));
    ck_assert(!rejudge_metadata_fits(w.metadata, "{\"contest\":5}"));
    ck_assert(!rejudge_metadata_fits(w.metadata, NULL));
    ck_assert(rejudge_metadata_fits(NULL, NULL));
    rejudge_want_done(&w);
}
END_TEST

START_TEST(instants_are_read_exactly_or_not_at_all)
{
    static const struct {
        const char *text;
        int64_t unix_ms; /* -1: none */
    } rows[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-01T00:00:00.25Z", 250 },
        { "1970-01-01T00:00:01.123456789Z", 1123 },
        { "1970-01-01T01:00:00+01:00", 0 },
        { "1970-01-01T00:00:00-00:30", 1800000 },
        { "2024-02-29T12:00:00z", 1709208000000 },
        { "2023-02-29T12:00:00Z", -1 },
        { "2026-13-01T00:00:00Z", -1 },
        { "2026-01-01T24:00:00Z", -1 },
        { "2026-01-01T00:00:00", -1 },
        { "2026-01-01", -1 },
        { "2026-01-01T00:00:00.Z", -1 },
        { "2026-01-01T00:00:00Z ", -1 },
        { "1970-01-01T00:00:00+01:00", -1 },
        { "", -1 },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t unix_ms = -1;
        bool ok = instant_parse(rows[i].text, &unix_ms);
        ck_assert_msg(ok == (rows[i].unix_ms >= 0) && unix_ms == rows[i].unix_ms, "%s: %lld",
                      rows[i].text, (long long)unix_ms);
    }
}
END_TEST

UNIT_MAIN("rejudge_decode", a_filter_becomes_bounds_and_conditions, what_is_wrong_is_named,
          metadata_fits_by_the_members_that_are_wanted, instants_are_read_exactly_or_not_at_all)
