/*
 * keeper.h - the keeper: the one privileged process of a slot. Serves one client on one socket
 * (wire.h) and ends with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/base/conf.h"
#include "sandbox/base/err.h"
#include "sandbox/base/log.h"
#include "sandbox/keeper_ahead.h"
#include "sandbox/keeper_cell.h"
#include "sandbox/wire.h"

struct keeper_options {
    const struct conf *conf;
    const struct log *log;
    const char *artifacts; /* directory of artifacts, or NULL */
    int sock;              /* the client; SOCK_SEQPACKET */
    int64_t slot;          /* which cores: slot modulo the cores this process may use */
    struct board *board;   /* of the listener's keepers; NULL: this is the only one */
    bool guarded;          /* the filter of keeper_guard.h is on already, by inheritance */
};

/* Become a keeper and serve until the client leaves or SIGTERM comes. Returns the exit status.
 * Takes o->sock. */
int keeper_serve(const struct keeper_options *o);

/* ---- between the keeper's own files
 * --------------------------------------------------------------------------------- */

/* A command as it came, waiting for RUN. Owns everything it points to. */
struct pending {
    uint8_t *command_bytes, *place_bytes; /* the messages, copied to their size */
    struct wire_message command_message, place_message;
    struct wire_command command;
    struct wire_place place;
    bool placed;
};

/* What passes through the keeper: words of clients and jobs. Cells, which are forked from it, have
 * no copy (MADV_DONTFORK): nothing of one job is in the memory of the next one's init but names of
 * an artifact's files, and the kernel need not keep two versions of each page that we write to. */
struct keeper_space {
    uint8_t in[WIRE_MESSAGE_MAX];
    struct wire_out out;
    char text[BOX_ARGS_BYTES_MAX]; /* argv and env of one command */
    struct inside_job message;
};

enum { KEEPER_POOL_MAX = 64, KEEPER_USED_MAX = 128, POOL_IMAGES_MAX = 4 };

/* An image of which warm cells are kept. */
struct pool_image {
    char name[WIRE_IMAGE_BYTES_MAX + 1];
    size_t missed_count; /* cells that bursts were short of, since the last rest */
};

struct keeper {
    const struct keeper_options *options;
    struct keeper_user user;
    struct keeper_root root;
    struct cell_maker maker;
    struct filter filter;
    struct box_proof proof;
    int null_fd;   /* /dev/null of the cells */
    int signal_fd; /* SIGTERM, SIGINT */
    struct pending pending[BOX_COMMANDS_MAX];
    size_t pending_count;
    struct cell next;             /* armed for the first of them, ahead of its RUN */
    bool next_armed, next_failed; /* it could not be, between two runs: its RUN tells why */
    int stop_count;               /* STOPs of this run */
    bool runs; /* a program may run: nothing of the client's that could block is closed */
    int *held; /* what would have been */
    size_t held_count;
    bool refused; /* a COMMAND or PLACE was wrong: what RUN is answered with */
    struct err refusal;
    struct cell kept;                                         /* of the last run with keep_files */
    struct cell warm[KEEPER_POOL_MAX], used[KEEPER_USED_MAX]; /* keeper_pool.c */
    size_t warm_count, used_count;
    size_t pool_max, used_max; /* of warm and used ones, by the descriptors we may have open */
    struct pool_image images[POOL_IMAGES_MAX]; /* asked for last, the latest first */
    size_t image_count;
    int64_t served_mono_ns; /* the end of the last run; 0: there was none */
    bool behind;            /* the last warm cell was taken, and they are not all made again */
    int64_t used_bytes;     /* what the used ones had at their peak, together */
    struct cores cores;     /* of all slots */
    struct ahead ahead;
    bool groups_left; /* of our own cells */
    int looks_left;   /* for what dead keepers left, the next at next_look_mono_ns */
    int64_t next_look_mono_ns;
    int64_t ahead_count; /* how many times there was one */
    bool wants_ahead;    /* a cell had to be made while the client waited */
    bool ending;         /* client gone, or told to stop */
    bool prompt;         /* runs ahead of every ordinary process, see keeper_run.c */
    struct keeper_space *space;
};

/* One command while it runs, and what became of it. */
struct running {
    struct cell cell;
    struct limits limits;
    bool keep, heard, ended, told;
    enum box_cause cause;
    int seccomp_syscall;
    int64_t wall_deadline_mono_ns, cpu_check_mono_ns, kill_again_mono_ns;
    int64_t cpu_seen_ns, cpu_wait_ns;                 /* at the last look at the cpu clock */
    int64_t stop_mono_ns;                             /* when the cause had it killed */
    int64_t look_mono_ns, look_every_ns, look_cpu_ns; /* see "busy or idle" in keeper_run.c */
    int look_count, computed_count, ready_count;
    struct cell_end end;
    struct box_outcome outcome;
};

/* Watch released cells until all have ended: limits, the client's STOPs, attacks, memory. `told`
 * (or NULL) is called with each command's index as soon as its outcome is filled in. Sets k->ending
 * when the client leaves. client_sock -1: none. */
must_check_ int keeper_watch(struct keeper *k, struct running *r, size_t count, int client_sock,
                             int (*told)(struct keeper *k, struct running *r, size_t index,
                                         struct err *e),
                             struct err *e);

/* Fill r->outcome from r->end, r->cause and the times of `r`. ERR_SYS where it ended by no doing of
 * the program or of ours. */
must_check_ int keeper_conclude(struct running *r, struct err *e);

/* Run the pending commands and answer. */
must_check_ int keeper_run(struct keeper *k, struct err *e);

/* Close a message's descriptors; while k->runs, not those whose end somebody might delay: they are
 * held until keeper_let_go_held. */
void keeper_let_go(struct keeper *k, struct wire_message *m);
void keeper_let_go_held(struct keeper *k);

/* Open k->null_fd anew: flags, owner and locks belong to what open made, so each run gets one of
 * its own. */
must_check_ int keeper_renew_null(struct keeper *k, struct err *e);

/* Take a COMMAND or a PLACE. What is wrong with it is remembered: RUN is answered with that. */
void keeper_take_pending(struct keeper *k, enum wire_type type, struct wire_message *m);

/* Whether there are commands, and the files that they announced have come. */
bool keeper_pending_whole(const struct keeper *k);

/* The job of a pending command; k->space->text holds its argv and env afterwards, `files`
 * (BOX_FILES_MAX) its files. */
struct cell_job keeper_job_of(const struct keeper *k, size_t index, struct box_file *files);

/* A cell for each pending command, armed: cell i into *ret[i], which is empty. After an error some
 * may have been filled. */
must_check_ int keeper_arm_pending(struct keeper *k, struct cell *const ret[], struct err *e);

/* While a program runs: arm the cell of the command that came meanwhile, if that is a matter of a
 * moment and there is a core for it. */
void keeper_arm_beside(struct keeper *k);

/* While none runs: arm the cell of the command that has come, unless the client has said more. */
void keeper_arm_idle(struct keeper *k);

/* Drop the commands sent since the last RUN, with their descriptors and what was armed for them. */
void keeper_forget_pending(struct keeper *k);

/* A cell for `image`: a warm one, or a new one. */
must_check_ int keeper_take_cell(struct keeper *k, const char *image, struct cell *ret,
                                 struct err *e);

/* Whether nothing on the host has killed it while it waited. */
bool keeper_cell_alive(const struct cell *c);

/* Whether a warm one of `image` is there. */
bool keeper_has_warm(const struct keeper *k, const char *image);

/* Whether the client has said something, or does so within wait_ns. */
bool keeper_client_waits(const struct keeper *k, int64_t wait_ns);

/* A cell whose command has been answered: removed, now or when there is time (keeper_tidy). Its
 * program used peak_bytes of memory, -1: unknown. */
void keeper_put_away(struct keeper *k, struct cell *c, int64_t peak_bytes);

/* Remove used cells, then make warm ones until there are enough, or until the client wants
 * something. A warm cell that cannot be made is logged and left out. */
void keeper_tidy(struct keeper *k);

/* Before the first cell, once the limit of descriptors is what it will be. */
must_check_ int keeper_pool_begin(struct keeper *k, struct err *e);

/* Nobody wanted anything for a while: only box.warm cells are kept. */
void keeper_rest(struct keeper *k);

/* Whether there is something that keeper_rest gives up. */
bool keeper_may_rest(const struct keeper *k);

/* Have the next warm cell made while programs run, if there is a core for it. */
void keeper_ask_ahead(struct keeper *k);

/* The cores on which no slot's program is nor soon will be. Returns false when there are none, or
 * when nobody knows. */
bool keeper_room_beside(const struct keeper *k, cpu_set_t *ret);

/* Take what was made ahead, now that it is there (k->ahead.sock is readable). */
void keeper_take_ahead(struct keeper *k);

/* Remove all cells, warm and used, and what makes them ahead. */
void keeper_pool_end(struct keeper *k);

/* Fill k->proof by running the probe in cells. ERR_SYS when a layer that was not allowed to be
 * missing is. */
must_check_ int keeper_prove(struct keeper *k, struct err *e);

/* Answer COLLECT from k->kept. */
must_check_ int keeper_collect(struct keeper *k, int64_t max_bytes, struct err *e);
