/* contestants.c - the tables of who takes part, and with what command line; data. */
#include "tests/bench/contestant.h"

/* How long Minos gets to make the next warm cell, and to remove a used one. */
enum { WARM_UP_MS = 30, TEAR_DOWN_MS = 20 };

/* Clients of the service at once: more than slots, so that none of them ever waits for work. */
enum { CLIENTS = 8 };

#define PLAIN                                                                                      \
    {                                                                                              \
        .name = "plain", .launcher = &launcher_spawn, .baseline = true, .command = "{bin}/true",   \
        .about = "posix_spawn and wait of a static glibc `true`: no isolation at all"              \
    }
#define PLAIN_TINY                                                                                 \
    {                                                                                              \
        .name = "plain tiny", .launcher = &launcher_spawn, .baseline = true,                       \
        .command = "{bin}/tiny", .about = "the same with a program that has no C library"          \
    }
#define AHEAD_TINY                                                                                 \
    {                                                                                              \
        .name = "ahead tiny", .launcher = &launcher_ahead, .command = "{bin}/tiny",                \
        .about = "a child forked ahead that waits for a byte before execve: no isolation"          \
    }
#define UNSHARE                                                                                    \
    {                                                                                              \
        .name = "unshare", .launcher = &launcher_spawn, .needs = "unshare",                        \
        .from = "apt: util-linux",                                                                 \
        .command = "unshare --fork --user --map-root-user --pid --mount --mount-proc --uts "       \
                   "--ipc --net --cgroup --time -- {bin}/true",                                    \
        .about = "eight namespaces; the host's file system, no limit, no seccomp"                  \
    }
#define BWRAP                                                                                      \
    {                                                                                              \
        .name = "bwrap", .launcher = &launcher_spawn, .needs = "bwrap", .from = "apt: bubblewrap", \
        .command = "bwrap --unshare-all --die-with-parent --new-session --cap-drop ALL "           \
                   "--uid 1000 --gid 1000 --hostname cell --clearenv --ro-bind /usr /usr "         \
                   "--symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 "     \
                   "--proc /proc --dev /dev --tmpfs /tmp --ro-bind {bin} /box --chdir /box "       \
                   "-- /box/true",                                                                 \
        .about = "seven namespaces, mounts, no capability; no limit, no seccomp, no usage report"  \
    }
#define CRUN                                                                                       \
    {                                                                                              \
        .name = "crun", .hides_v2 = true, .launcher = &launcher_spawn, .needs = "crun",            \
        .from = "apt: crun", .command = "crun --root {dir}/crun run --bundle {bundle} {id}",       \
        .after = "crun --root {dir}/crun delete --force {id}",                                     \
        .about =                                                                                   \
            "seven namespaces, mounts, groups, seccomp; no cpu or wall limit, no usage report"     \
    }
#define RUNC                                                                                       \
    {                                                                                              \
        .name = "runc", .launcher = &launcher_spawn, .needs = "runc", .from = "apt: runc",         \
        .command = "runc --root {dir}/runc run --bundle {bundle} {id}",                            \
        .after = "runc --root {dir}/runc delete --force {id}", .about = "as crun"                  \
    }
#define ISOLATE                                                                                    \
    {                                                                                              \
        .name = "isolate", .launcher = &launcher_spawn, .needs = "isolate",                        \
        .from = "github.com/ioi/isolate", .before = "isolate --box-id={box} --init",               \
        .command = "isolate --box-id={box} --silent --dir=/bench={bin} --run -- /bench/true",      \
        .after = "isolate --box-id={box} --cleanup",                                               \
        .about = "--run alone, in a box that is used again; no user namespace, no seccomp"         \
    }
#define NSJAIL                                                                                     \
    {                                                                                              \
        .name = "nsjail", .launcher = &launcher_spawn, .needs = "nsjail",                          \
        .from = "github.com/google/nsjail", .version = "--help",                                   \
        .command = "nsjail --mode o --really_quiet --user 65534 --group 65534 --time_limit 10 "    \
                   "--bindmount_ro {bin}:/box --cwd /box -- /box/true",                            \
        .about = "seven namespaces, mounts, rlimits, wall limit; no usage report"                  \
    }
#define MINOS_COLD(payload, text)                                                                  \
    {                                                                                              \
        .name = "minos cold" text, .launcher = &launcher_box, .program = payload, .warm = 0,       \
        .settle_ms = TEAR_DOWN_MS,                                                                 \
        .about = "a keeper's fresh cell with everything, made when it is asked for"                \
    }
#define MINOS_WARM(payload, text)                                                                  \
    {                                                                                              \
        .name = "minos warm" text, .launcher = &launcher_box, .program = payload, .warm = 1,       \
        .pause_ms = WARM_UP_MS, .settle_ms = TEAR_DOWN_MS,                                         \
        .about = "a keeper's fresh cell with everything, made before it was asked for"             \
    }
/* As the worker has it, without pauses: the next cell is made while nothing else is to do. */
#define MINOS_STEADY                                                                               \
    {                                                                                              \
        .name = "minos", .launcher = &launcher_box, .program = "true", .warm = 1,                  \
        .settle_ms = TEAR_DOWN_MS, .about = "keepers as shipped, one per core, never idle"         \
    }
#define SUBMISSION(text, row, clients, words)                                                      \
    {                                                                                              \
        .name = text, .launcher = &launcher_http, .job = row, .lanes = clients, .about = words     \
    }

/* The rhythm of a loop. */
const struct contestant contestants_launch[] = {
    PLAIN,
    UNSHARE,
    BWRAP,
    CRUN,
    RUNC,
    ISOLATE,
    NSJAIL,
    MINOS_COLD("true", ""),
    MINOS_WARM("true", ""),
    PLAIN_TINY,
    AHEAD_TINY,
    MINOS_WARM("tiny", " tiny"),
    { 0 },
};

/* The rhythm of a judge that waits for work. */
const struct contestant contestants_idle[] = {
    PLAIN, BWRAP, CRUN, RUNC, ISOLATE, NSJAIL, MINOS_COLD("true", ""), MINOS_WARM("true", ""),
    { 0 },
};

const struct contestant contestants_steady[] = {
    PLAIN, BWRAP, CRUN, RUNC, ISOLATE, NSJAIL, MINOS_STEADY, MINOS_COLD("true", ""), { 0 },
};

/* Submit to verdict, one at a time. */
const struct contestant contestants_latency[] = {
    PLAIN,
    BWRAP,
    CRUN,
    RUNC,
    SUBMISSION("C cached", "c-cached", 0, "compiled before: accept, claim, one cell, record"),
    SUBMISSION("C new", "c-new", 0,
               "a source never seen: two cells, one of them runs the compiler"),
    SUBMISSION("Python", "python", 0, "its check, if any, is cached"),
    SUBMISSION("Java cached", "java-cached", 0, "compiled before; a virtual machine starts"),
    { 0 },
};

/* Verdicts per second, many clients. */
const struct contestant contestants_judging[] = {
    PLAIN,
    BWRAP,
    CRUN,
    RUNC,
    SUBMISSION("C cached, judged", "c-cached", CLIENTS,
               "8 clients, each submits when it has its verdict; every accept durable"),
    { 0 },
};

/* Accepts per second, the server alone: nobody claims. */
const struct contestant contestants_accepting[] = {
    PLAIN,
    { .name = "4 KiB write",
      .launcher = &launcher_fsync,
      .lanes = CLIENTS,
      .about = "8 files, each written and fdatasync'ed: the disk's own pace" },
    SUBMISSION("accepts, 1 client", "accept", 1, "answered 202 once on disk"),
    SUBMISSION("accepts, 8 clients", "accept", CLIENTS, "the same; many share one commit"),
    { 0 },
};
