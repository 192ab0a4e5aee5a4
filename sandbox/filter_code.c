/*
 * filter_code.c - a classic BPF program from rules about system calls; runs in the keeper, once.
 *
 * Numbers are cut into runs with one answer. A binary tree of comparisons leads to groups of a few
 * runs; a group names its exceptions one by one, answers the rest with what most of its runs get,
 * and holds the pieces that look at arguments.
 */
#include "sandbox/filter_code.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/cleanup.h"

#define ALL_BITS UINT32_MAX

enum { GROUP_RUNS_MAX = 12, JUMP_MAX = 255, X32_BIT = 0x40000000 };

/* Numbers from `first` to the next run's with one answer. */
struct run {
    uint32_t first;
    const struct filter_rule *rule; /* whose arguments decide; NULL: `action` */
    uint32_t action;
};

/* --- instructions --- */

static int emit(struct buf *code, uint16_t op, size_t jt, size_t jf, uint32_t k, struct err *e)
{
    struct sock_filter insn = { .code = op, .jt = (uint8_t)jt, .jf = (uint8_t)jf, .k = k };
    if (jt > JUMP_MAX || jf > JUMP_MAX)
        return err_bug(e, "a jump of the filter over %zu instructions", jt > jf ? jt : jf);
    return buf_add(code, &insn, sizeof insn, e);
}

static int emit_return(struct buf *code, uint32_t action, struct err *e)
{
    return emit(code, BPF_RET | BPF_K, 0, 0, action, e);
}

static int emit_load(struct buf *code, size_t offset, struct err *e)
{
    return emit(code, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset, e);
}

static size_t count_of(const struct buf *code)
{
    return code->len / sizeof(struct sock_filter);
}

/* --- arguments --- */

static size_t half_of(uint32_t arg)
{
    bool high = (arg & FILTER_HIGH_HALF) != 0, little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    size_t index = arg & ~(uint32_t)FILTER_HIGH_HALF;
    return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) +
           (high == little ? 4 : 0);
}

/* "This bit is set" is asked of the whole half, so that one instruction asks for several. */
static bool is_bit(const struct filter_compare *c)
{
    return c->mask == c->value && c->mask != 0 && (c->mask & (c->mask - 1)) == 0;
}

static uint32_t mask_held(const struct filter_compare *c)
{
    return is_bit(c) ? ALL_BITS : c->mask;
}

/* What the accumulator holds; mask 0: not known. */
struct held {
    uint32_t arg, mask;
};

static int hold(struct buf *code, const struct filter_compare *c, struct held *h, struct err *e)
{
    if (h->mask == mask_held(c) && h->arg == c->arg)
        return 0;
    *h = (struct held){ .arg = c->arg, .mask = mask_held(c) };
    if (emit_load(code, half_of(c->arg), e) < 0)
        return -1;
    return h->mask == ALL_BITS ? 0 : emit(code, BPF_ALU | BPF_AND | BPF_K, 0, 0, h->mask, e);
}

static bool same_compare(const struct filter_compare *a, const struct filter_compare *b)
{
    return a->arg == b->arg && a->mask == b->mask && a->value == b->value;
}

/* How many rows from the first on are decided by their compare at `depth`, of the same bits, with
 * the same answer. */
static size_t count_alike(const struct filter_when *w, size_t count, size_t depth)
{
    size_t n = 0;
    while (n < count && w[n].compare_count == depth + 1 && w[n].action == w->action &&
           w[n].compares[depth].arg == w->compares[depth].arg &&
           mask_held(&w[n].compares[depth]) == mask_held(&w->compares[depth]))
        n++;
    return n;
}

/* Their values in a row, then the one return that they share. */
static int emit_alike(struct buf *code, const struct filter_when *w, size_t count, size_t depth,
                      struct err *e)
{
    uint32_t bits = 0;
    size_t tests = 0;
    for (size_t i = 0; i < count; i++) {
        tests += is_bit(&w[i].compares[depth]) ? 0 : 1;
        bits |= is_bit(&w[i].compares[depth]) ? w[i].compares[depth].value : 0;
    }
    if (bits != 0 && emit(code, BPF_JMP | BPF_JSET | BPF_K, tests, tests == 0, bits, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct filter_compare *c = &w[i].compares[depth];
        if (is_bit(c))
            continue;
        tests--;
        if (emit(code, BPF_JMP | BPF_JEQ | BPF_K, tests, tests == 0, c->value, e) < 0)
            return -1;
    }
    return emit_return(code, w->action, e);
}

static int emit_whens(struct buf *code, const struct filter_when *w, size_t count, size_t depth,
                      struct err *e);

/* Rows that begin with the same compare: the rest of them, jumped over unless it holds. */
static int emit_nested(struct buf *code, const struct filter_when *w, size_t count, size_t depth,
                       struct err *e)
{
    const struct filter_compare *c = &w->compares[depth];
    auto_buf_ struct buf rest;
    buf_init(&rest, 0);
    if (emit_whens(&rest, w, count, depth + 1, e) < 0 ||
        emit(code, is_bit(c) ? BPF_JMP | BPF_JSET | BPF_K : BPF_JMP | BPF_JEQ | BPF_K, 0,
             count_of(&rest), c->value, e) < 0)
        return -1;
    return buf_add(code, rest.data, rest.len, e);
}

/* First match first; falls out at the end when none holds. */
static int emit_whens(struct buf *code, const struct filter_when *w, size_t count, size_t depth,
                      struct err *e)
{
    struct held h = { 0 };
    for (size_t i = 0, n; i < count; i += n) {
        if (hold(code, &w[i].compares[depth], &h, e) < 0)
            return -1;
        n = count_alike(w + i, count - i, depth);
        if (n > 0) {
            if (emit_alike(code, w + i, n, depth, e) < 0)
                return -1;
            continue;
        }
        while (i + n < count && w[i + n].compare_count > depth + 1 &&
               same_compare(&w[i + n].compares[depth], &w[i].compares[depth]))
            n++;
        if (emit_nested(code, w + i, n, depth, e) < 0)
            return -1;
        h.mask = 0; /* the piece jumped over may have loaded something else */
    }
    return 0;
}

static int emit_answer(struct buf *code, const struct run *r, struct err *e)
{
    if (r->rule == NULL)
        return emit_return(code, r->action, e);
    if (emit_whens(code, r->rule->whens, r->rule->when_count, 0, e) < 0)
        return -1;
    return emit_return(code, r->rule->action, e);
}

/* --- numbers --- */

static bool same_answer(const struct run *a, const struct run *b)
{
    return a->rule == b->rule && (a->rule != NULL || a->action == b->action);
}

/* What most runs get without a look at arguments; NULL when all look. */
static const struct run *commonest(const struct run *runs, size_t count)
{
    const struct run *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        for (size_t j = 0; j < count; j++)
            n += runs[i].rule == NULL && same_answer(&runs[i], &runs[j]);
        if (n > most) {
            most = n;
            best = &runs[i];
        }
    }
    return best;
}

/* A group under construction: `tests`, then the common return, then the answers in `answers`; to
 * which answer each test jumps is filled in when all are there. */
struct group {
    struct buf tests, answers;
    size_t answer_at[GROUP_RUNS_MAX]; /* by run: where its answer begins in `answers` */
    struct {
        size_t at, run;
        bool if_true;
    } jumps[GROUP_RUNS_MAX];
    size_t jump_count;
};

static int emit_test(struct group *g, size_t run, bool if_true, uint16_t op, uint32_t k,
                     struct err *e)
{
    g->jumps[g->jump_count].at = count_of(&g->tests);
    g->jumps[g->jump_count].run = run;
    g->jumps[g->jump_count++].if_true = if_true;
    return emit(&g->tests, op, 0, 0, k, e);
}

/* Is the number in run i? The tree has seen to it that it is not below the first run nor above the
 * last. */
static int add_test(struct group *g, const struct run *runs, size_t count, size_t i, struct err *e)
{
    const uint16_t at_least = BPF_JMP | BPF_JGE | BPF_K;
    if (i + 1 == count)
        return emit_test(g, i, true, at_least, runs[i].first, e);
    uint32_t next = runs[i + 1].first;
    if (next - runs[i].first == 1)
        return emit_test(g, i, true, BPF_JMP | BPF_JEQ | BPF_K, runs[i].first, e);
    if (i > 0 && emit(&g->tests, at_least, 0, 1, runs[i].first, e) < 0)
        return -1;
    return emit_test(g, i, false, at_least, next, e);
}

static int add_answer(struct group *g, const struct run *runs, size_t i, struct err *e)
{
    for (size_t j = 0; j < i; j++)
        if (same_answer(&runs[j], &runs[i])) {
            g->answer_at[i] = g->answer_at[j];
            return 0;
        }
    g->answer_at[i] = count_of(&g->answers);
    return emit_answer(&g->answers, &runs[i], e);
}

/* 1: done; 0: some jump would be too long. */
static int aim_jumps(struct group *g)
{
    struct sock_filter *tests = (struct sock_filter *)(void *)g->tests.data;
    for (size_t i = 0; i < g->jump_count; i++) {
        size_t at = g->jumps[i].at;
        size_t over = count_of(&g->tests) - at - 1 + 1 + g->answer_at[g->jumps[i].run];
        if (over > JUMP_MAX)
            return 0;
        *(g->jumps[i].if_true ? &tests[at].jt : &tests[at].jf) = (uint8_t)over;
    }
    return 1;
}

static int fill_group(struct group *g, struct buf *code, const struct run *runs, size_t count,
                      struct err *e)
{
    const struct run *common = commonest(runs, count);
    if (common == NULL)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (same_answer(&runs[i], common))
            continue;
        if (add_test(g, runs, count, i, e) < 0 || add_answer(g, runs, i, e) < 0)
            return -1;
    }
    if (aim_jumps(g) == 0)
        return 0;
    if (buf_add(code, g->tests.data, g->tests.len, e) < 0 ||
        emit_return(code, common->action, e) < 0 ||
        buf_add(code, g->answers.data, g->answers.len, e) < 0)
        return -1;
    return 1;
}

/* 1: done; 0: not as one group; -1 with e. */
static int emit_group(struct buf *code, const struct run *runs, size_t count, struct err *e)
{
    struct group g = { .jump_count = 0 };
    buf_init(&g.tests, 0);
    buf_init(&g.answers, 0);
    int done = count > GROUP_RUNS_MAX ? 0 : fill_group(&g, code, runs, count, e);
    buf_done(&g.tests);
    buf_done(&g.answers);
    return done;
}

static int emit_tree(struct buf *code, const struct run *runs, size_t count, struct err *e)
{
    if (count == 1)
        return emit_answer(code, runs, e);
    int done = emit_group(code, runs, count, e);
    if (done != 0)
        return done < 0 ? -1 : 0;
    size_t half = count / 2;
    auto_buf_ struct buf left;
    buf_init(&left, 0);
    if (emit_tree(&left, runs, half, e) < 0)
        return -1;
    size_t over = count_of(&left);
    bool far = over > JUMP_MAX;
    if (emit(code, BPF_JMP | BPF_JGE | BPF_K, far ? 0 : over, far, runs[half].first, e) < 0)
        return -1;
    if (far && emit(code, BPF_JMP | BPF_JA, 0, 0, (uint32_t)over, e) < 0)
        return -1;
    if (buf_add(code, left.data, left.len, e) < 0)
        return -1;
    return emit_tree(code, runs + half, count - half, e);
}

/* --- runs --- */

static void add_run(struct run *runs, size_t *count, struct run r)
{
    if (*count > 0 && runs[*count - 1].first == r.first)
        --*count; /* which was the gap before it, of no number */
    if (*count == 0 || !same_answer(&runs[*count - 1], &r))
        runs[(*count)++] = r;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = ((const struct filter_rule *)a)->nr, y = ((const struct filter_rule *)b)->nr;
    return x < y ? -1 : x > y;
}

/* Room for two runs a rule, and four: the first, x32's, -1's. -1 is what a tracer makes of a call
 * that it skips. */
static size_t cut_runs(struct filter_rule *rules, size_t count, uint32_t otherwise,
                       struct run *runs)
{
    size_t n = 0;
    qsort(rules, count, sizeof *rules, by_number);
    add_run(runs, &n, (struct run){ .first = 0, .action = otherwise });
    for (size_t i = 0; i < count; i++) {
        bool looks = rules[i].when_count > 0;
        add_run(runs, &n,
                (struct run){ .first = rules[i].nr,
                              .rule = looks ? &rules[i] : NULL,
                              .action = rules[i].action });
        add_run(runs, &n, (struct run){ .first = rules[i].nr + 1, .action = otherwise });
    }
#ifdef __x86_64__
    add_run(runs, &n, (struct run){ .first = X32_BIT, .action = SECCOMP_RET_KILL_PROCESS });
    add_run(runs, &n, (struct run){ .first = UINT32_MAX, .action = otherwise });
#endif
    return n;
}

int filter_code_make(struct filter_rule *rules, size_t count, uint32_t otherwise, uint32_t arch,
                     struct buf *code, struct err *e)
{
    auto_free_ struct run *runs = xcalloc(2 * count + 4, sizeof *runs);
    size_t run_count = cut_runs(rules, count, otherwise, runs);
    if (emit_load(code, offsetof(struct seccomp_data, arch), e) < 0 ||
        emit(code, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, arch, e) < 0 ||
        emit_return(code, SECCOMP_RET_KILL_PROCESS, e) < 0 ||
        emit_load(code, offsetof(struct seccomp_data, nr), e) < 0)
        return -1;
    return emit_tree(code, runs, run_count, e);
}
