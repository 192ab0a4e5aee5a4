/*
 * fuzz_opt.c - any words as a command line: libFuzzer's entry.
 *
 * Byte 0 chooses whether the first operand ends the options; lines are the words. Whatever they
 * are: no word is lost or made up, operands keep their order, numbers are within their bounds,
 * reading again what was put in order gives the same, and a refusal says which option and why.
 */
#include <assert.h>
#include <stdlib.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/opt.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS_MAX = 300, PORT_MAX = 65535, MEMORY_MAX = 1 << 30, TIME_MAX_MS = 3600000 };

struct args {
    bool quiet, help;
    const char *name;
    int64_t port, count, memory_bytes, any_bytes, time_ms;
    struct opt_list env;
};

static const struct opt_row rows[] = {
    { "quiet", 'q', OPT_FLAG, offsetof(struct args, quiet), NULL, "say less", 0, 0 },
    { "help", 0, OPT_FLAG, offsetof(struct args, help), NULL, "this", 0, 0 },
    { "name", 'n', OPT_TEXT, offsetof(struct args, name), NULL, "a name", 0, 0 },
    { "port", 'p', OPT_INT, offsetof(struct args, port), NULL, "a port\nof two lines", 1,
      PORT_MAX },
    { "count", 'c', OPT_INT, offsetof(struct args, count), NULL, "any number", 0, 0 },
    { "memory", 'm', OPT_BYTES, offsetof(struct args, memory_bytes), NULL, "of a cell", 1,
      MEMORY_MAX },
    { "bytes", 0, OPT_BYTES, offsetof(struct args, any_bytes), "SIZE", "any size", 0, 0 },
    { "time", 't', OPT_TIME_MS, offsetof(struct args, time_ms), NULL, "how long", 0, TIME_MAX_MS },
    { "env", 'e', OPT_LIST, offsetof(struct args, env), "NAME=TEXT", "a variable", 0, 0 },
};

struct words {
    char *text;
    char *argv[WORDS_MAX + 1];
    int argc;
};

static void split(struct words *w, struct input in)
{
    w->text = xstrndup((const char *)in.data, in.len);
    w->argv[w->argc++] = w->text; /* argv[0], which is skipped */
    for (char *at = w->text; *at != '\0' && w->argc < WORDS_MAX; at++)
        if (*at == '\n') {
            *at = '\0';
            w->argv[w->argc++] = at + 1;
        }
}

/* Pointers into our own text, in the order in which they lie there. */
static int by_place(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (char *const *)a, y = (uintptr_t) * (char *const *)b;
    return (x > y) - (x < y);
}

static void check_same_words(const struct words *before, const struct words *after, int first)
{
    struct words sorted = *after;
    qsort(sorted.argv, (size_t)sorted.argc, sizeof sorted.argv[0], by_place);
    for (int i = 0; i < before->argc; i++)
        assert(sorted.argv[i] == before->argv[i]);
    for (int i = first; i + 1 < after->argc; i++)
        assert(after->argv[i] < after->argv[i + 1]);
}

static void check_args(const struct args *a)
{
    assert(a->port == 0 || (a->port >= 1 && a->port <= PORT_MAX));
    assert(a->memory_bytes >= 0 && a->memory_bytes <= MEMORY_MAX && a->any_bytes >= 0);
    assert(a->time_ms >= 0 && a->time_ms <= TIME_MAX_MS);
    assert(a->env.count <= OPT_LIST_MAX);
    for (size_t i = 0; i < a->env.count; i++)
        assert(a->env.items[i] != NULL);
}

static bool same_args(const struct args *a, const struct args *b)
{
    if (a->env.count != b->env.count)
        return false;
    for (size_t i = 0; i < a->env.count; i++)
        if (a->env.items[i] != b->env.items[i])
            return false;
    return a->quiet == b->quiet && a->help == b->help && a->name == b->name && a->port == b->port &&
           a->count == b->count && a->memory_bytes == b->memory_bytes &&
           a->any_bytes == b->any_bytes && a->time_ms == b->time_ms;
}

static void parse(const struct opt_spec *spec, struct words *w)
{
    struct args a = { 0 }, b = { 0 };
    const struct words before = *w;
    int first = -1, again = -1;
    struct err e = { 0 };
    if (opt_parse(spec, w->argc, w->argv, &a, &first, &e) != 0) {
        assert(e.kind == ERR_INPUT && (e.msg[0] == '-' || strstr(e.msg, " option -") != NULL));
        return;
    }
    assert(first >= 1 && first <= w->argc);
    check_same_words(&before, w, first);
    check_args(&a);
    int r = opt_parse(spec, w->argc, w->argv, &b, &again, &e);
    assert(r == 0 && again == first && same_args(&a, &b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in = { data, len };
    struct opt_spec spec = { .usage = "minos fuzz [OPTION]...", .rows = rows };
    auto_buf_ struct buf help = { 0 };
    struct words w = { 0 };
    spec.row_count = ARRAY_COUNT(rows);
    spec.stop_at_operand = take_byte(&in) % 2;
    split(&w, in);
    parse(&spec, &w);
    opt_help(&spec, &help);
    assert(help.len > 0);
    free(w.text);
    return 0;
}
