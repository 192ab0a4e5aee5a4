/* tool.c - one command of a language in a cell; supervisor and slots. */
#include "worker/tool.h"

#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "worker/expand.h"
#include "worker/judge.h"

enum { OUTPUT_BYTES = 8192 };

static int on_output(void *ctx, const void *data, size_t len)
{
    keep_add(ctx, data, len);
    return 0;
}

static struct limits tool_limits(const struct conf *c, const struct language *l)
{
    struct limits limits = language_compile_limits(l, &c->compile_limits, &c->ceilings);
    limits.cpu_time_ms = limits.cpu_time_ms < TOOL_CPU_MS ? limits.cpu_time_ms : TOOL_CPU_MS;
    limits.wall_time_ms = limits.wall_time_ms < TOOL_WALL_MS ? limits.wall_time_ms : TOOL_WALL_MS;
    return limits;
}

struct texts {
    struct text_list argv, env;
};

static void texts_done(struct texts *t)
{
    text_list_done(&t->argv);
    text_list_done(&t->env);
}

static void expand(const struct tool_run *t, const struct limits *limits, struct texts *ret)
{
    const struct language *l = t->language;
    auto_list_ struct text_list sources = { 0 };
    text_list_add(&sources, l->source_file);
    struct expand_vars vars = {
        .source = l->source_file,
        .entry_point = l->entry_default != NULL ? l->entry_default : l->source_file,
        .sources = &sources,
        .prepared = t->prepared,
        .memory_bytes = limits->memory_bytes,
        .stack_bytes = limits->stack_bytes,
        .cpus = t->conf->box_cpus,
    };
    bool runs = t->command == &l->run_command || l->compile_command.count == 0;
    expand_list(t->command, &vars, &ret->argv);
    judge_environment(runs ? &l->run_environment : &l->compile_environment, &vars, &ret->env);
}

int tool_run(const struct tool_run *t, struct keep *output, struct box_outcome *ret, struct err *e)
{
    const struct language *l = t->language;
    __attribute__((cleanup(texts_done))) struct texts texts = { 0 };
    auto_fd_ int hello_fd = -1;
    struct limits limits = tool_limits(t->conf, l);
    keep_init(output, OUTPUT_BYTES);
    expand(t, &limits, &texts);
    if (t->with_hello && io_sealed_memfd("hello", l->hello, strlen(l->hello), &hello_fd, e) != 0)
        return -1;
    struct box_file file = { .name = l->source_file, .fd = hello_fd };
    struct box_sink sink = { .fd = -1, .write = on_output, .ctx = output };
    struct box_command command = {
        .image = l->image,
        .artifact = t->artifact,
        .argv = text_list_argv(&texts.argv),
        .env = text_list_argv(&texts.env),
        .files = t->with_hello ? &file : NULL,
        .file_count = t->with_hello,
        .limits = limits,
        .stdin_fd = -1,
        .stdout_sink = sink,
        .stderr_sink = sink,
        .keep_files = t->keep_files,
    };
    return box_run(t->box, &command, 1, NULL, 0, t->watch, ret, e);
}

bool tool_ended_well(const struct box_outcome *o)
{
    return o->started && o->exited && o->exit_code == 0 && o->cause == BOX_CAUSE_NONE;
}
