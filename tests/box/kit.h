/*
 * kit.h - what the box tests share: a real keeper, and shots at it. Every failure here fails the
 * test that asked.
 */
#pragma once

#include <check.h>

#include "sandbox/base/buf.h"
#include "sandbox/box.h"

/* A keeper with an artifact directory of its own; artifact KIT_INSIDE holds the program `inside`.
 */
struct kit {
    struct box *box;
    pid_t keeper_pid;
    char artifacts[64];
};

#define KIT_INSIDE "00000000000000000000000000000000000000000000000000000000000000aa"

/* `set` are "KEY=VALUE"s for the keeper, NULL-terminated, or NULL. */
void kit_open(struct kit *k, const char *const *set);
void kit_close(struct kit *k);

/* `minos-box listen` for us at `socket_path`, once it is ready; its pid. To be ended by SIGTERM.
 * What of `set` begins with -- is an option of its own. */
pid_t kit_listen(const char *socket_path, const char *const *set);

/* One command with its output. */
struct shot {
    struct box_command command; /* to be changed before shot_run at will */
    const char *argv[16];
    struct buf out, err;
    struct box_outcome o;
};

/* "inside VERB ARGS...", NULL-terminated, small limits. */
void shot_init(struct shot *s, const char *verb, ...) __attribute__((sentinel));
void shot_done(struct shot *s);
void shot_run(struct kit *k, struct shot *s);

/* All of it, for a verb with at most one argument (or NULL): the outcome. */
struct box_outcome shot_at(struct kit *k, const char *verb, const char *arg);

/* It ended by itself with this code. */
void check_exit(const struct box_outcome *o, int code);

/* It was stopped for this cause. */
void check_cause(const struct box_outcome *o, enum box_cause cause);

/* Path of a file beside this program (BUILD/box/...); the caller frees it. */
char *kit_built(const char *name);

/* A memfd with this text. */
int kit_memfd(const char *text);

/* Make, beside each of a keeper's own groups, one as if `owner_pid` had been a keeper; the count.
 */
size_t kit_plant_groups(pid_t keeper_pid, pid_t owner_pid);

/* Groups of the keeper with this pid, in all hierarchies, itself included. */
size_t kit_groups(pid_t keeper_pid);

/* Processes in those groups; fills at most `cap` pids. */
size_t kit_processes(pid_t keeper_pid, pid_t *pids, size_t cap);

/* Lines of a /proc file, and entries of a /proc directory, of a process. */
size_t kit_lines(pid_t pid, const char *file);
size_t kit_entries(pid_t pid, const char *dir);

/* So many times slower than hardware is the machine we run on: MINOS_TEST_SLOWNESS, 1 without. For
 * times that a program needs or that a test waits; never for what a limit must do exactly. */
int64_t kit_slow(int64_t value);

/* Wait up to 5 s (kit_slow) for `holds(ctx)`. */
bool kit_wait(bool (*holds)(void *ctx), void *ctx);

int kit_main(const char *name, const TTest *const tests[], size_t count);

/* The main of a program of box tests. */
#define KIT_MAIN(name, ...)                                                                        \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = { __VA_ARGS__ };                                              \
        return kit_main(name, tests, sizeof tests / sizeof tests[0]);                              \
    }
