/* info.c - what this service offers: languages, limits, the OpenAPI document; minos-server. */
#include "server/decode.h"
#include "server/handlers.h"
#include "server/openapi.h"
#include "server/request.h"

static void write_language(struct jsonw *w, const struct language_record *l)
{
    jsonw_object(w, NULL);
    jsonw_text(w, "id", l->id);
    jsonw_text(w, "name", l->name);
    jsonw_text(w, "version", l->version);
    jsonw_bool(w, "available", l->available);
    jsonw_text(w, "package", l->package);
    jsonw_text(w, "source_file", l->source_file);
    jsonw_raw(w, "detail", l->detail_json);
    jsonw_end_object(w);
}

void info_languages(struct request *r)
{
    auto_catalog_ struct catalog_view *view = NULL;
    struct err e;
    if (catalog_get(r->srv->catalog, &view, &e) != 0) {
        request_error(r, &e);
        return;
    }
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    jsonw_array(&w, "languages");
    for (size_t i = 0; i < view->count; i++)
        write_language(&w, &view->languages[i]);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
    request_reply(r, 200, REQUEST_JSON);
}

static void write_limit(struct jsonw *w, const struct limit_row *row, const struct conf *conf)
{
    jsonw_object(w, row->name);
    jsonw_text(w, "unit", row->unit);
    jsonw_int(w, "minimum", row->min);
    jsonw_int(w, "default", limits_get(&conf->limits, row));
    jsonw_int(w, "maximum", limits_get(&conf->ceilings, row));
    jsonw_int(w, "compile", limits_get(&conf->compile_limits, row));
    jsonw_text(w, "description", row->help);
    jsonw_end_object(w);
}

/* Bounds of a request that are no limits of a program. */
static void write_request_bounds(struct jsonw *w, const struct conf *conf)
{
    jsonw_object(w, "request");
    jsonw_int(w, "body_bytes", conf->server_body_bytes);
    jsonw_int(w, "test_count", DECODE_TESTS_MAX);
    jsonw_int(w, "file_count", DECODE_FILES_MAX);
    jsonw_int(w, "name_bytes", DECODE_NAME_MAX);
    jsonw_int(w, "metadata_bytes", DECODE_METADATA_MAX);
    jsonw_int(w, "json_value_count", DECODE_VALUES_MAX);
    jsonw_int(w, "priority_minimum", -DECODE_PRIORITY_MAX);
    jsonw_int(w, "priority_maximum", DECODE_PRIORITY_MAX);
    jsonw_ms(w, "wait_max_ms", conf->server_wait_max_ms * INT64_C(1000000));
    jsonw_int(w, "kept_output_bytes", conf->worker_kept_output_bytes);
    jsonw_int(w, "queue_count_max", conf->store_queue_count_max);
    jsonw_int(w, "queue_bytes_max", conf->store_queue_bytes_max);
    jsonw_end_object(w);
}

/* What holds for the asker's key. */
static void write_quotas(struct jsonw *w, const struct quotas *q)
{
    jsonw_object(w, "quotas");
    for (size_t i = 0; i < quotas_count; i++) {
        const struct quota_row *row = &quotas_table[i];
        jsonw_object(w, row->name);
        jsonw_int(w, "value", quotas_get(q, row));
        jsonw_int(w, "minimum", row->min);
        jsonw_int(w, "maximum", row->max);
        jsonw_text(w, "description", row->help);
        jsonw_end_object(w);
    }
    jsonw_end_object(w);
}

void info_limits(struct request *r)
{
    const struct conf *conf = r->srv->conf;
    struct jsonw w;
    jsonw_init(&w, &r->reply.body, NULL);
    jsonw_object(&w, NULL);
    jsonw_object(&w, "limits");
    for (size_t i = 0; i < limits_count; i++)
        write_limit(&w, &limits_table[i], conf);
    jsonw_end_object(&w);
    write_request_bounds(&w, conf);
    write_quotas(&w, &r->who.quotas);
    jsonw_end_object(&w);
    buf_puts(&r->reply.body, "\n");
    request_reply(r, 200, REQUEST_JSON);
}

void info_openapi(struct request *r)
{
    size_t len = 0;
    const char *text = openapi_text(&len);
    struct err e;
    if (buf_add(&r->reply.body, text, len, &e) != 0)
        request_error(r, &e);
    else
        request_reply(r, 200, REQUEST_JSON);
}
