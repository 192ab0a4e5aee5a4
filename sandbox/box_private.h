/* box_private.h - what box.c and box_run.c share: the client's record and how it talks to the
 * keeper.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "sandbox/base/err.h"
#include "sandbox/box.h"
#include "sandbox/wire.h"

enum { BOX_CHUNK_BYTES = 64 * 1024 };

/* A command that the keeper has, and has not been asked to run: see box_watch.next. */
struct box_next {
    const struct box_command *command; /* NULL: none */
    int output_fds[2];                 /* our ends of its stdout and stderr; -1: straight to a
                                          descriptor */
};

struct box {
    int sock;         /* -1: closed after a failure */
    bool silent;      /* the keeper closed it, without a word */
    pid_t keeper_pid; /* 0: not our child */
    struct box_proof proof;
    struct box_next next;
    struct wire_out out;
    uint8_t in[WIRE_MESSAGE_MAX];
    char chunk[BOX_CHUNK_BYTES]; /* a piece of output on its way to its sink */
};

/* Drop b->next and its descriptors; the keeper is not told. */
void box_drop_next(struct box *b);

/* ERR_SYS when an earlier failure has closed the connection. */
must_check_ int box_usable(const struct box *b, struct err *e);

/* Send b->out. On failure the connection is closed and `e` has the keeper's last words, if any. */
must_check_ int box_say(struct box *b, const int *fds, size_t fd_count, struct err *e);

/* Wait for the next message and take it; its bytes live in b until the next. ERR_SYS at the
 * deadline and when the keeper is gone; the caller then calls box_broken. */
must_check_ int box_await(struct box *b, int64_t deadline_mono_ns, struct wire_message *ret,
                          struct err *e);

/* When a keeper that was asked now is overdue. */
int64_t box_answer_deadline_mono_ns(void);

/* Close the connection for good and say that it was the keeper (ERR_SYS); returns -1. */
int box_broken(struct box *b, struct err *e);

/* Make an ERROR or REFUSAL the error of this call; the connection stays open only for ERR_INPUT and
 * ERR_BUSY. Returns -1. */
int box_take_error(struct box *b, const struct wire_message *m, enum wire_type type, struct err *e);

/* A message that nobody asked for; returns -1. */
int box_unexpected(struct box *b, const struct wire_message *m, struct err *e);
