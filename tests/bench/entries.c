/* entries.c - who of the contestants can take part on this machine; the minos-bench process. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "tests/bench/contestant.h"

static int try_turn(const struct bench *b, const struct contestant *c, struct err *e)
{
    void *state;
    int64_t ignored_ns[SERIES_MAX];
    if (c->launcher->open(b, c, 0, &state, e) < 0)
        return -1;
    int r = c->launcher->turn(state, ignored_ns, e);
    c->launcher->close(state);
    return r;
}

static void note_version(struct bench *b, const struct contestant *c, const char *path)
{
    char line[160];
    char *argv[] = { xstrdup(path), xstrdup(c->version != NULL ? c->version : "--version"), NULL };
    argv_first_line(argv, line, sizeof line);
    report_version(&b->report, c->needs, line);
    free(argv[0]);
    free(argv[1]);
}

static void find_one(struct bench *b, const struct contestant *c, struct entry *entry)
{
    struct err e;
    if (c->needs != NULL) {
        auto_free_ char *path = argv_find(c->needs);
        if (path == NULL) {
            snprintf(entry->why, sizeof entry->why, "%s is not on PATH (%s)", c->needs, c->from);
            return;
        }
        note_version(b, c, path);
    }
    entry->there = try_turn(b, c, &e) == 0;
    if (!entry->there)
        snprintf(entry->why, sizeof entry->why, "%.*s", (int)strcspn(e.msg, "\n"), e.msg);
}

size_t entries_find(struct bench *b, const char *const *names,
                    struct entry entries[CONTESTANTS_MAX])
{
    const struct contestant *baseline = NULL;
    size_t count = 0;
    for (; names[count] != NULL; count++) {
        const struct contestant *c = contestant_find(names[count]);
        assert(c != NULL && count < CONTESTANTS_MAX);
        if (c->baseline)
            baseline = c;
        entries[count] = (struct entry){ .contestant = c, .baseline = baseline };
        find_one(b, c, &entries[count]);
    }
    return count;
}
