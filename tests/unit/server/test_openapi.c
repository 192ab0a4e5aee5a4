/* test_openapi.c - the OpenAPI document and the tables say the same; one process. */
#include "server/openapi.h"

#include <ctype.h>

#include "sandbox/base/limits.h"
#include "schema/store.h"
#include "server/route.h"
#include "tests/unit/server/unit.h"

static json_t *document(void)
{
    size_t len = 0;
    const char *text = openapi_text(&len);
    json_error_t why;
    json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    ck_assert_msg(j != NULL, "line %d: %s", why.line, why.text);
    return j;
}

static void lower(const char *method, char ret[16])
{
    size_t i = 0;
    for (; method[i] != '\0' && i < 15; i++)
        ret[i] = (char)tolower((unsigned char)method[i]);
    ret[i] = '\0';
}

START_TEST(every_route_is_documented)
{
    auto_json_ json_t *doc = document();
    const json_t *paths = json_object_get(doc, "paths");
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        const struct route *r = route_at(i);
        char method[16];
        lower(r->method, method);
        ck_assert_msg(json_object_get(json_object_get(paths, r->path), method) != NULL, "%s %s",
                      r->method, r->path);
    }
}
END_TEST

START_TEST(every_documented_operation_is_a_route)
{
    auto_json_ json_t *doc = document();
    const char *path = NULL, *method = NULL;
    json_t *item = NULL, *operation = NULL;
    size_t count = 0;
    json_object_foreach(json_object_get(doc, "paths"), path, item)
    {
        json_object_foreach(item, method, operation)
        {
            size_t i = 0;
            char lowered[16] = "";
            for (; i < ROUTE_COUNT; i++) {
                lower(route_at(i)->method, lowered);
                if (strcmp(route_at(i)->path, path) == 0 && strcmp(lowered, method) == 0)
                    break;
            }
            ck_assert_msg(i < ROUTE_COUNT, "%s %s", method, path);
            count++;
        }
    }
    ck_assert_uint_eq(count, ROUTE_COUNT);
}
END_TEST

/* Parameters of an operation that are "in" the query, references followed. */
START_TEST(query_parameters_are_those_of_the_table)
{
    auto_json_ json_t *doc = document();
    const json_t *paths = json_object_get(doc, "paths");
    const json_t *shared = json_object_get(json_object_get(doc, "components"), "parameters");
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        const struct route *r = route_at(i);
        char method[16];
        lower(r->method, method);
        const json_t *list =
            json_object_get(json_object_get(json_object_get(paths, r->path), method), "parameters");
        size_t documented = 0, taken = r->query[0] != '\0';
        for (const char *c = r->query; *c != '\0'; c++)
            taken += *c == ' ';
        for (size_t k = 0; k < json_array_size(list); k++) {
            const json_t *p = json_array_get(list, k);
            const char *ref = json_string_value(json_object_get(p, "$ref"));
            if (ref != NULL)
                p = json_object_get(shared, strrchr(ref, '/') + 1);
            ck_assert_ptr_nonnull(p);
            if (strcmp(json_string_value(json_object_get(p, "in")), "query") != 0)
                continue;
            documented++;
            ck_assert_msg(route_takes(r, json_string_value(json_object_get(p, "name"))), "%s %s",
                          r->method, r->path);
        }
        ck_assert_msg(documented == taken, "%s %s", r->method, r->path);
    }
}
END_TEST

static void ck_references(const json_t *doc, json_t *j)
{
    const char *key = NULL;
    json_t *v = NULL;
    size_t i = 0;
    json_array_foreach(j, i, v) ck_references(doc, v);
    json_object_foreach(j, key, v)
    {
        ck_references(doc, v);
        if (strcmp(key, "$ref") != 0)
            continue;
        const json_t *at = doc;
        for (const char *part = json_string_value(v) + 2; part[-1] != '\0';) {
            size_t len = strcspn(part, "/");
            auto_free_ char *name = xstrndup(part, len);
            at = json_object_get(at, name);
            part += len + 1;
        }
        ck_assert_msg(at != NULL, "%s", json_string_value(v));
    }
}

START_TEST(every_reference_leads_somewhere)
{
    auto_json_ json_t *doc = document();
    ck_references(doc, doc);
    ck_assert_str_eq(json_string_value(json_object_get(doc, "openapi")), "3.1.0");
}
END_TEST

static const json_t *properties(const json_t *doc, const char *schema)
{
    const json_t *schemas = json_object_get(json_object_get(doc, "components"), "schemas");
    return json_object_get(json_object_get(schemas, schema), "properties");
}

START_TEST(every_member_of_a_result_is_documented)
{
    auto_json_ json_t *doc = document();
    static const struct {
        const char *top, *sub;
    } fields[] = {
#define FIELD(top, sub) { top, sub },
#include "server/fields.def"
#undef FIELD
    };
    static const char *const schemas[][2] = { { "language", "Language" },
                                              { "compile", "Compile" },
                                              { "tests", "TestResult" },
                                              { "usage", "Usage" },
                                              { "phases", "Phases" } };
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        const json_t *in = properties(doc, "Result");
        for (size_t k = 0; fields[i].sub[0] != '\0' && k < ARRAY_COUNT(schemas); k++)
            if (strcmp(schemas[k][0], fields[i].top) == 0)
                in = properties(doc, schemas[k][1]);
        const char *name = fields[i].sub[0] != '\0' ? fields[i].sub : fields[i].top;
        ck_assert_msg(json_object_get(in, name) != NULL, "%s.%s", fields[i].top, fields[i].sub);
    }
}
END_TEST

START_TEST(limits_and_verdicts_are_those_of_their_tables)
{
    auto_json_ json_t *doc = document();
    const json_t *in = properties(doc, "Limits");
    ck_assert_uint_eq(json_object_size(in), limits_count);
    for (size_t i = 0; i < limits_count; i++) {
        const json_t *l = json_object_get(in, limits_table[i].name);
        ck_assert_msg(l != NULL, "%s", limits_table[i].name);
        ck_assert_int_eq(json_integer_value(json_object_get(l, "minimum")), limits_table[i].min);
        ck_assert_int_eq(json_integer_value(json_object_get(l, "default")),
                         limits_table[i].run_default);
    }
    const json_t *schemas = json_object_get(json_object_get(doc, "components"), "schemas");
    const json_t *verdicts = json_object_get(json_object_get(schemas, "Verdict"), "enum");
    ck_assert_uint_eq(json_array_size(verdicts), VERDICT_COUNT - 1);
    for (int i = 1; i < VERDICT_COUNT; i++)
        ck_assert_str_eq(json_string_value(json_array_get(verdicts, (size_t)i - 1)),
                         verdict_name((enum verdict)i));
}
END_TEST

UNIT_MAIN("openapi", every_route_is_documented, every_documented_operation_is_a_route,
          query_parameters_are_those_of_the_table, every_reference_leads_somewhere,
          every_member_of_a_result_is_documented, limits_and_verdicts_are_those_of_their_tables)
