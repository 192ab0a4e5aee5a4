/*
 * wire.h - the protocol between a client (box.c) and a keeper, over one SOCK_SEQPACKET socket.
 *
 * A message is one packet of at most WIRE_MESSAGE_MAX bytes: its type in one byte, then its fields
 * one after the other, integers little-endian, texts as a 32-bit length, the bytes and a NUL.
 * Descriptors travel beside it by SCM_RIGHTS. Nothing is copied as a raw struct. Each side takes
 * the other for hostile: every reader checks type, lengths, counts, ranges, descriptors and that
 * nothing is left over, and answers ERR_INPUT, "wire: COMMAND: image: ...", for anything else.
 *
 * The conversation:
 *
 *     client  HELLO                                keeper  GREETING | REFUSAL (and closes)
 *     client  (COMMAND PLACE?) x count, RUN        keeper  OUTCOME x count | ERROR
 *     client  STOP, often, while it runs           keeper  (no answer; late ones are ignored)
 *     client  COMMAND PLACE?, while one runs       keeper  (no answer)
 *     client  FORGET                               keeper  (no answer)
 *     client  COLLECT                              keeper  FILE*, then FILES_END | ERROR
 *     client  RELEASE                              keeper  RELEASED | ERROR
 *
 * COMMAND and PLACE are never answered: what is wrong with them is the ERROR that answers RUN, and
 * then nothing ran and all of them are forgotten. A COMMAND that comes while another runs (one
 * alone, whose files are not kept) is armed as soon as may be, and started by the next RUN; FORGET
 * gives it up, and nothing else but that RUN may come between it and its end. A second one, a PLACE
 * without one or a second PLACE ends the run. An ERROR may also
 * take the place of an OUTCOME that cannot be given; it ends the run. After an ERROR of kind INPUT
 * or BUSY the keeper can be asked again, after any other the client closes. A broken message ends
 * the connection, after an ERROR that says why. The keeper ends with all its cells when the
 * connection does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/err.h"
#include "sandbox/base/io.h"
#include "sandbox/base/limits.h"
#include "sandbox/box.h"

enum {
    WIRE_VERSION = 3,
    WIRE_MESSAGE_MAX = 128 * 1024,
    WIRE_STRINGS_MAX = 4096,   /* entries of argv, and of env */
    WIRE_IMAGE_BYTES_MAX = 63, /* an image's name without NUL */
    WIRE_ARTIFACT_BYTES_MAX = 64,
};

/* The types and their numbers, which never change; those from 64 on are the keeper's. */
#define WIRE_TYPES(X)                                                                              \
    X(HELLO, 1)                                                                                    \
    X(COMMAND, 2)                                                                                  \
    X(PLACE, 3)                                                                                    \
    X(RUN, 4)                                                                                      \
    X(STOP, 5)                                                                                     \
    X(COLLECT, 6)                                                                                  \
    X(RELEASE, 7)                                                                                  \
    X(FORGET, 8)                                                                                   \
    X(GREETING, 64)                                                                                \
    X(REFUSAL, 65)                                                                                 \
    X(ERROR, 66)                                                                                   \
    X(OUTCOME, 67)                                                                                 \
    X(FILE, 68)                                                                                    \
    X(FILES_END, 69)                                                                               \
    X(RELEASED, 70)

enum wire_type {
#define X(name, number) WIRE_##name = (number),
    WIRE_TYPES(X)
#undef X
};

/* "COMMAND" and so on; "unknown" for a number that is none. */
const char *wire_type_name(int type);

/* --- packets ---------------------------------------------------------------------------------- */

/* A message being written. Writing past the end is remembered and reported by wire_send. */
struct wire_out {
    size_t len;
    bool overflow;
    uint8_t data[WIRE_MESSAGE_MAX];
};

/* A message that came. `data` is borrowed from the buffer given to wire_recv (or anywhere: a test,
 * a fuzzer); the descriptors are owned, see wire_take_fd and wire_message_done. */
struct wire_message {
    const uint8_t *data;
    size_t len; /* 0: the peer has closed */
    int fds[IO_FDS_MAX];
    size_t fd_count;
};

/* Send it with borrowed descriptors. ERR_SYS with errno (EPIPE: the peer is gone, EAGAIN on a
 * non-blocking socket), ERR_INPUT when the message would be longer than WIRE_MESSAGE_MAX. */
must_check_ int wire_send(int sock, const struct wire_out *o, const int *fds, size_t fd_count,
                          struct err *e);

/* Receive one message into `buf` of WIRE_MESSAGE_MAX bytes. End of stream is success with len 0.
 * ERR_SYS with errno (EAGAIN: nothing there), ERR_INPUT when it is too long: its descriptors are in
 * *ret all the same, for wire_message_done. */
must_check_ int wire_recv(int sock, uint8_t *buf, struct wire_message *ret, struct err *e);

/* Hand descriptor `i` to the caller. */
int wire_take_fd(struct wire_message *m, size_t i);

/* Close the descriptors that nobody took. */
void wire_message_done(struct wire_message *m);
#define auto_wire_ __attribute__((cleanup(wire_message_done)))

/* Its type; ERR_INPUT when it is empty or the number is unknown. */
must_check_ int wire_message_type(const struct wire_message *m, enum wire_type *ret, struct err *e);

/* --- what the messages hold -------------------------------------------------------------------
 * wire_put_X begins a new message in `o`; it checks nothing but the room, so a sender who wants to
 * know whether the peer will take it reads it back (box.c does). wire_read_X fills `ret` only on
 * success; texts there point into the message. */

/* `count` NUL-terminated texts behind each other. */
struct wire_strings {
    const char *bytes;
    size_t len; /* NULs included */
    size_t count;
};

/* The text after `previous` (NULL: the first); NULL after the last. */
const char *wire_strings_next(const struct wire_strings *s, const char *previous);

/* Fill out[0..count] with pointers and a final NULL. `out` has room for WIRE_STRINGS_MAX + 1. */
void wire_strings_pointers(const struct wire_strings *s, const char **out);

void wire_put_hello(struct wire_out *o);
must_check_ int wire_read_hello(const struct wire_message *m, uint32_t *ret_version, struct err *e);

/* Which standard streams come as descriptors, in this order (the others are the cell's /dev/null),
 * and more of a command. */
enum {
    WIRE_STDIN = 1,
    WIRE_STDOUT = 2,
    WIRE_STDERR = 4,
    WIRE_KEEP_FILES = 8, /* box_command.keep_files */
    WIRE_FILES = 16,     /* a PLACE follows */
};

struct wire_command {
    uint32_t index;           /* below BOX_COMMANDS_MAX; the keeper wants 0, 1, 2, ... */
    const char *image;        /* [a-z0-9][a-z0-9._-]{0,62} */
    const char *artifact;     /* 1 to 64 of [0-9a-f], or NULL */
    struct wire_strings argv; /* at least one, the first not empty */
    struct wire_strings env;  /* each NAME=VALUE with a name; together with argv at most
                                 BOX_ARGS_BYTES_MAX */
    struct limits limits;     /* as sent: limits_check against the ceilings is the keeper's */
    bool keep_files, has_files;
    int stdin_at, stdout_at, stderr_at; /* index into the message's fds, -1: /dev/null */
};

/* `flags` of the enum above. The descriptors are given to wire_send. */
void wire_put_command(struct wire_out *o, uint32_t index, const struct box_command *c,
                      unsigned flags);
must_check_ int wire_read_command(const struct wire_message *m, struct wire_command *ret,
                                  struct err *e);

/* The files of the command sent last, which announced them: 1 to BOX_FILES_MAX valid and different
 * names, file i in descriptor i. At most one PLACE a command. */
struct wire_place {
    uint32_t index;
    size_t count;
    struct {
        const char *name;
        bool executable;
    } files[BOX_FILES_MAX];
};

void wire_put_place(struct wire_out *o, uint32_t index, const struct box_file *files, size_t count);
must_check_ int wire_read_place(const struct wire_message *m, struct wire_place *ret,
                                struct err *e);

/* Build and release together the `count` (1 to BOX_COMMANDS_MAX) commands sent since the last RUN.
 */
void wire_put_run(struct wire_out *o, uint32_t count);
must_check_ int wire_read_run(const struct wire_message *m, uint32_t *ret_count, struct err *e);

/* Kill the commands whose bits are set in `mask` (bit i: index i; those that ended are passed over)
 * and report `cause`, which is never NONE, for those that were still alive. */
enum { WIRE_STOP_ALL = 0xff };
void wire_put_stop(struct wire_out *o, enum box_cause cause, uint8_t mask);
must_check_ int wire_read_stop(const struct wire_message *m, enum box_cause *ret_cause,
                               uint8_t *ret_mask, struct err *e);

/* max_bytes >= 0: above that sum the keeper answers ERROR of kind INPUT. */
void wire_put_collect(struct wire_out *o, int64_t max_bytes);
must_check_ int wire_read_collect(const struct wire_message *m, int64_t *ret_max_bytes,
                                  struct err *e);

/* Messages without fields: FORGET, RELEASE, RELEASED. */
void wire_put_empty(struct wire_out *o, enum wire_type type);
must_check_ int wire_read_empty(const struct wire_message *m, enum wire_type type, struct err *e);

/* The keeper's version and its proof; `complete` is worked out by the reader. */
void wire_put_greeting(struct wire_out *o, const struct box_proof *proof);
must_check_ int wire_read_greeting(const struct wire_message *m, uint32_t *ret_version,
                                   struct box_proof *ret, struct err *e);

/* REFUSAL and ERROR. */
void wire_put_err(struct wire_out *o, enum wire_type type, const struct err *what);
must_check_ int wire_read_err(const struct wire_message *m, enum wire_type type, struct err *ret,
                              struct err *e);

/* Everything but stdout_bytes and stderr_bytes, which only the client knows (read as 0). */
void wire_put_outcome(struct wire_out *o, uint32_t index, const struct box_outcome *outcome);
must_check_ int wire_read_outcome(const struct wire_message *m, uint32_t *ret_index,
                                  struct box_outcome *ret, struct err *e);

/* A collected file: a relative path of at most BOX_COLLECT_DEPTH_MAX proper components; one
 * descriptor. */
struct wire_file {
    const char *name;
    int64_t bytes;
    bool executable;
};

void wire_put_file(struct wire_out *o, const struct wire_file *f);
must_check_ int wire_read_file(const struct wire_message *m, struct wire_file *ret, struct err *e);

void wire_put_files_end(struct wire_out *o, uint32_t refused_count);
must_check_ int wire_read_files_end(const struct wire_message *m, uint32_t *ret_refused_count,
                                    struct err *e);
