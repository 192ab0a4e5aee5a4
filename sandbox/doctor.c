/*
 * doctor.c - `minos-box doctor`: starts a keeper, which proves the isolation from inside a cell,
 * and prints what it found, layer by layer.
 */
#include "sandbox/doctor.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/hire.h"

struct args {
    struct hire_options hire;
    bool json, help;
};

static const struct opt_row rows[] = {
    { "json", 'j', OPT_FLAG, offsetof(struct args, json), NULL, "print one JSON object", 0, 0 },
    HIRE_ROWS(struct args, hire),
    { "help", 'h', OPT_FLAG, offsetof(struct args, help), NULL, "show this", 0, 0 },
};

static const struct opt_spec spec = {
    .usage = "minos doctor [OPTION]...",
    .about =
        "Start a keeper as the service does and print the proof of the isolation that it made\n"
        "from inside a cell: each layer, what is claimed, what was seen, and the mend where it\n"
        "does not hold. Needs root.",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .after =
        "Exit status: 0 when every layer holds, 1 when one does not or no cell could be made,\n"
        "2 for wrong usage.",
};

/* A missing layer stops a keeper with the first reason; we want all of them, so each is allowed
 * here and judged below. */
static const char allow_every_layer[] = "box.allow_missing="
#define PROBE(layer, claim, check, mend) layer ","
#include "sandbox/probe.def"
#undef PROBE
#define SETTING(layer, claim, path, judge, mend) layer ","
#include "sandbox/host_settings.def"
#undef SETTING
                                        "attack calls,memory limit,cpu limit,process limit";

/* --- text ------------------------------------------------------------------------------------- */

static void table_row(struct buf *b, const int widths[2], const char *layer, const char *claim,
                      const char *seen, const char *verdict)
{
    buf_printf(b, "%-7s  %-*s  %-*s  %s\n", verdict, widths[0], layer, widths[1], claim, seen);
}

static void widen(int *width, const char *text)
{
    int len = (int)strlen(text);
    *width = len > *width ? len : *width;
}

static void print_table(const struct box_proof *p, struct buf *b)
{
    int widths[2] = { 5, 5 };
    size_t missing = 0;
    for (size_t i = 0; i < p->count; i++) {
        widen(&widths[0], p->rows[i].layer);
        widen(&widths[1], p->rows[i].claim);
        missing += !p->rows[i].ok;
    }
    table_row(b, widths, "LAYER", "CLAIM", "SEEN", "");
    for (size_t i = 0; i < p->count; i++) {
        const struct box_proof_row *r = &p->rows[i];
        table_row(b, widths, r->layer, r->claim, r->seen, r->ok ? "ok" : "MISSING");
        if (!r->ok)
            buf_printf(b, "         mend: %s\n", r->mend);
    }
    buf_printf(b, "\nmode %s, cgroup %s, %s\n", p->mode, p->cgroup, p->kernel);
    if (missing == 0)
        buf_printf(b, "all %zu layers hold\n", p->count);
    else
        buf_printf(b, "%zu of %zu layers DO NOT HOLD\n", missing, p->count);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_text(struct buf *b, const char *name, const char *text, const char *tail)
{
    buf_printf(b, "\"%s\":", name);
    buf_json_string(b, text, strlen(text));
    buf_puts(b, tail);
}

static void print_json(const struct box_proof *p, struct buf *b)
{
    buf_printf(b, "{\"complete\":%s,", p->complete ? "true" : "false");
    json_text(b, "mode", p->mode, ",");
    json_text(b, "cgroup", p->cgroup, ",");
    json_text(b, "kernel", p->kernel, ",\"layers\":[");
    for (size_t i = 0; i < p->count; i++) {
        const struct box_proof_row *r = &p->rows[i];
        buf_puts(b, i > 0 ? ",{" : "{");
        json_text(b, "layer", r->layer, ",");
        json_text(b, "claim", r->claim, ",");
        json_text(b, "seen", r->seen, ",");
        json_text(b, "mend", r->mend, ",");
        buf_printf(b, "\"ok\":%s}", r->ok ? "true" : "false");
    }
    buf_puts(b, "]}\n");
}

/* --- the command ------------------------------------------------------------------------------ */

/* No cell could be made at all: the keeper's words are all there is. */
static int no_keeper(const struct args *a, const struct err *e)
{
    if (!a->json) {
        fprintf(stderr, "minos doctor: %s\n", e->msg);
        return 1;
    }
    auto_buf_ struct buf b;
    buf_init(&b, 0);
    json_text(&b, "error", e->msg, "");
    printf("{\"complete\":false,%s,\"layers\":[]}\n", buf_text(&b));
    return 1;
}

static int examine(const struct args *a)
{
    static const char *const own[] = { "box.warm=0", "log.level=error" };
    struct hire_options hire = a->hire;
    struct box *b = NULL;
    struct err e;
    struct conf conf;
    conf_init(&conf);
    int r = hire_conf(&a->hire, &conf, &e);
    conf_done(&conf);
    /* Last, so that it also wins over the operator's own list. */
    if (r == 0 && hire.set.count < OPT_LIST_MAX)
        hire.set.items[hire.set.count++] = allow_every_layer;
    if (r < 0 || hire_keeper(&hire, own, ARRAY_COUNT(own), &b, &e) < 0)
        return no_keeper(a, &e);
    auto_buf_ struct buf out;
    buf_init(&out, 0);
    if (a->json)
        print_json(box_proof(b), &out);
    else
        print_table(box_proof(b), &out);
    fputs(buf_text(&out), stdout);
    int status = box_proof(b)->complete ? 0 : 1;
    box_close(b);
    return status;
}

int doctor_main(int argc, char **argv)
{
    struct args args = { 0 };
    struct err e;
    int first;
    if (opt_parse(&spec, argc, argv, &args, &first, &e) < 0) {
        fprintf(stderr, "minos doctor: %s\n", e.msg);
        return 2;
    }
    if (args.help) {
        auto_buf_ struct buf b;
        buf_init(&b, 0);
        opt_help(&spec, &b);
        fputs(buf_text(&b), stdout);
        return 0;
    }
    if (first != argc) {
        fprintf(stderr, "minos doctor: unexpected operand \"%s\"\n", argv[first]);
        return 2;
    }
    return examine(&args);
}
