/* test_route.c - method and path to route; one process. */
#include "server/route.h"

#include "tests/unit/server/unit.h"

static void ck_route(const char *method, const char *path, enum route_id want)
{
    struct route_params params;
    bool known = false;
    const struct route *r = route_find(method, path, &params, &known);
    ck_assert_msg(r != NULL && r->id == want, "%s %s", method, path);
}

START_TEST(every_route_finds_itself)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        const struct route *r = route_at(i);
        ck_route(r->method, r->path, r->id);
        ck_assert_ptr_nonnull((void *)(uintptr_t)r->handler);
    }
}
END_TEST

START_TEST(parameters_are_cut_out_of_the_path)
{
    struct route_params params;
    bool known = false;
    const struct route *r =
        route_find("GET", "/v1/submissions/ABC/tests/12/stderr", &params, &known);
    ck_assert_ptr_nonnull(r);
    ck_assert_int_eq(r->id, ROUTE_STDERR);
    ck_assert_uint_eq(params.count, 2);
    ck_assert_str_eq(params.text[0], "ABC");
    ck_assert_str_eq(params.text[1], "12");
}
END_TEST

START_TEST(head_goes_where_get_goes)
{
    ck_route("HEAD", "/v1/submissions", ROUTE_LIST);
    ck_route("GET", "/v1/submissions", ROUTE_LIST);
    ck_route("POST", "/v1/submissions", ROUTE_SUBMIT);
}
END_TEST

START_TEST(paths_that_are_not_there_are_told_from_methods_that_are_not)
{
    static const struct {
        const char *method, *path;
        bool known;
    } rows[] = {
        { "GET", "/", false },
        { "GET", "", false },
        { "GET", "*", false },
        { "GET", "/v1", false },
        { "GET", "/v1/submissions/", false },
        { "GET", "/v1/submissions//events", false },
        { "GET", "/v1/submissions/x/y", false },
        { "GET", "/v1/submissionsx", false },
        { "GET", "/v1/languages/x", false },
        { "GET", "//v1/languages", false },
        { "PUT", "/v1/submissions", true },
        { "DELETE", "/v1/submissions/ABC", true },
        { "POST", "/metrics", true },
        { "HEAD", "/v1/keys/1", true },
        { "get", "/v1/languages", true },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct route_params params;
        bool known = !rows[i].known;
        ck_assert_msg(route_find(rows[i].method, rows[i].path, &params, &known) == NULL, "%s %s",
                      rows[i].method, rows[i].path);
        ck_assert_msg(known == rows[i].known, "%s %s", rows[i].method, rows[i].path);
    }
}
END_TEST

START_TEST(a_parameter_of_any_length_does_no_harm)
{
    auto_buf_ struct buf path = { 0 };
    struct route_params params;
    bool known = false;
    buf_puts(&path, "/v1/submissions/");
    for (int i = 0; i < 5000; i++)
        buf_puts(&path, "a");
    ck_assert_ptr_null(route_find("GET", buf_text(&path), &params, &known));
}
END_TEST

START_TEST(allow_lists_the_methods_of_a_path)
{
    auto_buf_ struct buf b = { 0 }, none = { 0 };
    route_allow("/v1/submissions", &b);
    ck_assert_str_eq(buf_text(&b), "POST, GET, HEAD, OPTIONS");
    route_allow("/v1/keys/3", &none);
    ck_assert_str_eq(buf_text(&none), "PATCH, DELETE, OPTIONS");
}
END_TEST

START_TEST(query_parameters_are_whole_words_of_the_table)
{
    const struct route *r = route_at(ROUTE_LIST);
    ck_assert(route_takes(r, "status"));
    ck_assert(route_takes(r, "cursor"));
    ck_assert(!route_takes(r, "stat"));
    ck_assert(!route_takes(r, ""));
    ck_assert(!route_takes(r, "status verdict"));
    ck_assert(!route_takes(route_at(ROUTE_CANCEL), "wait"));
}
END_TEST

UNIT_MAIN("route", every_route_finds_itself, parameters_are_cut_out_of_the_path,
          head_goes_where_get_goes, paths_that_are_not_there_are_told_from_methods_that_are_not,
          a_parameter_of_any_length_does_no_harm, allow_lists_the_methods_of_a_path,
          query_parameters_are_whole_words_of_the_table)
