/* footprint.c - the memory of every process of a service, at rest and under load; the minos-bench
 * process. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/base/buf.h"
#include "sandbox/base/cleanup.h"
#include "sandbox/base/io.h"
#include "tests/bench/load.h"

enum {
    PROCESSES_MAX = 64,
    SETTLE_MS = 20000, /* until nothing is prepared any more, and the keeper has rested */
    CLIENTS = 4,
    SAMPLES = 10,
    STEP_MS = 200,
    MS = 1000,
};

enum role {
    ROLE_UP,
    ROLE_SERVER,
    ROLE_COURIER,
    ROLE_WORKER,
    ROLE_SLOT,
    ROLE_LISTEN,
    ROLE_KEEPER,
    ROLE_CELL
};

/* The counted ones are those whose sum has a bound: what judges, without who started it. */
static const struct {
    const char *name, *about;
    bool counted;
} roles[] = {
    [ROLE_UP] = { "minos up", "starts and supervises the others", false },
    [ROLE_SERVER] = { "minos-server", "HTTP", true },
    [ROLE_COURIER] = { "minos-courier", "sends callbacks", false },
    [ROLE_WORKER] = { "minos-worker", "supervisor of the slots", true },
    [ROLE_SLOT] = { "slot", "judges", true },
    [ROLE_LISTEN] = { "minos-box listen", "forks the keepers", false },
    [ROLE_KEEPER] = { "keeper", "makes cells", true },
    [ROLE_CELL] = { "cells", "init of each cell, and what runs in it", true },
};

struct process {
    pid_t pid, parent;
    enum role role;
};

struct memory {
    int64_t count, rss_kib, pss_kib, private_kib, charged_kib;
};

/* 0 when it is none. */
static int64_t number(const char *text)
{
    int64_t value;
    return sscanf(text, "%" SCNd64, &value) == 1 ? value : 0;
}

static pid_t parent_of(pid_t pid)
{
    char path[64];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    auto_file_ FILE *f = fopen(path, "re");
    if (f == NULL || fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
        return 0;
    return parent;
}

static bool called(pid_t pid, const char *name)
{
    char path[64], comm[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    auto_file_ FILE *f = fopen(path, "re");
    return f != NULL && fgets(comm, sizeof comm, f) != NULL &&
           strncmp(comm, name, strlen(name)) == 0;
}

/* What a process is follows from its parent and its name. */
static enum role role_below(enum role parent, pid_t pid)
{
    switch (parent) {
    case ROLE_UP:
        return called(pid, "minos-server")    ? ROLE_SERVER
               : called(pid, "minos-courier") ? ROLE_COURIER
               : called(pid, "minos-worker")  ? ROLE_WORKER
                                              : ROLE_LISTEN;
    case ROLE_COURIER:
        return ROLE_COURIER;
    case ROLE_WORKER:
        return ROLE_SLOT;
    case ROLE_LISTEN:
        return ROLE_KEEPER;
    case ROLE_SERVER:
    case ROLE_SLOT:
    case ROLE_KEEPER:
    case ROLE_CELL:
        return ROLE_CELL;
    }
    return ROLE_CELL;
}

static size_t all_pids(pid_t *pids, size_t max)
{
    size_t count = 0;
    auto_dir_ DIR *d = opendir("/proc");
    for (const struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL && count < max;)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            pids[count++] = (pid_t)number(entry->d_name);
    return count;
}

/* The service's processes, parents before children. */
static size_t find_tree(pid_t root, struct process ret[PROCESSES_MAX])
{
    enum { ALL_MAX = 4096 };
    static pid_t pids[ALL_MAX];
    size_t all = all_pids(pids, ALL_MAX), count = 1;
    ret[0] = (struct process){ .pid = root, .role = ROLE_UP };
    for (size_t at = 0; at < count; at++)
        for (size_t i = 0; i < all && count < PROCESSES_MAX; i++)
            if (parent_of(pids[i]) == ret[at].pid)
                ret[count++] = (struct process){ .pid = pids[i],
                                                 .parent = ret[at].pid,
                                                 .role = role_below(ret[at].role, pids[i]) };
    return count;
}

static void add_rollup(pid_t pid, struct memory *m)
{
    char path[64], line[256];
    int64_t kib;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    auto_file_ FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "Rss: %" SCNd64, &kib) == 1)
            m->rss_kib += kib;
        else if (sscanf(line, "Pss: %" SCNd64, &kib) == 1)
            m->pss_kib += kib;
        else if (sscanf(line, "Private_Clean: %" SCNd64, &kib) == 1 ||
                 sscanf(line, "Private_Dirty: %" SCNd64, &kib) == 1)
            m->private_kib += kib;
    }
}

/* What the memory controller charges to the group of that path, kernel memory included; 0 where it
 * is not found: v1, then the places where v2 usually is. */
static int64_t charged_kib(const char *group)
{
    static const char *const places[] = { "/sys/fs/cgroup/memory%s/memory.usage_in_bytes",
                                          "/sys/fs/cgroup%s/memory.current",
                                          "/sys/fs/cgroup/unified%s/memory.current" };
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        char path[512];
        struct err ignored;
        auto_buf_ struct buf b = { 0 };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(path, sizeof path, places[i], group);
#pragma GCC diagnostic pop
        if (io_read_file(AT_FDCWD, path, 64, &b, &ignored) == 0)
            return number(buf_text(&b)) / 1024;
    }
    return 0;
}

static void add_group(pid_t pid, struct memory *m)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    auto_file_ FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *group = strrchr(line, ':');
        if (strstr(line, ":memory:") == NULL && strncmp(line, "0::", 3) != 0)
            continue;
        if (strcmp(group, ":/") == 0)
            continue; /* it has just ended */
        int64_t kib = charged_kib(group + 1);
        if (kib > 0) {
            m->charged_kib += kib;
            return;
        }
    }
}

static void look(pid_t root, struct memory ret[ARRAY_COUNT(roles)])
{
    struct process found[PROCESSES_MAX];
    size_t count = find_tree(root, found);
    for (size_t i = 0; i < count; i++) {
        struct memory *m = &ret[found[i].role];
        m->count++;
        add_rollup(found[i].pid, m);
        bool first = i > 0 && found[i].role == ROLE_CELL;
        for (size_t k = 0; first && k < count; k++)
            first = found[k].pid != found[i].parent || found[k].role == ROLE_KEEPER;
        if (first)
            add_group(found[i].pid, m);
    }
}

static void tell(struct bench *b, const char *title, const struct memory *seen, double samples)
{
    struct memory sum = { 0 };
    json_t *table = report_table(&b->report, "footprint", title,
                                 "PSS: shared pages divided among who shares them; own: pages of "
                                 "nobody else; charged: by the memory controller to cells");
    for (size_t i = 0; i <= ARRAY_COUNT(roles); i++) {
        bool last = i == ARRAY_COUNT(roles);
        const struct memory *m = last ? &sum : &seen[i];
        json_t *row =
            last ? report_row(table, "what judges", "", "server, worker, slot, keeper and cells")
                 : report_row(table, roles[i].name, "", roles[i].about);
        report_number(row, "processes", (double)m->count / samples);
        report_number(row, "rss_kib", (double)m->rss_kib / samples);
        report_number(row, "pss_kib", (double)m->pss_kib / samples);
        report_number(row, "rss_mib", (double)m->rss_kib / 1024 / samples);
        report_number(row, "pss_mib", (double)m->pss_kib / 1024 / samples);
        report_number(row, "private_kib", (double)m->private_kib / samples);
        if (last || i == ROLE_CELL)
            report_number(row, "charged_kib", (double)m->charged_kib / samples);
        if (last || !roles[i].counted)
            continue;
        sum.count += m->count;
        sum.rss_kib += m->rss_kib;
        sum.pss_kib += m->pss_kib;
        sum.private_kib += m->private_kib;
        sum.charged_kib += m->charged_kib;
    }
    report_print(table);
}

static void sample(struct bench *b, const char *title, size_t samples)
{
    struct memory seen[ARRAY_COUNT(roles)] = { 0 };
    for (size_t i = 0; i < samples; i++) {
        bench_sleep_ms(STEP_MS);
        look(b->service.pid, seen);
    }
    tell(b, title, seen, (double)samples);
}

int suite_footprint(struct bench *b, int64_t seconds, struct err *e)
{
    struct load load;
    const char *const settings[] = { "worker.slots=1", "box.warm=2", "worker.groundwork=false",
                                     NULL };
    if (service_up_apart(&b->service, b->programs_dir, b->fixture.dir, "footprint", settings, e) <
        0)
        return -1;
    bench_sleep_ms(SETTLE_MS);
    sample(b, "memory at rest, one slot, 2 warm cells", 1);
    int r = load_start_turns(&load, b, "C cached, judged", CLIENTS, e);
    if (r == 0) {
        bench_sleep_ms(seconds * MS / 2);
        sample(b, "the same beside 4 clients that submit", SAMPLES);
        load_stop(&load);
        bench_sleep_ms(SETTLE_MS);
        sample(b, "at rest again", 1);
    }
    service_down(&b->service);
    return r;
}
