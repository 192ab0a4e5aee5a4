/* run_report.c - the report on one command, as text and as JSON; runs in `minos-box run`. */
#include "sandbox/run_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/units.h"

static const char *cause_words(enum box_cause cause)
{
    switch (cause) {
#define X(id, name, help)                                                                          \
    case BOX_CAUSE_##id:                                                                           \
        return help;
        BOX_CAUSES(X)
#undef X
    }
    return "unknown";
}

/* --- text ------------------------------------------------------------------------------------- */

static void text_end(const struct box_outcome *o, struct buf *b)
{
    if (!o->started) {
        const char *why = strerrordesc_np(o->exec_errno);
        buf_printf(b, "minos run: could not be started: %s\n", why != NULL ? why : "unknown error");
        return;
    }
    buf_puts(b, "minos run: ");
    if (o->cause != BOX_CAUSE_NONE)
        buf_printf(b, "%s (%s)", cause_words(o->cause), box_cause_name(o->cause));
    if (o->cause == BOX_CAUSE_SECCOMP && o->seccomp_syscall >= 0)
        buf_printf(b, ": number %d", o->seccomp_syscall);
    if (o->cause == BOX_CAUSE_NONE && o->exited)
        buf_printf(b, "exit code %d", o->exit_code);
    if (o->cause == BOX_CAUSE_NONE && !o->exited) {
        const char *name = sigabbrev_np(o->signal);
        buf_printf(b, "ended by signal %d (SIG%s)", o->signal, name != NULL ? name : "?");
    }
    buf_puts(b, "\n");
}

static void text_isolation(const struct box_proof *p, struct buf *b)
{
    size_t proven = 0;
    for (size_t i = 0; i < p->count; i++)
        proven += p->rows[i].ok;
    buf_printf(b, "  isolation  %zu of %zu layers proven; %s, cgroup %s, %s\n", proven, p->count,
               p->mode, p->cgroup, p->kernel);
    for (size_t i = 0; i < p->count; i++)
        if (!p->rows[i].ok)
            buf_printf(b, "             without %s: %s\n", p->rows[i].layer, p->rows[i].seen);
}

void run_report_text(const struct box_outcome *o, const struct limits *limits,
                     const struct box_proof *proof, struct buf *b)
{
    char one[UNITS_TEXT_BYTES], two[UNITS_TEXT_BYTES], three[UNITS_TEXT_BYTES];
    text_end(o, b);
    if (o->started) {
        buf_printf(b, "  cpu        %s", units_format_duration(o->cpu_ns, one));
        buf_printf(b, " (user %s, system %s)", units_format_duration(o->user_ns, two),
                   units_format_duration(o->system_ns, three));
        buf_printf(b, " of %s\n", units_format_duration(limits->cpu_time_ms * NS_PER_MS, one));
        buf_printf(b, "  wall       %s of %s\n", units_format_duration(o->wall_ns, one),
                   units_format_duration(limits->wall_time_ms * NS_PER_MS, two));
        buf_printf(b, "  memory     %s of %s\n", units_format_bytes(o->memory_peak_bytes, one),
                   units_format_bytes(limits->memory_bytes, two));
        if (o->process_peak_count >= 0)
            buf_printf(b, "  processes  %" PRId64 " of %" PRId64 "\n", o->process_peak_count,
                       limits->process_count);
        buf_printf(b, "  output     %" PRId64 " bytes and %" PRId64 " on stderr, of %" PRId64 "\n",
                   o->stdout_bytes, o->stderr_bytes, limits->output_bytes);
    }
    text_isolation(proof, b);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_text(struct buf *b, const char *name, const char *text)
{
    buf_printf(b, "\"%s\":", name);
    buf_json_string(b, text, strlen(text));
}

/* Nanoseconds as milliseconds with three decimals. */
static void json_ms(struct buf *b, const char *name, int64_t ns)
{
    buf_printf(b, "\"%s\":%" PRId64 ".%03" PRId64 ",", name, ns / NS_PER_MS, ns % NS_PER_MS / 1000);
}

/* A number, or null where it is not known (-1). */
static void json_number(struct buf *b, const char *name, int64_t value)
{
    if (value < 0)
        buf_printf(b, "\"%s\":null,", name);
    else
        buf_printf(b, "\"%s\":%" PRId64 ",", name, value);
}

static void json_limits(struct buf *b, const struct limits *limits)
{
    buf_puts(b, "\"limits\":{");
    for (size_t i = 0; i < limits_count; i++)
        buf_printf(b, "%s\"%s\":%" PRId64, i > 0 ? "," : "", limits_table[i].name,
                   limits_get(limits, &limits_table[i]));
    buf_puts(b, "},");
}

static void json_isolation(struct buf *b, const struct box_proof *p)
{
    buf_printf(b, "\"isolation\":{\"complete\":%s,", p->complete ? "true" : "false");
    json_text(b, "mode", p->mode);
    buf_puts(b, ",");
    json_text(b, "cgroup", p->cgroup);
    buf_puts(b, ",");
    json_text(b, "kernel", p->kernel);
    buf_puts(b, ",\"missing\":[");
    const char *comma = "";
    for (size_t i = 0; i < p->count; i++) {
        if (p->rows[i].ok)
            continue;
        buf_puts(b, comma);
        buf_json_string(b, p->rows[i].layer, strlen(p->rows[i].layer));
        comma = ",";
    }
    buf_puts(b, "]}");
}

void run_report_json(const struct box_outcome *o, const struct limits *limits,
                     const struct box_proof *proof, struct buf *b)
{
    buf_printf(b, "{\"started\":%s,", o->started ? "true" : "false");
    if (!o->started) {
        const char *why = strerrordesc_np(o->exec_errno);
        json_text(b, "start_error", why != NULL ? why : "unknown error");
        buf_puts(b, ",");
    }
    json_text(b, "cause", box_cause_name(o->cause));
    buf_puts(b, ",");
    json_number(b, "exit_code", o->exited ? o->exit_code : -1);
    json_number(b, "signal", o->signal > 0 ? o->signal : -1);
    json_number(b, "seccomp_syscall", o->seccomp_syscall);
    json_ms(b, "cpu_time_ms", o->cpu_ns);
    json_ms(b, "user_time_ms", o->user_ns);
    json_ms(b, "system_time_ms", o->system_ns);
    json_ms(b, "wall_time_ms", o->wall_ns);
    json_number(b, "memory_peak_bytes", o->memory_peak_bytes);
    json_number(b, "memory_nocache_bytes", o->memory_nocache_bytes);
    json_number(b, "rss_peak_bytes", o->rss_peak_bytes);
    json_number(b, "process_peak_count", o->process_peak_count);
    json_number(b, "stdout_bytes", o->stdout_bytes);
    json_number(b, "stderr_bytes", o->stderr_bytes);
    json_number(b, "voluntary_switches", o->voluntary_switches);
    json_number(b, "involuntary_switches", o->involuntary_switches);
    json_number(b, "oom_kills", o->oom_kills);
    json_number(b, "process_refusals", o->process_refusals);
    json_limits(b, limits);
    json_isolation(b, proof);
    buf_puts(b, "}\n");
}
