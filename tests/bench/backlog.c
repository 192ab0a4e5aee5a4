/* backlog.c - accept and claim rates with many rows, by the program `store` (store.c), which alone
 * links the database; the minos-bench process. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "tests/bench/child.h"
#include "tests/bench/contestant.h"

enum { SIZES_MAX = 8, ROWS_MIN = 100000 };

/* One line of what it prints. */
struct line {
    int64_t rows;
    double per_second[3], cpu_us[3];
};

static const char *const rates[] = { "accept_per_second", "claim_per_second", "finish_per_second" };
static const char *const costs[] = { "accept_cpu_us", "claim_cpu_us", "finish_cpu_us" };

static bool read_line(const char *text, struct line *l)
{
    return sscanf(text, "%" SCNd64 " %*s %lf %lf %lf %lf %lf %lf", &l->rows, &l->per_second[0],
                  &l->cpu_us[0], &l->per_second[1], &l->cpu_us[1], &l->per_second[2],
                  &l->cpu_us[2]) == 7;
}

static void add_row(json_t *table, const struct line *l, const struct line *empty)
{
    char name[64];
    if (l->rows == 0)
        snprintf(name, sizeof name, "empty, in turn");
    else
        snprintf(name, sizeof name, "%" PRId64 " rows", l->rows);
    json_t *row = report_row(table, name, "", "");
    for (size_t i = 0; i < ARRAY_COUNT(rates); i++) {
        report_number(row, rates[i], l->per_second[i]);
        report_number(row, costs[i], l->cpu_us[i]);
    }
    if (l->rows == 0)
        return;
    report_number(row, "ratio_accept", l->per_second[0] / empty->per_second[0]);
    report_number(row, "ratio_claim", l->per_second[1] / empty->per_second[1]);
}

/* Lines come in pairs: the empty store, and the full one that took turns with it. */
static int read_all(int fd, json_t *table, struct err *e)
{
    char text[256];
    struct line empty = { 0 }, l;
    size_t count = 0;
    auto_file_ FILE *f = fdopen(fd, "r");
    while (f != NULL && fgets(text, sizeof text, f) != NULL) {
        if (!read_line(text, &l))
            return err_set(e, ERR_SYS, 0, "store: unexpected line \"%.100s\"", text);
        if (l.rows == 0)
            empty = l;
        add_row(table, &l, &empty);
        count++;
    }
    return count == 0 ? err_set(e, ERR_SYS, 0, "the program store failed") : 0;
}

static void put_sizes(const struct bench *b, char *argv[SIZES_MAX + 4])
{
    size_t n = 3;
    for (int64_t rows = ROWS_MIN; rows <= b->rows_max && n < SIZES_MAX + 3; rows *= 10)
        argv[n++] = xasprintf("%" PRId64, rows);
}

static int table(struct bench *b, const char *state, const char *title, struct err *e)
{
    auto_free_ char *program = xasprintf("%s/store", b->extras_dir);
    auto_free_ char *dir = xasprintf("%s/%s", b->fixture.dir, state);
    auto_free_ char *log = xasprintf("%s/store.log", b->fixture.dir);
    char *argv[SIZES_MAX + 4] = { program, dir, (char *)(uintptr_t)state };
    int fds[2];
    pid_t pid;
    if (mkdir(dir, 0755) < 0 || pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, "prepare %s", dir);
    put_sizes(b, argv);
    struct child_plan plan = { argv, fds[1], log, NULL };
    int r = child_start(&plan, &pid, e);
    close(fds[1]);
    json_t *rows = report_table(&b->report, "backlog", title,
                                "the full and an empty store take turns; medians; accepts durable, "
                                "100 to a commit");
    if (r == 0)
        r = read_all(fds[0], rows, e);
    else
        close(fds[0]);
    if (r == 0) {
        child_stop(pid);
        report_print(rows);
    }
    for (size_t i = 3; argv[i] != NULL; i++)
        free(argv[i]);
    return r;
}

int suite_backlog(struct bench *b, int64_t seconds, struct err *e)
{
    (void)seconds; /* as long as the largest table takes */
    if (table(b, "waiting", "the store with many waiting", e) < 0)
        return -1;
    return table(b, "done", "the store with many finished", e);
}
