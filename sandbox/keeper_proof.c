/*
 * keeper_proof.c - showing at start that the cells of this host are closed: the probe is run in
 * real cells, and its rows, with those that only the keeper can judge, are the proof. Runs as root
 * in the keeper.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sandbox/base/cleanup.h"
#include "sandbox/base/clock.h"
#include "sandbox/base/io.h"
#include "sandbox/keeper.h"
#include "sandbox/keeper_settings.h"

static const char *const namespace_kinds[] = { "user", "pid", "mnt",    "net",
                                               "ipc",  "uts", "cgroup", "time" };

/* One probe in a cell of its own. `out_fd` gets its standard output. */
static int run_probe(struct keeper *k, const char *text, uint32_t text_bytes, uint32_t argc,
                     const struct limits *limits, int out_fd, struct box_outcome *ret,
                     struct err *e)
{
    struct running r = { .limits = *limits };
    cell_init(&r.cell);
    struct cell_job job = { .text = text,
                            .text_bytes = text_bytes,
                            .argc = argc,
                            .probe = true,
                            .limits = *limits,
                            .stdio_fds = { k->null_fd, out_fd, k->null_fd } };
    int result = cell_build(&k->maker, "host", &r.cell, e);
    if (result == 0)
        result = cell_arm(&k->maker, &r.cell, &job, e);
    if (result == 0)
        result = cell_release(&r.cell, &job, &k->space->message, e);
    if (result == 0)
        result = keeper_watch(k, &r, 1, -1, NULL, e);
    cell_destroy(&r.cell);
    *ret = r.outcome;
    return result;
}

/* "look" and the host's namespaces, NUL after each. Must be called in the host's pid namespace,
 * with our /proc. */
static uint32_t look_text(bool one_id, char *text, size_t size, uint32_t *ret_argc)
{
    size_t at = (size_t)snprintf(text, size, "look") + 1;
    *ret_argc = 1;
    if (one_id) {
        at += (size_t)snprintf(text + at, size - at, "one-id") + 1;
        ++*ret_argc;
    }
    for (size_t i = 0; i < ARRAY_COUNT(namespace_kinds); i++) {
        char path[64], link[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", namespace_kinds[i]);
        ssize_t n = readlink(path, link, sizeof link - 1);
        if (n <= 0)
            continue;
        link[n] = '\0';
        at += (size_t)snprintf(text + at, size - at, "%s", link) + 1;
        ++*ret_argc;
    }
    return (uint32_t)at;
}

static int look(struct keeper *k, const struct limits *limits, struct err *e)
{
    char text[1024];
    uint32_t argc, len = look_text(k->user.one_id, text, sizeof text, &argc);
    int p[2];
    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    auto_fd_ int in = p[0];
    auto_fd_ int out = p[1];
    struct box_outcome o;
    if (run_probe(k, text, len, argc, limits, out, &o, e) < 0)
        return -1;
    close_fd(&out);
    struct box_proof_row row;
    while (k->proof.count < BOX_PROOF_MAX &&
           io_read_full(in, &row, sizeof row) == (ssize_t)sizeof row)
        k->proof.rows[k->proof.count++] = row;
    if (!o.exited || o.exit_code != 0)
        return err_set(e, ERR_SYS, 0, "the probe ended with code %d, signal %d, stopped for %s",
                       o.exit_code, o.signal, box_cause_name(o.cause));
    return 0;
}

static struct box_proof_row *add_row(struct keeper *k, const char *layer, const char *claim,
                                     bool ok, const char *mend)
{
    if (k->proof.count == BOX_PROOF_MAX)
        return &k->proof.rows[BOX_PROOF_MAX - 1];
    struct box_proof_row *row = &k->proof.rows[k->proof.count++];
    *row = (struct box_proof_row){ .ok = ok };
    snprintf(row->layer, sizeof row->layer, "%s", layer);
    snprintf(row->claim, sizeof row->claim, "%s", claim);
    if (!ok)
        snprintf(row->mend, sizeof row->mend, "%s", mend);
    return row;
}

/* Limits that must bite: each row runs one verb of the probe against one small limit. */
static int bite(struct keeper *k, const struct limits *limits, struct err *e)
{
    static const struct {
        const char *verb, *layer, *claim, *mend;
        enum box_cause cause;
    } rows[] = {
        { "attack", "attack calls", "ptrace and its like stop the cell",
          "the kernel needs seccomp user notification (5.0 or later)", BOX_CAUSE_SECCOMP },
        { "memory", "memory limit", "more than the limit ends as memory",
          "enable the memory controller (kernel parameter cgroup_enable=memory)",
          BOX_CAUSE_MEMORY },
        { "cpu", "cpu limit", "more than the limit ends as cpu",
          "enable the cpuacct (v1) or cpu (v2) controller", BOX_CAUSE_CPU },
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct box_outcome o;
        struct limits own = *limits;
        if (rows[i].cause == BOX_CAUSE_CPU)
            own.cpu_time_ms = 20;
        if (run_probe(k, rows[i].verb, (uint32_t)strlen(rows[i].verb) + 1, 1, &own, k->null_fd, &o,
                      e) < 0)
            return err_wrap(e, "%s", rows[i].layer);
        struct box_proof_row *row =
            add_row(k, rows[i].layer, rows[i].claim, o.cause == rows[i].cause, rows[i].mend);
        snprintf(row->seen, sizeof row->seen, "stopped for %s after %.1f ms of cpu, %.1f MiB",
                 box_cause_name(o.cause), (double)o.cpu_ns / NS_PER_MS,
                 (double)o.memory_peak_bytes / 1048576);
    }
    struct box_outcome o;
    static const char verb[] = "processes";
    if (run_probe(k, verb, sizeof verb, 1, limits, k->null_fd, &o, e) < 0)
        return err_wrap(e, "process limit");
    struct box_proof_row *row =
        add_row(k, "process limit", "one process more than the limit is refused",
                o.exited && o.exit_code == limits->process_count - 1 && o.process_refusals > 0,
                "enable the pids controller");
    snprintf(row->seen, sizeof row->seen, "limit %" PRId64 ", %d children, %" PRId64 " refused",
             limits->process_count, o.exit_code, o.process_refusals);
    return 0;
}

static void add_settings(struct keeper *k)
{
    for (size_t i = 0; i < keeper_settings_count() && k->proof.count < BOX_PROOF_MAX; i++)
        keeper_setting_look(i, &k->proof.rows[k->proof.count++]);
}

static bool listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; *p != '\0';) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ",");
        while (len > 0 && p[len - 1] == ' ')
            len--;
        if (len == n && strncmp(p, name, n) == 0)
            return true;
        p += strcspn(p, ",");
    }
    return false;
}

static int judge(struct keeper *k, struct err *e)
{
    k->proof.complete = true;
    for (size_t i = 0; i < k->proof.count; i++) {
        struct box_proof_row *row = &k->proof.rows[i];
        if (row->ok)
            continue;
        k->proof.complete = false;
        row->allowed =
            k->maker.layers_off != 0 || listed(k->options->conf->box_allow_missing, row->layer);
        if (!row->allowed)
            return err_set(e, ERR_SYS, 0,
                           "isolation layer \"%s\" is missing: %s; seen: %s. Mend: %s. "
                           "(box.allow_missing: \"%s\" accepts it.)",
                           row->layer, row->claim, row->seen, row->mend, row->layer);
    }
    return 0;
}

int keeper_prove(struct keeper *k, struct err *e)
{
    struct utsname u;
    uname(&u);
    snprintf(k->proof.kernel, sizeof k->proof.kernel, "%.20s %.50s", u.sysname, u.release);
    snprintf(k->proof.cgroup, sizeof k->proof.cgroup, "%s", cgroup_root_version(k->maker.groups));
    snprintf(k->proof.mode, sizeof k->proof.mode, "%s", k->user.rootless ? "rootless" : "root");
    struct limits limits = limits_run_defaults();
    limits.cpu_time_ms = 10000;
    limits.wall_time_ms = 10000;
    limits.memory_bytes = 16 << 20;
    limits.process_count = 4;
    limits.file_bytes = 1 << 20;
    if (look(k, &limits, e) < 0 || bite(k, &limits, e) < 0)
        return err_wrap(e, "start-up probe");
    add_settings(k);
    return judge(k, e);
}
