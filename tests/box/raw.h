/*
 * raw.h - a keeper that is spoken to by hand, as a worker that was taken over would: any bytes, any
 * descriptors, in any order. Every failure here fails the test that asked.
 */
#pragma once

#include "sandbox/wire.h"
#include "tests/box/kit.h"

struct raw {
    int sock; /* ours; -1: closed */
    pid_t pid;
    struct wire_out out;
    uint8_t in[WIRE_MESSAGE_MAX];
    struct err told; /* of the last ERROR or REFUSAL */
};

/* What raw_hear heard when the keeper has closed. */
enum { RAW_END = 0 };

/* Start one with the artifacts of `k`; nothing is said yet. */
void raw_start(struct raw *r, const struct kit *k);

/* Start it and have it greet. */
void raw_open(struct raw *r, const struct kit *k);

/* Send these bytes. Returns false when the keeper is gone. */
bool raw_say(struct raw *r, const void *bytes, size_t len, const int *fds, size_t fd_count);

/* Send r->out. */
bool raw_say_out(struct raw *r, const int *fds, size_t fd_count);

/* A message without fields. */
bool raw_say_empty(struct raw *r, enum wire_type type);

bool raw_say_run(struct raw *r, uint32_t count);

/* The type of the next message, within 30 s (kit_slow), or RAW_END. Descriptors that come along are
 * closed. */
int raw_hear(struct raw *r);

/* Whether it serves: answers RELEASE. */
bool raw_serves(struct raw *r);

/* Close, and see it end by itself, with no group and no process left. */
void raw_close(struct raw *r);

/* A COMMAND of `verb` (of KIT_INSIDE) with one argument into r->out. `flags` as for
 * wire_put_command. */
void raw_put_command(struct raw *r, uint32_t index, const char *verb, const char *arg,
                     unsigned flags);

/* The keeper of another slot, what the host had before, and a keeper to be spoken to by hand. */
struct scene {
    struct kit neighbour;
    struct raw raw;
    size_t mount_count;
};

struct scene *scene_open(void);

/* The neighbour works on, and no mount has come. */
void scene_check(struct scene *s);

/* scene_check, then the end of all; frees it. */
void scene_close(struct scene *s);

/* It was refused as the client's fault: s->raw serves on, or has gone and is started anew. */
void scene_check_refused(struct scene *s, const char *what);
