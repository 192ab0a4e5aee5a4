/*
 * inside.h - what runs in a cell before the submitted program does, and what it tells the keeper.
 *
 * Two processes, both forked from the keeper and never exec'd until the program is:
 *
 *   init    (inside_init.c)     pid 1. Builds the mounts as host root, then enters the user
 * namespace, drops everything, waits for the program, reports and ends, whereupon the kernel kills
 * what is left. command (inside_command.c)  pid 2. Locks itself down completely, waits for its job,
 * becomes the program by execve.
 *
 * Handshake on init_sock, a byte each:
 *   init   'u'  with its mount namespace: I am in the user namespace, write my id maps
 *   keeper 'm'  maps are written
 *   init   'r'  ready
 * or struct inside_failure at any time; at the end init sends struct inside_report.
 *
 * On command_sock: command sends 'l' with the seccomp listener; keeper sends struct inside_job with
 * stdin, stdout, stderr; command answers only when execve fails, with its errno as an int.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "sandbox/base/err.h"
#include "sandbox/box.h"
#include "sandbox/cgroup.h"
#include "sandbox/filter.h"
#include "sandbox/keeper_root.h"
#include "sandbox/layers.h"

/* Ids inside a cell. */
enum { INSIDE_ROOT_ID = 0, INSIDE_USER_ID = 1000 };

/* Descriptors of a process in a cell. Whoever makes cells must be allowed as many. */
enum { INSIDE_OPEN_FILES = 1024 };

/* What a cell is built from; read by the child right after clone, from the memory it shares
 * copy-on-write. */
struct inside_plan {
    int init_sock, command_sock;      /* the child's ends */
    char image_path[KEEPER_PATH_MAX]; /* "/images/host", in the keeper's root */
    bool host_usr;                    /* mount the keeper's /usr, too */
    char layer_path[KEEPER_PATH_MAX]; /* "/cells/7": holds upper/ and work/ on the cell's tmpfs */
    const struct filter *filter;
    uint32_t layers_off;        /* 0 but in a test build */
    cpu_set_t cpus;             /* cores of this slot */
    uid_t owner_id;             /* of the cell's user namespace, as the keeper numbers ids */
    bool rootless;              /* the keeper's root is a user namespace's */
    bool one_id;                /* init, too, has INSIDE_USER_ID */
    struct cgroup_doors groups; /* v1: ways into the cell's groups; empty: it is in them */
};

/* Entry of the cloned child; never returns. */
_Noreturn void inside_init(const struct inside_plan *plan);

/* Entry of the forked program's process; never returns. */
_Noreturn void inside_command(const struct inside_plan *plan);

/* The start-up probe, run in the program's place and with all its restrictions. argv[0] says what
 * to do: "look" checks every layer that can be seen and writes struct box_proof_row records to
 * descriptor 1 (argv[1..] are the host's namespaces, "pid:[4026531836]"); "attack", "memory",
 * "cpu", "processes" go against one limit each, and the keeper looks at how they end. Returns the
 * exit code. */
int inside_probe(char *const *argv);

struct inside_failure {
    char tag; /* 'e' */
    struct err err;
};

struct inside_report {
    char tag; /* 'x' */
    int wait_status;
    struct rusage usage; /* of the program and the children it waited for */
    int64_t end_mono_ns; /* when its end was seen */
};

struct inside_job {
    int64_t stack_bytes, file_bytes;
    uint32_t argc, envc;
    uint32_t text_bytes;
    bool probe;                    /* run inside_probe instead of execve */
    char text[BOX_ARGS_BYTES_MAX]; /* argc + envc strings, each with its NUL */
};
