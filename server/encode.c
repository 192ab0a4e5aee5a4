/* encode.c - reports and rows to JSON; minos-server. */
#include "server/encode.h"

#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/utf8.h"

struct encoder {
    struct jsonw w;
    struct store *store;
    int64_t inline_left_bytes;
    struct err *e;
};

static void write_links(struct jsonw *w, const char *id)
{
    static const char *const rows[][2] = {
        { "self", "" },
        { "events", "/events" },
        { "cancel", "/cancel" },
    };
    jsonw_object(w, "links");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        auto_buf_ struct buf link = { 0 };
        buf_printf(&link, "/v1/submissions/%s%s", id, rows[i][1]);
        jsonw_text(w, rows[i][0], buf_text(&link));
    }
    jsonw_end_object(w);
}

static void write_verdict(struct jsonw *w, enum verdict v)
{
    jsonw_text(w, "verdict", v != VERDICT_NONE ? verdict_name(v) : NULL);
}

static void write_end(struct jsonw *w, const char *cause, int64_t exit_code, int64_t signal)
{
    auto_buf_ struct buf name = { 0 };
    const char *abbrev = signal > 0 ? sigabbrev_np((int)signal) : NULL;
    if (abbrev != NULL)
        buf_printf(&name, "SIG%s", abbrev);
    jsonw_text(w, "cause", cause);
    jsonw_int_or_null(w, "exit_code", exit_code, exit_code >= 0);
    jsonw_int_or_null(w, "signal", signal, signal > 0);
    jsonw_text(w, "signal_name", abbrev != NULL ? buf_text(&name) : NULL);
}

static void write_measures(struct jsonw *w, const struct usage *u)
{
    jsonw_ms(w, "cpu_time_ms", u->cpu_time_ns);
    jsonw_ms(w, "user_time_ms", u->user_time_ns);
    jsonw_ms(w, "system_time_ms", u->system_time_ns);
    jsonw_ms(w, "wall_time_ms", u->wall_time_ns);
    jsonw_int(w, "memory_peak_bytes", u->memory_peak_bytes);
    jsonw_int_or_null(w, "memory_nocache_bytes", u->memory_nocache_bytes,
                      u->memory_nocache_bytes >= 0);
    jsonw_int_or_null(w, "process_peak_count", u->process_peak_count, u->process_peak_count >= 0);
}

/* The cut between head and tail falls anywhere, also within a character: leave the halves of that
 * one out, so that a long text remains a text. */
static void heal_cut(struct buf *b, size_t cut)
{
    size_t head = cut, tail = cut;
    if (cut > b->len)
        return;
    for (size_t back = 0; back < 4 && back <= cut; back++) {
        if (utf8_valid(b->data, cut - back)) {
            head = cut - back;
            break;
        }
    }
    while (tail < b->len && tail < cut + 3 && ((unsigned char)b->data[tail] & 0xc0) == 0x80)
        tail++;
    if (!utf8_valid(b->data, head) || !utf8_valid(b->data + tail, b->len - tail))
        return;
    memmove(b->data + head, b->data + tail, b->len - tail + 1);
    b->len -= tail - head;
}

/* "NAME", "NAME_bytes", "NAME_truncated", "NAME_head_bytes". */
static int write_output(struct encoder *en, const char *name, const struct kept_output *out)
{
    static const char *const parts[] = { "_bytes", "_truncated", "_head_bytes" };
    char keys[ARRAY_COUNT(parts)][48];
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        auto_buf_ struct buf key = { 0 };
        buf_printf(&key, "%s%s", name, parts[i]);
        memcpy(keys[i], buf_text(&key), key.len + 1);
    }
    struct jsonw *w = &en->w;
    auto_buf_ struct buf text = { 0 };
    bool fits = out->blob.bytes <= en->inline_left_bytes;
    if (jsonw_wants(w, name) && fits) {
        if (out->blob.present && blob_get(en->store, &out->blob, &text, en->e) != 0)
            return -1;
        en->inline_left_bytes -= out->blob.bytes;
        if (out->truncated && text.len > 0)
            heal_cut(&text, (size_t)out->head_bytes);
    }
    if (fits)
        jsonw_bytes(w, name, buf_text(&text), text.len);
    else
        jsonw_null(w, name);
    jsonw_int(w, keys[0], out->bytes);
    jsonw_bool(w, keys[1], out->truncated);
    jsonw_int_or_null(w, keys[2], out->head_bytes, out->truncated);
    return 0;
}

void encode_compile_brief(struct jsonw *w, const struct compile_result *c)
{
    write_verdict(w, c->verdict);
    write_end(w, c->cause, c->exit_code, c->signal);
    jsonw_bool(w, "cached", c->cached);
    write_measures(w, &c->usage);
}

static void write_runs(struct jsonw *w, const struct runs_spread *r)
{
    if (r->count == 0) {
        jsonw_null(w, "runs");
        return;
    }
    jsonw_object(w, "runs");
    jsonw_int(w, "count", r->count);
    jsonw_ms(w, "cpu_time_min_ms", r->cpu_time_min_ns);
    jsonw_ms(w, "cpu_time_median_ms", r->cpu_time_median_ns);
    jsonw_ms(w, "cpu_time_spread_ms", r->cpu_time_max_ns - r->cpu_time_min_ns);
    jsonw_end_object(w);
}

void encode_test_brief(struct jsonw *w, const struct test_spec *spec, const struct test_result *t)
{
    jsonw_int(w, "index", t->index + 1);
    jsonw_text(w, "name", spec != NULL ? spec->name : NULL);
    write_verdict(w, t->verdict);
    write_end(w, t->cause, t->exit_code, t->signal);
    write_measures(w, &t->usage);
    jsonw_int(w, "output_bytes", t->stdout_kept.bytes + t->stderr_kept.bytes);
    jsonw_text(w, "message", t->message);
    write_runs(w, &t->runs);
}

static const struct test_spec *spec_of(const struct submission *s, const struct test_result *t)
{
    bool known = t->index >= 0 && (size_t)t->index < s->test_count;
    return known ? &s->tests[t->index] : NULL;
}

static int write_compile(struct encoder *en, const struct compile_result *c)
{
    struct jsonw *w = &en->w;
    if (!c->present) {
        jsonw_null(w, "compile");
        return 0;
    }
    jsonw_object(w, "compile");
    encode_compile_brief(w, c);
    if (write_output(en, "output", &c->output) != 0)
        return -1;
    jsonw_end_object(w);
    return 0;
}

static int write_tests(struct encoder *en, const struct submission_report *r)
{
    struct jsonw *w = &en->w;
    jsonw_int(w, "test_count", (int64_t)r->sub.test_count);
    if (!jsonw_wants(w, "tests"))
        return 0;
    jsonw_array(w, "tests");
    for (size_t i = 0; i < r->result_count; i++) {
        const struct test_result *t = &r->results[i];
        jsonw_object(w, NULL);
        encode_test_brief(w, spec_of(&r->sub, t), t);
        if (write_output(en, "stdout", &t->stdout_kept) != 0 ||
            write_output(en, "stderr", &t->stderr_kept) != 0)
            return -1;
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
    return 0;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void encode_usage(struct jsonw *w, const struct submission_report *r)
{
    struct usage max = { .memory_nocache_bytes = -1, .process_peak_count = -1 }, sum = { 0 };
    for (size_t i = 0; i < r->result_count; i++) {
        const struct usage *u = &r->results[i].usage;
        max.cpu_time_ns = larger(max.cpu_time_ns, u->cpu_time_ns);
        max.user_time_ns = larger(max.user_time_ns, u->user_time_ns);
        max.system_time_ns = larger(max.system_time_ns, u->system_time_ns);
        max.wall_time_ns = larger(max.wall_time_ns, u->wall_time_ns);
        max.memory_peak_bytes = larger(max.memory_peak_bytes, u->memory_peak_bytes);
        max.memory_nocache_bytes = larger(max.memory_nocache_bytes, u->memory_nocache_bytes);
        max.process_peak_count = larger(max.process_peak_count, u->process_peak_count);
        sum.cpu_time_ns += u->cpu_time_ns;
        sum.user_time_ns += u->user_time_ns;
        sum.system_time_ns += u->system_time_ns;
        sum.wall_time_ns += u->wall_time_ns;
    }
    jsonw_object(w, "usage");
    jsonw_object(w, "maximum");
    write_measures(w, &max);
    jsonw_end_object(w);
    jsonw_object(w, "sum");
    jsonw_ms(w, "cpu_time_ms", sum.cpu_time_ns);
    jsonw_ms(w, "user_time_ms", sum.user_time_ns);
    jsonw_ms(w, "system_time_ms", sum.system_time_ns);
    jsonw_ms(w, "wall_time_ms", sum.wall_time_ns);
    jsonw_end_object(w);
    jsonw_end_object(w);
}

static void write_phases(struct jsonw *w, const struct submission_report *r)
{
    const struct phases *p = &r->phases;
    if (!p->present) {
        jsonw_null(w, "phases");
        return;
    }
    jsonw_object(w, "phases");
    jsonw_ms(w, "queue_ms", (r->sub.started_unix_ms - r->sub.created_unix_ms) * NS_PER_MS);
    jsonw_ms(w, "prepare_ms", p->prepare_ns);
    jsonw_ms(w, "compile_ms", p->compile_ns);
    jsonw_ms(w, "run_ms", p->run_ns);
    jsonw_ms(w, "collect_ms", p->collect_ns);
    jsonw_end_object(w);
}

static void write_language(struct jsonw *w, const char *id, const char *version)
{
    jsonw_object(w, "language");
    jsonw_text(w, "id", id);
    jsonw_text(w, "version", version);
    jsonw_end_object(w);
}

static void write_instants(struct jsonw *w, int64_t created, int64_t started, int64_t finished)
{
    jsonw_instant(w, "created_at", created);
    jsonw_instant(w, "started_at", started);
    jsonw_instant(w, "finished_at", finished);
}

int encode_report(struct store *s, const struct submission_report *report,
                  const struct fields *only, struct buf *b, struct err *e)
{
    const struct submission *sub = &report->sub;
    struct encoder en = { .store = s, .inline_left_bytes = ENCODE_INLINE_MAX, .e = e };
    struct jsonw *w = &en.w;
    jsonw_init(w, b, only);
    jsonw_object(w, NULL);
    jsonw_text(w, "id", sub->id);
    jsonw_text(w, "status", submission_state_name(sub->state));
    write_verdict(w, sub->verdict);
    jsonw_text(w, "message", report->message);
    write_language(w, sub->language, report->language_version);
    write_instants(w, sub->created_unix_ms, sub->started_unix_ms, sub->finished_unix_ms);
    jsonw_int(w, "attempts", sub->attempts);
    jsonw_int(w, "priority", sub->priority);
    jsonw_raw(w, "metadata", sub->metadata_json);
    jsonw_text(w, "rejudge_of", sub->rejudge_of[0] != '\0' ? sub->rejudge_of : NULL);
    if (write_compile(&en, &report->compile) != 0 || write_tests(&en, report) != 0)
        return -1;
    if (report->result_count > 0)
        encode_usage(w, report);
    else
        jsonw_null(w, "usage");
    write_phases(w, report);
    jsonw_raw(w, "isolation", report->isolation_json);
    write_links(w, sub->id);
    jsonw_end_object(w);
    buf_puts(b, "\n");
    return 0;
}

void encode_accepted(const struct submission *sub, struct buf *b)
{
    struct jsonw w;
    jsonw_init(&w, b, NULL);
    jsonw_object(&w, NULL);
    jsonw_text(&w, "id", sub->id);
    jsonw_text(&w, "status", submission_state_name(sub->state));
    jsonw_null(&w, "verdict");
    write_language(&w, sub->language, NULL);
    write_instants(&w, sub->created_unix_ms, 0, 0);
    jsonw_int(&w, "priority", sub->priority);
    jsonw_int(&w, "test_count", (int64_t)sub->test_count);
    write_links(&w, sub->id);
    jsonw_end_object(&w);
    buf_puts(b, "\n");
}

void encode_row(struct jsonw *w, const struct submission_row *row)
{
    jsonw_object(w, NULL);
    jsonw_text(w, "id", row->id);
    jsonw_text(w, "status", submission_state_name(row->state));
    write_verdict(w, row->verdict);
    write_language(w, row->language, row->language_version);
    write_instants(w, row->created_unix_ms, row->started_unix_ms, row->finished_unix_ms);
    jsonw_int(w, "attempts", row->attempts);
    jsonw_int(w, "priority", row->priority);
    jsonw_int(w, "test_count", row->test_count);
    jsonw_raw(w, "metadata", row->metadata_json);
    jsonw_text(w, "rejudge_of", row->rejudge_of[0] != '\0' ? row->rejudge_of : NULL);
    write_links(w, row->id);
    jsonw_end_object(w);
}
