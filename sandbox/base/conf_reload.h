/*
 * conf_reload.h - reading the configuration again while a program runs, all or nothing: what cannot
 * be read or does not fit together leaves the old one in force. Keys that only a start can change
 * (all that conf_hot.def does not name) keep their old values, and are reported.
 */
#pragma once

#include "sandbox/base/buf.h"
#include "sandbox/base/conf.h"
#include "sandbox/base/opt.h"

struct conf_change {
    struct buf changed; /* keys that are others now, with blanks between */
    struct buf waiting; /* keys that were changed in the file, but wait for a restart */
};

void conf_change_done(struct conf_change *c);
#define auto_conf_change_ __attribute__((cleanup(conf_change_done)))

/* Read it as at the start (conf_load_args with `path` and `pairs`), on top of what `old` has in
 * cold keys. 0: *ret is whole (conf_done is the caller's) and `change` says what is different. -1:
 * `e` names the file, the line and what was expected; nothing to free. Images are hot. */
must_check_ int conf_reload(const struct conf *old, const char *path, const struct opt_list *pairs,
                            struct conf *ret, struct conf_change *change, struct err *e);

/* Say what a reload came to, as every program does: in the log, and to whoever asked for it, by
 * ready_report ("reloaded CHANGED<tab>WAITING<tab>DETAIL", or "refused REASON"). */
void conf_reload_say(const struct log *log, int ready_fd, const struct conf_change *change,
                     const char *detail);
void conf_reload_refuse(const struct log *log, int ready_fd, const struct err *why);
